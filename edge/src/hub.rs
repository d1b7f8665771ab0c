//! Fan-out: who listens to which room, and how one frame reaches all of them.
//!
//! One sequencer takes in what the broker announces and makes of it one gapless stream per room; shards own the
//! connections and write each room's stream to its members.

pub(crate) mod announce;
pub(crate) mod asks;
#[cfg(feature = "bench-check")]
pub mod bench_check;
mod blocks;
mod by_user;
mod crowd;
pub(crate) mod frame;
mod intake;
mod interest;
mod leftovers;
mod peek;
pub(crate) mod recent;
mod room;
mod seats;
mod sequencer;
mod served;
pub(crate) mod shard;
pub(crate) mod shards;
pub(crate) mod traced;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use broker::Broker;
use runtime::{health::Part, trace};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::{asks::Ask, interest::Interest, sequencer::Sequencer, shard::Command, shards::Shards};
use crate::{
    beat::Roster,
    canary::Canary,
    config::Subscribing,
    recovery::{heads::Heads, log::Log},
    socket::{admission::Newcomer, home::Home, shared::Shared},
};

/// A room's id.
pub(crate) type RoomId = Arc<str>;

/// What admissions ask the hub for. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Hub {
    shards: Shards,
    rooms: Arc<AtomicUsize>,
}

/// What the hub stands on.
pub(crate) struct Ground {
    pub(crate) log: Log,
    pub(crate) broker: Broker,
    /// To which channels of it.
    pub(crate) subscribing: Subscribing,
    pub(crate) canary: Canary,
    /// Red while no hint arrives of what changes.
    pub(crate) hints: Part,
    pub(crate) shared: Shared,
    pub(crate) roster: Roster,
    /// Cancelled when the last connection is gone after the shutdown began.
    pub(crate) over: CancellationToken,
}

impl Hub {
    /// Starts the hub's tasks. They answer to what is `asked`.
    ///
    /// # Errors
    /// Where the kernel has no files left to watch sockets with.
    pub(crate) fn start(ground: Ground, asked: mpsc::Receiver<Ask>) -> io::Result<Self> {
        let Ground {
            log,
            broker,
            subscribing,
            canary,
            hints,
            shared,
            roster,
            over,
        } = ground;
        let shutdown = &shared.shutdown;
        let shards = Shards::start(&log, &shared, &roster, &over)?;
        let rooms = Arc::new(AtomicUsize::new(0));
        let announcer = announce::start(broker.clone(), shutdown);
        let interest = Interest::new(subscribing, trace::is_on());
        let (sequencer, answers) = Sequencer::new(
            interest,
            log,
            shards.clone(),
            announcer,
            Arc::clone(&rooms),
            shutdown,
        );
        let heads = Heads::new(broker.connected(), canary.clone(), hints, Instant::now());
        shutdown.spawn(intake::run(
            sequencer, heads, broker, canary, asked, answers, over,
        ));
        Ok(Self { shards, rooms })
    }

    /// Rooms with a subscriber here.
    pub(crate) fn rooms_served(&self) -> usize {
        self.rooms.load(Ordering::Relaxed)
    }

    /// What the connections share that a user's belong to.
    pub(crate) fn home(&self, user_id: &str) -> Arc<Home> {
        self.shards.home(user_id)
    }

    /// Takes a connection in, so that it is read, and gets what is for its user and for everybody.
    pub(crate) async fn register(&self, newcomer: Newcomer) {
        let shard = self.shards.of(&newcomer.connection);
        shard.send(Command::Register(Box::new(newcomer))).await;
    }

    /// Asks every connection to leave, spread over the time of [`SocketLimits::drain`](crate::socket::SocketLimits::drain).
    pub(crate) async fn drain(&self) {
        self.shards.all(|| Command::Drain).await;
    }
}
