//! The shards together: which one owns a connection, and how each is reached.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    sync::Arc,
    thread::available_parallelism,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::shard::{Command, Shard, Share};
use crate::{
    beat::Roster,
    recovery::log::Log,
    socket::{connection::Connection, home::Home, shared::Shared},
};

/// Commands that may wait for one shard; whoever sends more waits, too.
const COMMANDS: usize = 256;

/// Bytes of frames that may wait for one shard; likewise.
const FRAME_BYTES: u32 = 8 * 1024 * 1024;

/// All shards. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Shards {
    all: Arc<[Handle]>,
    by_user: RandomState,
}

/// A command on its way to a shard.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(super) command: Command,
    pub(super) weight: Weight,
}

/// What a command's frames take of [`FRAME_BYTES`], until it is dropped.
pub(super) type Weight = Option<Arc<OwnedSemaphorePermit>>;

impl From<Command> for Queued {
    /// A command without frames.
    fn from(command: Command) -> Self {
        Self {
            command,
            weight: None,
        }
    }
}

/// One shard.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    commands: mpsc::Sender<Queued>,
    bytes: Arc<Semaphore>,
    home: Arc<Home>,
}

impl Handle {
    fn new(commands: mpsc::Sender<Queued>, home: Arc<Home>) -> Self {
        Self {
            commands,
            home,
            bytes: Arc::new(Semaphore::new(FRAME_BYTES as usize)),
        }
    }

    /// Fails silently when the process is ending.
    pub(crate) async fn send(&self, command: Command) {
        let bytes = u32::try_from(command.frame_bytes()).unwrap_or(FRAME_BYTES);
        let weight = match bytes.min(FRAME_BYTES) {
            0 => None,
            // Closed never: an error here can't be.
            bytes => {
                let weight = Arc::clone(&self.bytes).acquire_many_owned(bytes).await;
                weight.ok().map(Arc::new)
            }
        };
        let _ = self.commands.send(Queued { command, weight }).await;
    }
}

impl Shards {
    /// One per core.
    ///
    /// # Errors
    /// Where the kernel has no files left to watch sockets with.
    pub(super) fn start(
        log: &Log,
        shared: &Shared,
        roster: &Roster,
        over: &CancellationToken,
    ) -> io::Result<Self> {
        let count = available_parallelism().map_or(1, usize::from);
        let all = (0..count).map(|_| {
            let home = Arc::new(Home::new(shared.limits.queue_bytes, roster.clone())?);
            let (sender, commands) = mpsc::channel(COMMANDS);
            let own = sender.downgrade();
            let shard = Shard::new(own, log.clone(), Arc::clone(&home), Arc::clone(shared));
            shared.shutdown.spawn(shard.run(commands, over.clone()));
            Ok(Handle::new(sender, home))
        });
        Ok(Self {
            all: all.collect::<io::Result<_>>()?,
            by_user: RandomState::new(),
        })
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

    /// What the connections of a user's shard share.
    pub(super) fn home(&self, user_id: &str) -> Arc<Home> {
        Arc::clone(&self.all[self.index(user_id)].home)
    }

    /// The shard that owns a connection.
    pub(super) fn of(&self, connection: &Connection) -> &Handle {
        self.at(self.index(connection.user_id()))
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

    /// Fans out what each shard, by its number, has a share in.
    pub(super) async fn publish(&self, shares: Vec<Vec<Share>>) {
        for (shard, shares) in self.all.iter().zip(shares) {
            if !shares.is_empty() {
                shard.send(Command::Frames(shares)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::hub::frame::{Class, Frame};

    #[tokio::test]
    async fn frames_wait_for_a_shard_up_to_a_bound_in_bytes() {
        let (sender, mut queued) = mpsc::channel(COMMANDS);
        let home = Home::new(1024, Roster::default()).unwrap();
        let shard = Handle::new(sender, Arc::new(home));
        let share = FRAME_BYTES as usize / 4;
        let big = || Command::ToAll(Frame::text(&vec![b'x'; share], Class::Kept));
        for _ in 0..3 {
            shard.send(big()).await;
        }
        let mut fourth = std::pin::pin!(shard.send(big()));
        assert!(timeout(Duration::from_millis(50), &mut fourth).await.is_err());
        // What has no frames still gets through, and one more fits when one is done.
        shard.send(Command::Drain).await;
        drop(queued.recv().await);
        fourth.await;
        assert_eq!(queued.len(), 4);
        // One over the bound goes alone.
        while queued.try_recv().is_ok() {}
        let frame = Frame::text(&vec![b'x'; 2 * FRAME_BYTES as usize], Class::Kept);
        shard.send(Command::ToAll(frame)).await;
        assert_eq!(queued.len(), 1);
    }
}
