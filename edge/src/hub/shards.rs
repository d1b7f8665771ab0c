//! The shards together: which one owns a connection, and how each is reached.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::Arc,
    thread::available_parallelism,
};

use runtime::Shutdown;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    RoomId,
    frame::Frame,
    shard::{Command, Shard},
};
use crate::{
    recovery::log::Log,
    socket::{SocketLimits, connection::Connection},
};

/// Commands that may wait for one shard; whoever sends more waits, too.
const COMMANDS: usize = 256;

/// All shards. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Shards {
    all: Arc<[Handle]>,
    by_user: RandomState,
}

/// One shard.
#[derive(Debug, Clone)]
pub(crate) struct Handle(mpsc::Sender<Command>);

impl Handle {
    /// Fails silently when the process is ending.
    pub(crate) async fn send(&self, command: Command) {
        let _ = self.0.send(command).await;
    }
}

impl Shards {
    /// One per core.
    pub(super) fn start(
        log: &Log,
        limits: &Arc<SocketLimits>,
        shutdown: &Shutdown,
        over: &CancellationToken,
    ) -> Self {
        let count = available_parallelism().map_or(1, usize::from);
        let all = (0..count).map(|_| {
            let (sender, commands) = mpsc::channel(COMMANDS);
            let shard = Shard::new(
                sender.downgrade(),
                log.clone(),
                Arc::clone(limits),
                shutdown.clone(),
            );
            shutdown.spawn(shard.run(commands, over.clone()));
            Handle(sender)
        });
        Self {
            all: all.collect(),
            by_user: RandomState::new(),
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// The number of the shard that owns a user's connections.
    pub(super) fn index(&self, user_id: &str) -> usize {
        let mut hasher = self.by_user.build_hasher();
        hasher.write(user_id.as_bytes());
        let len = self.all.len() as u64;
        usize::try_from(hasher.finish() % len).unwrap_or(0)
    }

    /// The shard that owns a connection.
    pub(super) fn of(&self, connection: &Connection) -> &Handle {
        self.at(self.index(&connection.user_id))
    }

    /// The shard of a number from [`Shards::index`].
    pub(super) fn at(&self, index: usize) -> &Handle {
        &self.all[index]
    }

    /// Tells every shard.
    pub(super) async fn all(&self, command: impl Fn() -> Command) {
        for shard in self.all.iter() {
            shard.send(command()).await;
        }
    }

    /// Fans frames of a room out on the shards where it has members; the room's stream then stands at `last`.
    pub(super) async fn publish(&self, room: &RoomId, frames: Vec<Frame>, last: u64, members: &[u32]) {
        let frames: Arc<[Frame]> = frames.into();
        for (shard, _) in self.all.iter().zip(members).filter(|(_, members)| **members > 0) {
            let command = Command::Frames {
                room: Arc::clone(room),
                frames: Arc::clone(&frames),
                last,
            };
            shard.send(command).await;
        }
    }
}
