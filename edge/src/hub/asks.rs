//! What the sequencer is asked for, and what the log answers it.

use std::{collections::HashMap, sync::Arc};

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

/// What connections ask for.
#[derive(Debug)]
pub(super) enum Ask {
    Subscribe {
        connection: Arc<Connection>,
        room: RoomId,
        generation: u64,
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
