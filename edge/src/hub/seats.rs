//! The connections of a shard: their sockets are read here, and who is silent, gone or asked to leave is let go.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    meters,
    socket::{
        admission::Newcomer,
        close::CloseCode,
        connection::Connection,
        farewell,
        gate::Entered,
        home::Home,
        inbound::{Inbound, Read},
        poll::Ready,
        shared::Shared,
    },
};

use super::{
    blocks::Blocks,
    by_user::ByUser,
    frame::{Batch, Frame},
    leftovers::Leftovers,
};

/// Read at once, in bytes. One buffer for all, so that an idle connection owns none.
const READ: usize = 64 * 1024;

/// Connections that one step of a sweep looks at, at least.
const SWEPT: usize = 2000;

/// Steps that a sweep is made in, at most: a long pause at once would be felt in every room.
const STEPS: usize = 40;

/// See the module.
pub(super) struct Seats {
    taken: Blocks<Seat>,
    multiplexed: ByUser,
    home: Arc<Home>,
    shared: Shared,
    buffer: Box<[u8]>,
    noticed: Vec<Arc<Connection>>,
    /// Those that may have more to be read at once.
    again: Vec<usize>,
    began: Instant,
    /// Where the sweep goes on.
    swept: usize,
    leftovers: Leftovers,
}

struct Seat {
    connection: Arc<Connection>,
    inbound: Inbound,
    entered: Entered,
    /// When the client was last heard.
    heard: Moment,
    /// When it was last pinged.
    pinged: Moment,
    /// Whether there may be something to read.
    unread: bool,
    /// Whether the client's end is closed.
    ended: bool,
}

impl Seats {
    pub(super) fn new(home: Arc<Home>, shared: Shared) -> Self {
        Self {
            taken: Blocks::default(),
            multiplexed: ByUser::default(),
            home,
            shared,
            buffer: vec![0; READ].into(),
            noticed: Vec::new(),
            again: Vec::new(),
            began: Instant::now(),
            swept: 0,
            leftovers: Leftovers::default(),
        }
    }

