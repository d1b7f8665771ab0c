//! A shard: owns connections and their rooms, and writes each room's stream straight to its members' sockets.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    thread::available_parallelism,
    time::{Duration, Instant},
};

use proto::frame::ServerFrame;
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    RoomId,
    frame::{Batch, Frame},
    recent::Shelf,
    room::Room,
    seats::Seats,
    shards::{Queued, Weight},
    traced::Delivery,
};
use crate::{
    meters,
    recovery::{log::Log, replay::Replay, seen::Seen, tail::Page},
    socket::{admission::Newcomer, connection::Connection, home::Home, shared::Shared},
};

/// Commands taken in one round, before what became due is written.
const ROUND: usize = 256;

/// What a shard is told. Never blocks it: it sends nothing that could wait.
#[derive(Debug)]
pub(crate) enum Command {
    /// A connection of this shard.
    Register(Box<Newcomer>),
    /// A connection becomes a member of a room whose stream stands at `last`.
    Join {
        connection: Arc<Connection>,
        room: RoomId,
        generation: u32,
        after: Option<Seen>,
        last: Seen,
    },
    /// A replay has reached the live stream.
    Meet(Meeting),
    /// A connection is a member no more; told so, if it still listens.
    Leave {
        connection: Arc<Connection>,
        room: RoomId,
        answer: bool,
    },
    /// What rooms give to their members.
    Frames(Vec<Share>),
    /// A room's log was set back.
    Reset { room: RoomId, last: Seen },
    /// For a user's multiplexed sockets.
    ToUser { user_id: Arc<str>, frame: Frame },
    /// For all multiplexed sockets.
    ToAll(Frame),
    /// For the multiplexed sockets in any of some rooms.
    ToRooms { rooms: Arc<[String]>, frame: Frame },
    /// Ask all connections to leave.
    Drain,
}

impl Command {
    /// What its frames take, in bytes.
    pub(super) fn frame_bytes(&self) -> usize {
        match self {
            Self::Frames(shares) => shares.iter().map(|share| share.batch.bytes.len()).sum(),
            Self::ToUser { frame, .. } | Self::ToAll(frame) | Self::ToRooms { frame, .. } => {
                frame.bytes.len()
            }
            _ => 0,
        }
    }
}

/// Frames of a room, in order, for its members on a shard.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    pub(super) room: RoomId,
    pub(super) batch: Arc<Batch>,
    /// Where the room's stream then stands.
    pub(super) last: Seen,
    /// Where some of them belong to a trace.
    pub(super) delivery: Option<Arc<Delivery>>,
}

/// See [`Command::Meet`].
#[derive(Debug)]
pub(crate) struct Meeting {
    pub(crate) room: RoomId,
    pub(crate) connection: u64,
    pub(crate) generation: u32,
    /// The client has everything up to here.
    pub(crate) after: u64,
    /// How it came there, if by one page.
    pub(crate) brought: Option<Brought>,
    /// `Some(seq)`: go on up to there first. `None`: the replay is over.
    pub(crate) reply: oneshot::Sender<Option<u64>>,
}

/// What a replay has brought.
#[derive(Debug)]
pub(crate) struct Brought {
    /// The page begins behind this change.
    pub(crate) from: Seen,
    /// It goes to the end of the log.
    pub(crate) page: Arc<Page>,
}

/// The connections of a shard while the edge stops.
struct Leaving {
    /// Those that have yet to be asked to leave.
    waiting: Vec<Arc<Connection>>,
    /// How many of them at each tick.
    at_once: usize,
    /// How many there were in all.
    of: usize,
}

/// See the module.
pub(super) struct Shard {
    seats: Seats,
    /// Boxed, so that the table's empty places are small.
    rooms: HashMap<RoomId, Box<Room>>,
    dirty: Vec<RoomId>,
    leaving: Option<Leaving>,
    shelf: Shelf,
    own: mpsc::WeakSender<Queued>,
    log: Log,
    home: Arc<Home>,
    shared: Shared,
}

