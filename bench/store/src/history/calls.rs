//! The calls by which an edge reads a room, each timed from the request to the whole answer.

use std::time::{Duration, Instant};

use proto::chat::{
    ChangesSinceRequest, HeadsRequest, HistoryRequest, chat_service_client::ChatServiceClient,
};
use tonic::transport::Channel;

use super::{Settings, fill};
use crate::{callers, chat::Chat, figures::Figures};

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

impl Call {
    fn name(self) -> &'static str {
        match self {
            Self::Latest => "newest_page",
            Self::Before => "middle_page",
            Self::Middle => "middle_changes",
            Self::Resume => "last_changes",
            Self::Head => "head",
        }
    }
}

/// Makes so many calls of each kind. What is noted of them begins with `name`.
pub(super) async fn measure(chat: &Chat, settings: &Settings, name: &str, figures: &mut Figures) {
    let client = ChatServiceClient::connect(format!("http://{}", chat.address()))
        .await
        .expect("chat-svc answers");
    for call in CALLS {
        let mut took = Vec::with_capacity(settings.calls);
        for nth in 0..settings.calls {
            took.push(time(client.clone(), call, settings.messages, nth).await);
        }
        figures.spread(&format!("{name}{}", call.name()), &mut took);
    }
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