    /// All connections.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.taken.iter().map(|seat| &seat.connection)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.taken.len()
    }

    /// A connection begins here.
    pub(super) fn take_in(&mut self, newcomer: Newcomer) {
        let Newcomer {
            connection,
            mut inbound,
            early,
            entered,
        } = newcomer;
        let now = self.now();
        self.leftovers.moved();
        let key = self.taken.next_key();
        connection.seated(u32::try_from(key).unwrap_or(u32::MAX));
        if connection.is_multiplexed() {
            self.multiplexed.insert(&connection);
        }
        inbound.hear(&connection, &mut early.to_vec());
        self.taken.insert(Seat {
            connection: Arc::clone(&connection),
            inbound,
            entered,
            heard: now,
            pinged: now,
            unread: false,
            ended: false,
        });
        if let Err(error) = self.home.poll.add(&connection.stream, name(key, &connection)) {
            tracing::warn!(%error, "a connection can't be watched");
            connection.close(CloseCode::TryLater);
        }
        self.attend(key);
    }

    /// Something happened to a socket.
    pub(super) fn serve(&mut self, ready: Ready) {
        let Ok(key) = usize::try_from(ready.key & u64::from(u32::MAX)) else {
            return;
        };
        // What was told of a connection that is gone may come after another one took its seat.
        let Some(seat) = self
            .taken
            .get_mut(key)
            .filter(|seat| name(key, &seat.connection) == ready.key)
        else {
            return;
        };
        if ready.writable {
            seat.connection.flush();
        }
        seat.unread |= ready.readable || ready.ended;
        seat.ended |= ready.ended;
        if seat.unread {
            self.attend(key);
        }
    }

    /// Looks at the connections that have changed.
    pub(super) fn look_at_noticed(&mut self) {
        let mut noticed = std::mem::take(&mut self.noticed);
        self.home.take_noticed(&mut noticed);
        for connection in noticed.drain(..) {
            connection.looked_at();
            if let Some(key) = connection.seat() {
                self.attend(key);
            }
        }
        self.noticed = noticed;
    }

    /// Whether some connections have more to be read at once.
    pub(super) fn has_more(&self) -> bool {
        !self.again.is_empty()
    }

    /// Reads on from those.
    pub(super) fn read_on(&mut self) {
        for key in std::mem::take(&mut self.again) {
            self.attend(key);
        }
    }

    fn attend(&mut self, key: usize) {
        let now = self.now();
        let Some(seat) = self.taken.get_mut(key) else {
            return;
        };
        let connection = &seat.connection;
        seat.inbound.take_on(connection);
        let mut gone = false;
        if seat.unread && !connection.is_over() {
            let (read, heard) = seat.inbound.read(connection, &mut self.buffer, seat.ended);
            if heard {
                seat.heard = now;
            }
            match read {
                Read::All => seat.unread = false,
                Read::More => self.again.push(key),
                Read::HeldUp => {}
                Read::Gone => gone = true,
            }
        }
        if gone || connection.is_over() {
            self.dismiss(key);
        }
    }

    /// Lets a connection go: from here on it is a task of its own that says goodbye.
    fn dismiss(&mut self, key: usize) {
        let Some(Seat {
            connection, entered, ..
        }) = self.taken.remove(key)
        else {
            return;
        };
        self.leftovers.moved();
        connection.unseated();
        self.home.poll.remove(&connection.stream);
        if connection.is_multiplexed() {
            self.multiplexed.remove(&connection);
        }
        let shutdown = self.shared.shutdown.clone();
        shutdown.spawn(farewell::see_off(Arc::clone(&self.shared), connection, entered));
    }

    /// For a user's multiplexed sockets.
    pub(super) fn send_to_user(&self, user_id: &str, frame: Frame) {
        send_to(self.multiplexed.of(user_id), frame);
    }

    /// For all multiplexed sockets.
    pub(super) fn send_to_all(&self, frame: Frame) {
        send_to(self.multiplexed.iter(), frame);
    }

    /// How long until the next step of the sweep.
    pub(super) fn sweep_every(&self) -> Duration {
        let limits = &self.shared.limits;
        let all = (limits.ping_every.min(limits.silence) / 8)
            .clamp(Duration::from_millis(10), Duration::from_secs(1));
        all / u32::try_from(self.steps()).unwrap_or(1)
    }

    fn steps(&self) -> usize {
        (self.taken.len() / SWEPT).clamp(1, STEPS)
    }

    /// One step of the sweep: pings who was not pinged for a while, and lets go of who fell silent.
    pub(super) fn sweep(&mut self) {
        let now = self.now();
        let (silence, ping_every) = (
            millis(self.shared.limits.silence),
            millis(self.shared.limits.ping_every),
        );
        let end = self.taken.capacity();
        let last = self.swept + end.div_ceil(self.steps());
        for key in self.swept..last.min(end) {
            let Some(seat) = self.taken.get_mut(key) else {
                continue;
            };
            if now.since(seat.heard) >= silence {
                seat.connection.close(CloseCode::TooSlow);
            } else if now.since(seat.pinged) >= ping_every {
                seat.pinged = now;
                seat.connection.ping();
            }
        }
        self.swept = if last >= end { 0 } else { last };
        if self.swept == 0 && self.leftovers.swept() {
            memory::give_back();
        }
    }

    fn now(&self) -> Moment {
        Moment::after(self.began.elapsed())
    }
}

/// What the kernel is told of a connection: its seat, and which of those who sat there one after the other it is.
fn name(key: usize, connection: &Connection) -> u64 {
    (connection.id << 32) | (key as u64 & u64::from(u32::MAX))
}

/// A moment, in milliseconds since the shard began. It begins anew every 49 days: nobody is silent for so long.
#[derive(Debug, Clone, Copy)]
struct Moment(u32);

impl Moment {
    #[expect(clippy::cast_possible_truncation, reason = "see the type")]
    fn after(time: Duration) -> Self {
        Self(time.as_millis() as u32)
    }

    /// How many milliseconds after an earlier one.
    fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

fn send_to<'a>(connections: impl Iterator<Item = &'a Arc<Connection>>, frame: Frame) {
    let batch = Batch::of(&[frame]);
    let count = connections.map(|connection| connection.send(&batch)).count();
    meters::frames_out(count);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_told_from_the_first_day_to_long_after_the_49th() {
        let day = Duration::from_hours(24);
        let just_before = Duration::from_millis((1 << 32) - 1000);
        for heard in [Duration::ZERO, just_before, 50 * day, 1000 * day] {
            let now = Moment::after(heard + Duration::from_mins(1));
            assert_eq!(now.since(Moment::after(heard)), 60_000, "{heard:?}");
        }
    }

    #[test]
    fn an_idle_seat_is_small() {
        assert!(size_of::<Option<Seat>>() <= 88, "{}", size_of::<Option<Seat>>());
    }
}
