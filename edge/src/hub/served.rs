//! One room that somebody here listens to: its stream, its members by shard and user, and who waits to be one.

use std::{mem, sync::Arc, time::Instant};

use super::{RoomId, by_user::ByUser, crowd::Crowd, frame::Frame, traced::Announced};
use crate::{
    recovery::{heads::Standing, seen::Seen, tail::Tail},
    socket::connection::Connection,
};

/// See the module.
pub(super) struct Served {
    pub(super) id: RoomId,
    /// Tells a room from the same one that was listened to before, or before its log was set back.
    pub(super) epoch: u64,
    pub(super) tail: Tail,
    /// Whether the head was asked for.
    pub(super) is_asked: bool,
    /// Hints may have been lost after the head that is on its way.
    pub(super) is_unsure: bool,
    /// What this round fans out.
    pub(super) due: Vec<Frame>,
    /// Changes on their way here that belong to a trace.
    pub(super) announced: Announced,
    members: ByUser,
    by_shard: Box<[u32]>,
    waiting: Vec<Waiting>,
    crowd: Crowd,
}

/// Somebody who waits for the room's head.
pub(super) struct Waiting {
    pub(super) connection: Arc<Connection>,
    pub(super) generation: u32,
    pub(super) after: Option<Seen>,
}

impl Served {
    pub(super) fn new(id: RoomId, epoch: u64, shards: usize) -> Self {
        Self {
            id,
            epoch,
            tail: Tail::starting(),
            is_asked: false,
            is_unsure: false,
            due: Vec::new(),
            announced: Announced::default(),
            members: ByUser::default(),
            by_shard: vec![0; shards].into(),
            waiting: Vec::new(),
            crowd: Crowd::default(),
        }
    }

    /// A connection that becomes a member when the head is known.
    pub(super) fn wait(&mut self, waiting: Waiting) {
        self.waiting.push(waiting);
    }

    /// The head is known.
    pub(super) fn take_waiting(&mut self) -> Vec<Waiting> {
        mem::take(&mut self.waiting)
    }

    /// A member; tells whether it is the user's first.
    pub(super) fn enter(&mut self, connection: &Arc<Connection>, shard: usize) -> bool {
        let is_first = self.members.of(connection.user_id()).next().is_none();
        if !self.members.insert(connection) {
            return false;
        }
        self.by_shard[shard] += 1;
        is_first
    }

    /// A member, or one that waits, of that shard no more; tells whether it was the user's last.
    pub(super) fn leave(&mut self, connection: &Connection, shard: usize) -> bool {
        self.waiting.retain(|one| one.connection.id != connection.id);
        if !self.members.remove(connection) {
            return false;
        }
        self.by_shard[shard] -= 1;
        self.members.of(connection.user_id()).next().is_none()
    }

    /// Whether members are told now that somebody has come or left.
    pub(super) fn is_told(&mut self) -> bool {
        self.crowd.is_told(self.members.len(), Instant::now())
    }

    /// Where the stream stands, once it does.
    pub(super) fn standing(&self, id: &RoomId) -> Option<Standing> {
        self.tail.has_started().then(|| Standing {
            room: Arc::clone(id),
            epoch: self.epoch,
            at: self.tail.stands_at(),
        })
    }

    /// Members by shard.
    pub(super) fn by_shard(&self) -> &[u32] {
        &self.by_shard
    }

    /// Whether nobody listens.
    pub(super) fn is_idle(&self) -> bool {
        self.members.len() == 0 && self.waiting.is_empty()
    }
}
