//! The room log behind the edge: heads and pages, read from chat-svc.

mod together;

use std::{collections::HashMap, sync::Arc, time::Duration};

use proto::chat::{ChangesSinceRequest, ChangesSinceResponse, HeadsRequest};
use runtime::Shutdown;
use tokio::sync::{Semaphore, SemaphorePermit};
use tonic::{Code, Status};

use self::together::{Behind, Together};
use super::{passed::KEPT, seen::Seen, tail::Page};
use crate::{
    hub::{
        RoomId,
        frame::{Class, Frame},
    },
    upstream::{Upstream, whole},
};

/// How long one question to the log may take.
const DEADLINE: Duration = Duration::from_secs(3);

/// Changes in one page.
const PAGE: u32 = 500;

/// Bytes of frames after which a page ends that mends a live stream, which nobody has to drain: as much as chat-svc gives.
const REPAIR_BYTES: u32 = 0;

/// Rooms in one question for heads, as the contract with chat-svc bounds it.
const HEADS: usize = 10_000;

/// Pages that are read at once to repair the live streams of rooms, which wait for no replay.
const REPAIRS: usize = 64;

/// Reads the log. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Log(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    upstream: Upstream,
    replays: Together,
    repairs: Semaphore,
}

/// Why the log can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// There is no such room.
    NoSuchRoom,
    /// chat-svc does not answer, or can't read it now.
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
        Self(Arc::new(Inner {
            replays: Together::start(&upstream, shutdown),
            upstream,
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
            let answer = whole::within(DEADLINE, &self.0.upstream.budgets.chat, ask).await?;
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
        self.0.replays.page(Behind { room, after }).await
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
        let answer = whole::within(DEADLINE, &self.0.upstream.budgets.chat, ask).await?;
        Ok(Page::read(after, answer.into_inner()))
    }
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