impl Shard {
    pub(super) fn new(own: mpsc::WeakSender<Queued>, log: Log, home: Arc<Home>, shared: Shared) -> Self {
        Self {
            seats: Seats::new(Arc::clone(&home), Arc::clone(&shared)),
            rooms: HashMap::new(),
            dirty: Vec::new(),
            leaving: None,
            shelf: Shelf::default(),
            own,
            log,
            home,
            shared,
        }
    }

    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Queued>, over: CancellationToken) {
        let home = Arc::clone(&self.home);
        let (mut round, mut told) = (Vec::with_capacity(ROUND), Vec::new());
        let mut sweep = std::pin::pin!(sleep(self.seats.sweep_every()));
        let mut goodbye = tokio::time::interval(GOODBYE_TICK);
        // Not once for each tick since the start: everybody would be asked to leave in the same moment.
        goodbye.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let wait = self.until_due();
            tokio::select! {
                count = commands.recv_many(&mut round, ROUND) => if count == 0 { return },
                ready = home.poll.ready(&mut told) => if let Err(error) = ready {
                    // Nothing can be read any more: only a new process helps, and this one tells of it.
                    tracing::error!(%error, "sockets can't be watched");
                    return;
                },
                () = home.noticed() => {}
                () = std::future::ready(()), if self.seats.has_more() => {}
                () = sleep(wait.unwrap_or_default()), if wait.is_some() => {}
                () = &mut sweep => {
                    self.seats.sweep();
                    self.tidy();
                    sweep.as_mut().reset(tokio::time::Instant::now() + self.seats.sweep_every());
                }
                _ = goodbye.tick(), if self.has_goodbyes() => self.say_goodbye(),
                () = over.cancelled() => return,
            }
            for Queued { command, weight } in round.drain(..) {
                self.handle(command, weight).await;
            }
            self.flush().await;
            self.seats.read_on();
            for ready in told.drain(..) {
                self.seats.serve(ready);
            }
            self.seats.look_at_noticed();
        }
    }

    async fn handle(&mut self, command: Command, weight: Weight) {
        match command {
            Command::Register(newcomer) => self.register(*newcomer),
            Command::Join {
                connection,
                room,
                generation,
                after,
                last,
            } => self.join(connection, room, generation, after, last).await,
            Command::Meet(meeting) => self.meet(meeting).await,
            Command::Leave {
                connection,
                room,
                answer,
            } => self.leave(&connection, &room, answer).await,
            Command::Frames(shares) => {
                for share in shares {
                    if let Some(room) = self.rooms.get_mut(&share.room)
                        && room.push(share.batch, share.last, weight.clone(), share.delivery)
                    {
                        self.dirty.push(share.room);
                    }
                }
            }
            Command::Reset { room, last } => {
                if let Some(room) = self.rooms.get_mut(&room) {
                    room.flush(self.shared.limits.queue_bytes / 2).await;
                    room.reset(last);
                }
            }
            Command::ToUser { user_id, frame } => self.seats.send_to_user(&user_id, frame),
            Command::ToAll(frame) => self.seats.send_to_all(frame),
            Command::ToRooms { rooms, frame } => self.to_rooms(&rooms, frame),
            Command::Drain => {
                let ticks = self.shared.limits.drain.as_millis() / GOODBYE_TICK.as_millis();
                let of = self.seats.len();
                let at_once = of / usize::try_from(ticks.max(1)).unwrap_or(usize::MAX) + 1;
                self.leaving = Some(Leaving {
                    waiting: self.seats.iter().cloned().collect(),
                    at_once,
                    of,
                });
            }
        }
    }

    fn register(&mut self, newcomer: Newcomer) {
        if let Some(Leaving { of, .. }) = &self.leaving {
            let connection = &newcomer.connection;
            connection.leave(return_after(connection.id, *of));
        }
        self.seats.take_in(newcomer);
    }

    async fn join(
        &mut self,
        connection: Arc<Connection>,
        id: RoomId,
        generation: u32,
        after: Option<Seen>,
        last: Seen,
    ) {
        let room = self
            .rooms
            .entry(Arc::clone(&id))
            .or_insert_with(|| Box::new(Room::new(Arc::clone(&id), last)));
        room.flush(self.shared.limits.queue_bytes / 2).await;
        room.remove(connection.id);
        let last = room.last();
        if connection.is_multiplexed() {
            connection.answer(&ServerFrame::Subscribed {
                room_id: &id,
                last_seq: last.seq,
                last_id: last.id_text().as_deref(),
            });
        }
        connection.joined(&id, generation);
        let after = match after {
            Some(after) if after.contradicts(last) => {
                meters::frames_out(1);
                connection.feed(&id, generation, &Batch::reset(&id, last));
                None
            }
            // No question to the log: everybody comes back at once when another edge is gone.
            after => after.filter(|after| !after.is_all_of(last)),
        };
        // Whose socket takes nothing is given no more than it drains, by a replay.
        if let Some(after) = after.filter(|_| !connection.has_waiting())
            && let Some((missed, known)) = room.missed(after, Instant::now())
        {
            meters::replayed(missed.parts.len());
            meters::frames_out(missed.parts.len());
            connection.feed(&id, generation, &missed);
            room.join_behind(connection, known);
            return;
        }
        match (after, self.own.upgrade()) {
            (Some(after), Some(shard)) => {
                room.approach(Arc::clone(&connection), generation);
                let replay = Replay {
                    connection,
                    room: id,
                    generation,
                    after,
                    held_from: last.seq,
                    shard,
                    log: self.log.clone(),
                };
                self.shared.shutdown.spawn(replay.run());
            }
            _ => room.join(connection),
        }
    }

    async fn meet(&mut self, meeting: Meeting) {
        let answer = match self.rooms.get_mut(&meeting.room) {
            Some(room) => {
                room.flush(self.shared.limits.queue_bytes / 2).await;
                room.meet(&meeting, &mut self.shelf, Instant::now())
            }
            None => None,
        };
        // Nobody waits where the replay was dropped.
        let _ = meeting.reply.send(answer);
    }

    /// Lets go of parts of logs that nobody asks for any more.
    fn tidy(&mut self) {
        let now = Instant::now();
        while let Some(id) = self.shelf.due(now) {
            if let Some(room) = self.rooms.get_mut(&id) {
                room.tidy(&mut self.shelf, now);
            }
        }
    }

    async fn leave(&mut self, connection: &Arc<Connection>, id: &RoomId, answer: bool) {
        if let Some(room) = self.rooms.get_mut(id) {
            room.flush(self.shared.limits.queue_bytes / 2).await;
            room.remove(connection.id);
            if room.is_empty() {
                self.rooms.remove(id);
            }
        }
        if answer {
            connection.answer(&ServerFrame::Unsubscribed { room_id: id });
        }
    }

    fn to_rooms(&self, rooms: &[String], frame: Frame) {
        let batch = Batch::of(&[frame]);
        let mut told = HashSet::new();
        for room in rooms.iter().filter_map(|room| self.rooms.get(room.as_str())) {
            for connection in room.members() {
                if connection.is_multiplexed() && told.insert(connection.id) {
                    connection.send(&batch);
                }
            }
        }
        meters::frames_out(told.len());
    }

    async fn flush(&mut self) {
        let (floor, now) = (self.shared.limits.flush_floor, Instant::now());
        let mut later = Vec::new();
        for id in std::mem::take(&mut self.dirty) {
            let Some(room) = self.rooms.get_mut(&id) else {
                continue;
            };
            let too_early = room.flushed().is_some_and(|at| now.duration_since(at) < floor);
            if too_early {
                later.push(id);
            } else {
                room.flush(self.shared.limits.queue_bytes / 2).await;
            }
        }
        self.dirty = later;
    }

    /// How long until a room that was flushed too recently may be flushed again.
    fn until_due(&self) -> Option<Duration> {
        (!self.dirty.is_empty()).then_some(self.shared.limits.flush_floor)
    }

    /// Whether somebody has yet to be asked to leave.
    fn has_goodbyes(&self) -> bool {
        let leaving = self.leaving.as_ref();
        leaving.is_some_and(|leaving| !leaving.waiting.is_empty())
    }

    fn say_goodbye(&mut self) {
        if let Some(Leaving { waiting, at_once, of }) = &mut self.leaving {
            for connection in waiting.drain(waiting.len().saturating_sub(*at_once)..) {
                connection.leave(return_after(connection.id, *of));
            }
        }
    }
}

/// How often a part of the connections is asked to leave.
const GOODBYE_TICK: Duration = Duration::from_millis(20);

/// The time that a client which comes back with others gets for itself at another edge: 2,000 come back a second.
const RETURN_TAKES: Duration = Duration::from_micros(500);

/// The longest that a client is asked to wait; more than 30,000 come back faster than [`RETURN_TAKES`] says.
const RETURN_MAX: Duration = Duration::from_secs(15);

/// When a connection's client should be back, so that those of one shard do not all come back at once. All shards let
/// theirs go at the same time, so each has its share of the rate.
fn return_after(id: u64, of: usize) -> Duration {
    let shards = available_parallelism().map_or(1, usize::from);
    let among = RETURN_TAKES.saturating_mul(u32::try_from(of * shards).unwrap_or(u32::MAX));
    // Neighbours by number came one after the other: multiplying by the golden ratio keeps them apart.
    let place = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let spread = u64::try_from(among.min(RETURN_MAX).as_millis()).unwrap_or(0);
    Duration::from_millis((place * spread) >> 32)
}
