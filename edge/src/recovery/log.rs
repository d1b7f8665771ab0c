//! The room log behind the edge: heads and pages, read from chat-svc.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use proto::chat::{ChangesOfRoomsRequest, ChangesSinceRequest, ChangesSinceResponse, HeadsRequest};
use runtime::{Shutdown, client::idempotent, deadline};
use tokio::sync::{Semaphore, SemaphorePermit};
use tonic::{Code, Status};

use super::{passed::KEPT, seen::Seen, tail::Page};
use crate::{
    gather::{Bounds, Gather},
    hub::{
        RoomId,
        frame::{Class, Frame},
    },
    upstream::Upstream,
};

/// How long one question to the log may take.
const DEADLINE: Duration = Duration::from_secs(3);

/// Changes in one page.
const PAGE: u32 = 500;

/// Bytes of frames after which a page of a replay ends, about what a client drains at once: each replay holds its page
/// in memory for as long as its client takes.
const REPLAY_BYTES: u32 = 64 * 1024;

/// The same for a page that mends a live stream, which nobody has to drain: as much as chat-svc gives.
const REPAIR_BYTES: u32 = 0;

/// Rooms in one question for heads, as the contract with chat-svc bounds it.
const HEADS: usize = 10_000;

/// Those who are asked for together. Most of a crowd miss the same pages of their rooms, so that many of them are a few
/// calls; more wait, so that a storm of reconnects does not drown chat-svc.
const REPLAYS: Bounds = Bounds {
    together: 512,
    calls: 2,
    waiting: 4096,
};

/// Pages in one call, as the contract with chat-svc bounds it.
const PAGES: usize = 64;

/// Pages that are read at once to repair the live streams of rooms, which wait for no replay.
const REPAIRS: usize = 64;

/// Reads the log. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Log(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    upstream: Upstream,
    replays: Gather<Behind, Result<Arc<Page>, Unread>>,
    repairs: Semaphore,
}

/// From where on a page is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Behind {
    room: RoomId,
    after: Seen,
}

/// Why the log can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// There is no such room.
    NoSuchRoom,
    /// chat-svc does not answer.
    Unavailable,
}

impl From<Status> for Unread {
    fn from(status: Status) -> Self {
        match status.code() {
            Code::NotFound | Code::InvalidArgument => Self::NoSuchRoom,
            code => {
                tracing::debug!(?code, message = status.message(), "the log can't be read");
                Self::Unavailable
            }
        }
    }
}

impl Log {
    pub(crate) fn new(upstream: Upstream, shutdown: &Shutdown) -> Self {
        let asked = upstream.clone();
        let replays = Gather::start(REPLAYS, shutdown, move |wanted, mut askers| {
            let upstream = asked.clone();
            async move { askers.answer_in_order(pages(&upstream, wanted).await) }
        });
        Self(Arc::new(Inner {
            upstream,
            replays,
            repairs: Semaphore::new(REPAIRS),
        }))
    }

    /// The heads of rooms; those that don't exist are left out.
    pub(crate) async fn heads(&self, rooms: &[RoomId]) -> Result<HashMap<RoomId, Seen>, Unread> {
        let mut heads = HashMap::with_capacity(rooms.len());
        for rooms in rooms.chunks(HEADS) {
            let room_ids: Vec<String> = rooms.iter().map(ToString::to_string).collect();
            let ask = || {
                let (mut chat, room_ids) = (self.0.upstream.chat.clone(), room_ids.clone());
                async move { chat.heads(HeadsRequest { room_ids }).await }
            };
            let answer = deadline::within(DEADLINE, idempotent(&self.0.upstream.budgets.chat, ask)).await?;
            let found = answer.into_inner().heads;
            heads.extend(found.into_iter().map(|head| {
                let last = Seen::by_service(head.last_seq, &head.last_id);
                (head.room_id.into(), last)
            }));
        }
        Ok(heads)
    }

