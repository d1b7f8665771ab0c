//! What the sequencer is asked for, and what the log answers it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::sync::mpsc;

use super::RoomId;
use crate::{
    recovery::{
        heads::{Compared, Why},
        log::Unread,
        seen::Seen,
        tail::Page,
    },
    socket::connection::Connection,
};

/// Requests of connections that may wait for the sequencer.
const WAITING: usize = 1024;

/// Asks the hub. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    asks: mpsc::Sender<Ask>,
    /// Begins anew after four billion subscriptions, when nothing of the earlier ones is under way any more.
    generations: Arc<AtomicU32>,
}

/// What connections ask for.
#[derive(Debug)]
pub(crate) enum Ask {
    Subscribe {
        connection: Arc<Connection>,
        room: RoomId,
        generation: u32,
        after: Option<Seen>,
    },
    Unsubscribe {
        connection: Arc<Connection>,
        room: RoomId,
    },
    Gone {
        connection: Arc<Connection>,
        rooms: Vec<RoomId>,
    },
}

/// Somebody who asks, and where the questions arrive.
pub(crate) fn channel() -> (Asker, mpsc::Receiver<Ask>) {
    let (asks, asked) = mpsc::channel(WAITING);
    let generations = Arc::default();
    (Asker { asks, generations }, asked)
}

impl Asker {
    /// Begins a subscription of a connection to a room; anew, if it is already subscribed. With `after`, what came after
    /// that change is replayed first. Everything else is told to the connection: confirmed, refused, frames. It begins
    /// when what is returned here is asked.
    pub(crate) fn subscribe(&self, connection: &Arc<Connection>, room: &RoomId, after: Option<Seen>) -> Ask {
        let generation = self.generations.fetch_add(1, Ordering::Relaxed);
        connection.subscribing(room, generation);
        Ask::Subscribe {
            connection: Arc::clone(connection),
            room: Arc::clone(room),
            generation,
            after,
        }
    }

    /// Ends a subscription; the connection is told when nothing more of the room follows.
    pub(crate) fn unsubscribe(connection: &Arc<Connection>, room: &RoomId) -> Ask {
        connection.unsubscribed(room);
        Ask::Unsubscribe {
            connection: Arc::clone(connection),
            room: Arc::clone(room),
        }
    }

    /// Asks, if nobody has to be waited for.
    ///
    /// # Errors
    /// What was to be asked.
    pub(crate) fn try_ask(&self, ask: Ask) -> Result<(), Ask> {
        self.asks
            .try_send(ask)
            .map_err(mpsc::error::TrySendError::into_inner)
    }

    /// Asks, when it is its turn.
    pub(crate) async fn ask(&self, ask: Ask) {
        // Fails only when the process is ending.
        let _ = self.asks.send(ask).await;
    }
}

/// What the log answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// The heads of rooms that somebody began to listen to.
    Started {
        asked: Vec<(RoomId, u64)>,
        heads: Result<HashMap<RoomId, Seen>, Unread>,
    },
    /// A page from behind `asked`.
    Page {
        room: RoomId,
        epoch: u64,
        asked: Seen,
        page: Result<Page, Unread>,
    },
    /// Heads to compare.
    Heads(Compared),
    /// No heads.
    NotCompared(Why),
}
