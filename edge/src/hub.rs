//! Fan-out: who listens to which room, and how one frame reaches all of them.
//!
//! One sequencer takes in what the broker announces and makes of it one gapless stream per room; shards own the
//! connections and write each room's stream to its members.

pub(crate) mod announce;
mod asks;
pub(crate) mod frame;
mod intake;
pub(crate) mod room;
mod sequencer;
mod served;
pub(crate) mod shard;
pub(crate) mod shards;
pub(crate) mod traced;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use broker::Broker;
use runtime::{Shutdown, health::Part};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::{asks::Ask, sequencer::Sequencer, shard::Command, shards::Shards};
use crate::{
    canary::Canary,
    recovery::{heads::Heads, log::Log, seen::Seen},
    socket::{SocketLimits, connection::Connection},
};

/// A room's id.
pub(crate) type RoomId = Arc<str>;

/// Requests of connections that may wait for the sequencer.
const ASKS: usize = 1024;

/// What connections ask the hub for. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Hub {
    asks: mpsc::Sender<Ask>,
    shards: Shards,
    generations: Arc<AtomicU64>,
    rooms: Arc<AtomicUsize>,
}

/// What the hub stands on.
pub(crate) struct Ground<'a> {
    pub(crate) log: Log,
    pub(crate) broker: Broker,
    pub(crate) canary: Canary,
    /// Red while no hint arrives of what changes.
    pub(crate) hints: Part,
    pub(crate) limits: Arc<SocketLimits>,
    pub(crate) shutdown: &'a Shutdown,
    /// Cancelled when the last connection is gone after the shutdown began.
    pub(crate) over: CancellationToken,
}

impl Hub {
    /// Starts the hub's tasks.
    pub(crate) fn start(ground: Ground<'_>) -> Self {
        let Ground {
            log,
            broker,
            canary,
            hints,
            limits,
            shutdown,
            over,
        } = ground;
        let shards = Shards::start(&log, &limits, shutdown, &over);
        let rooms = Arc::new(AtomicUsize::new(0));
        let (asks, asked) = mpsc::channel(ASKS);
        let announcer = announce::start(broker.clone(), shutdown);
        let (sequencer, answers) =
            Sequencer::new(log, shards.clone(), announcer, Arc::clone(&rooms), shutdown);
        let heads = Heads::new(broker.connected(), canary.clone(), hints, Instant::now());
        shutdown.spawn(intake::run(
            sequencer, heads, broker, canary, asked, answers, over,
        ));
        Self {
            asks,
            shards,
            generations: Arc::default(),
            rooms,
        }
    }

    /// Rooms with a subscriber here.
    pub(crate) fn rooms_served(&self) -> usize {
        self.rooms.load(Ordering::Relaxed)
    }

    /// Takes a connection in, so that it gets what is for its user and for everybody.
    pub(crate) async fn register(&self, connection: &Arc<Connection>) {
        let command = Command::Register(Arc::clone(connection));
        self.shards.of(connection).send(command).await;
    }

    /// Subscribes a connection to a room; anew, if it is already subscribed. With `after`, what came after that change is
    /// replayed first. Everything else is told to the connection: confirmed, refused, frames.
    pub(crate) async fn subscribe(&self, connection: &Arc<Connection>, room: &RoomId, after: Option<Seen>) {
        let generation = self.generations.fetch_add(1, Ordering::Relaxed);
        connection.subscribing(room, generation);
        self.ask(Ask::Subscribe {
            connection: Arc::clone(connection),
            room: Arc::clone(room),
            generation,
            after,
        })
        .await;
    }

    /// Ends a subscription; the connection is told when nothing more of the room follows.
    pub(crate) async fn unsubscribe(&self, connection: &Arc<Connection>, room: &RoomId) {
        connection.unsubscribed(room);
        self.ask(Ask::Unsubscribe {
            connection: Arc::clone(connection),
            room: Arc::clone(room),
        })
        .await;
    }

    /// Lets a connection go, with the rooms that it was subscribed to.
    pub(crate) async fn gone(&self, connection: &Arc<Connection>, rooms: Vec<RoomId>) {
        let command = Command::Forget(Arc::clone(connection));
        self.shards.of(connection).send(command).await;
        self.ask(Ask::Gone {
            connection: Arc::clone(connection),
            rooms,
        })
        .await;
    }

    /// Asks every connection to leave, spread over the time of [`SocketLimits::drain`].
    pub(crate) async fn drain(&self) {
        self.shards.all(|| Command::Drain).await;
    }

    async fn ask(&self, ask: Ask) {
        // Fails only when the process is ending.
        let _ = self.asks.send(ask).await;
    }
}