    /// What changed in a room after `after`: a page for a replay, read after it was asked for, and shared with those who
    /// asked for the same.
    pub(crate) async fn replay(&self, room: &RoomId, after: Seen) -> Result<Arc<Page>, Unread> {
        let room = Arc::clone(room);
        let page = self.0.replays.ask(Behind { room, after }).await;
        page.unwrap_or(Err(Unread::Unavailable))
    }

    /// A turn to read a page for the live stream of a room.
    pub(crate) async fn repair_turn(&self) -> Option<SemaphorePermit<'_>> {
        self.0.repairs.acquire().await.ok()
    }

    /// What changed in a room after `after`: one page that mends a live stream, as long as chat-svc gives.
    pub(crate) async fn since(&self, room: &str, after: Seen) -> Result<Page, Unread> {
        let ask = || {
            let mut chat = self.0.upstream.chat.clone();
            let request = request(room, after, REPAIR_BYTES);
            async move { chat.changes_since(request).await }
        };
        let answer = deadline::within(DEADLINE, idempotent(&self.0.upstream.budgets.chat, ask)).await?;
        Ok(Page::read(after, answer.into_inner()))
    }
}

/// Reads pages; each that several ask for once. Those that chat-svc does not come to have to be asked for again.
async fn pages(upstream: &Upstream, wanted: Vec<Behind>) -> Vec<Result<Arc<Page>, Unread>> {
    let mut places = HashMap::with_capacity(wanted.len());
    let mut distinct = Vec::with_capacity(wanted.len());
    for behind in &wanted {
        places.entry(behind).or_insert_with(|| {
            distinct.push(request(&behind.room, behind.after, REPLAY_BYTES));
            distinct.len() - 1
        });
    }
    let calls = distinct.chunks(PAGES).map(|asked| call(upstream, asked));
    let pages = join_all(calls).await.concat();
    wanted
        .iter()
        .map(|behind| pages[places[behind]].clone())
        .collect()
}

/// One call for pages.
async fn call(upstream: &Upstream, asked: &[ChangesSinceRequest]) -> Vec<Result<Arc<Page>, Unread>> {
    let ask = || {
        let (mut chat, pages) = (upstream.chat.clone(), asked.to_vec());
        async move { chat.changes_of_rooms(ChangesOfRoomsRequest { pages }).await }
    };
    let answer = deadline::within(DEADLINE, idempotent(&upstream.budgets.chat, ask)).await;
    let answers = match answer {
        Ok(answer) => answer.into_inner().pages,
        Err(status) => {
            tracing::debug!(code = ?status.code(), message = status.message(), "logs can't be read");
            Vec::new()
        }
    };
    let read = asked.iter().zip(answers).map(|(asked, answer)| {
        if answer.no_such_room {
            return Err(Unread::NoSuchRoom);
        }
        Ok(Arc::new(Page::read(Seen::at(asked.after_seq), answer)))
    });
    let mut pages: Vec<_> = read.collect();
    pages.resize(asked.len(), Err(Unread::Unavailable));
    pages
}

fn request(room: &str, after: Seen, max_bytes: u32) -> ChangesSinceRequest {
    ChangesSinceRequest {
        room_id: room.to_owned(),
        after_seq: after.seq,
        after_id: after.id_text(),
        limit: PAGE,
        up_to_seq: 0,
        max_bytes,
    }
}

impl Page {
    fn read(after: Seen, answer: ChangesSinceResponse) -> Self {
        // Only the last few are remembered by their messages.
        let nameless = answer.changes.len().saturating_sub(KEPT);
        let frames = answer.changes.into_iter().enumerate().map(|(at, change)| {
            let seen = if at < nameless {
                Seen::at(change.seq)
            } else {
                Seen::by_frame(change.seq, &change.frame)
            };
            (seen, Frame::text(&change.frame, Class::Logged(change.seq)))
        });
        Self {
            frames: frames.collect(),
            complete_to: answer.complete_to,
            head: Seen::by_service(answer.last_seq, &answer.last_id),
            // A chat-svc that is older than `forked` tells it by the seq alone.
            forked: answer.forked || answer.last_seq < after.seq,
        }
    }
}
