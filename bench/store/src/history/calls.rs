//! The calls by which an edge reads a room, each timed from the request to the whole answer.

use std::time::{Duration, Instant};

use proto::chat::{
    ChangesSinceRequest, HeadsRequest, HistoryRequest, chat_service_client::ChatServiceClient,
};
use tonic::transport::Channel;

use super::fill;
use crate::{callers, chat::Chat, figures::percentile};

/// Changes in one answer to somebody who comes back.
const RESUMED: u32 = 1000;

/// Messages of a page.
const PAGE: u32 = 50;

#[derive(Debug, Clone, Copy)]
enum Call {
    /// The newest page.
    Latest,
    /// A page before a seq somewhere in the log.
    Before,
    /// A thousand changes from somewhere in the log, by seq alone.
    Middle,
    /// The last thousand changes, for somebody who says which message was seen last.
    Resume,
    /// The room's head.
    Head,
}

const CALLS: [Call; 5] = [Call::Latest, Call::Before, Call::Middle, Call::Resume, Call::Head];

/// Prints the head of the table.
#[expect(clippy::print_stdout, reason = "the report")]
pub(super) fn print_head() {
    println!(
        "| messages in the room; ms, p50 / p99 | newest {PAGE} | {PAGE} before a seq in the middle | {RESUMED} changes \
         from the middle | last {RESUMED} changes, with the id seen | head |\n|---|---|---|---|---|---|"
    );
}

/// Makes so many calls of each kind, and prints a line.
#[expect(clippy::print_stdout, reason = "the report")]
pub(super) async fn measure(chat: &Chat, size: u32, count: usize, name: &str) {
    let client = ChatServiceClient::connect(format!("http://{}", chat.address()))
        .await
        .expect("chat-svc answers");
    let mut cells = vec![format!("{size}{name}")];
    for call in CALLS {
        let mut took = Vec::with_capacity(count);
        for nth in 0..count {
            took.push(time(client.clone(), call, size, nth).await);
        }
        let (p50, p99) = (percentile(&mut took, 500), percentile(&mut took, 990));
        cells.push(format!("{p50:.2} / {p99:.2}"));
    }
    println!("| {} |", cells.join(" | "));
}

/// The middle half of the log, in steps that do not repeat, so that not the same pages are read again and again.
fn somewhere(size: u32, nth: usize) -> u32 {
    let step = u32::try_from(nth).unwrap_or(0).wrapping_mul(2_654_435_761);
    size / 4 + step % (size / 2)
}

async fn time(mut client: ChatServiceClient<Channel>, call: Call, size: u32, nth: usize) -> Duration {
    let room_id = callers::room(0);
    let page = |before| HistoryRequest {
        room_id: room_id.clone(),
        before,
        after: None,
        limit: PAGE,
    };
    let changes = |after: u32, after_id| ChangesSinceRequest {
        room_id: room_id.clone(),
        after_seq: after.into(),
        limit: RESUMED,
        after_id,
        ..Default::default()
    };
    let began = Instant::now();
    let (got, wanted) = match call {
        Call::Latest | Call::Before => {
            let before = matches!(call, Call::Before).then(|| somewhere(size, nth).into());
            let answer = client.history(page(before)).await.expect("a page");
            (answer.into_inner().messages.len(), PAGE)
        }
        Call::Middle | Call::Resume => {
            let request = if matches!(call, Call::Middle) {
                changes(somewhere(size, nth), None)
            } else {
                changes(size - RESUMED, Some(fill::id(size - RESUMED)))
            };
            let answer = client.changes_since(request).await.expect("changes");
            (answer.into_inner().changes.len(), RESUMED)
        }
        Call::Head => {
            let room_ids = vec![room_id];
            let answer = client.heads(HeadsRequest { room_ids }).await.expect("a head");
            (answer.into_inner().heads.len(), 1)
        }
    };
    let took = began.elapsed();
    assert_eq!(got, wanted as usize, "{call:?} at {size}");
    took
}
