//! A simulated person: one client of the contract that writes, reads, loses its connection and comes back elsewhere.

mod desk;
mod frames;
pub(crate) mod line;
mod writing;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use uuid::Uuid;

use self::{
    desk::{Desk, Position},
    frames::Incoming,
    line::{Heard, Line},
};
use crate::{
    board::{Board, Standing},
    errands::Errands,
    history::{Content, Room, Session, What},
    recorder::Recorder,
    town::{Reads, Resident},
};

/// A client that has heard nothing for so long asks whether anybody is there.
const PING_AFTER: Duration = Duration::from_secs(2);

/// And gives its connection up where nothing comes for so long.
const DEAD_AFTER: Duration = Duration::from_secs(5);

/// The longest pause between two attempts to connect.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The mean pause between two looks into a history.
const LOOKS_EVERY: Duration = Duration::from_secs(6);

/// What everybody is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Life goes on.
    Living,
    /// Nobody writes or leaves any more; what is under way comes to its end.
    Settling,
    /// Everybody goes home.
    Over,
}

/// What people share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    /// `host:port` of each edge.
    pub(crate) doors: Arc<[String]>,
    pub(crate) recorder: Recorder,
    pub(crate) board: Board,
    pub(crate) errands: Errands,
    pub(crate) phase: watch::Receiver<Phase>,
    /// How many people there are, for naming one of them.
    pub(crate) people: u32,
}

/// Lives one life, until the phase is [`Phase::Over`].
pub(crate) async fn live(resident: Resident, shared: Shared, seed: u64) {
    let random = ChaCha8Rng::seed_from_u64(seed ^ u64::from(resident.person.0).wrapping_mul(0x9e37_79b9));
    let mut life = Life {
        resident,
        phase: shared.phase.clone(),
        shared,
        random,
        desk: Desk::default(),
        own: Vec::new(),
        next_write: Instant::now(),
        next_look: Instant::now(),
    };
    life.next_write = life.after_writing();
    life.next_look = Instant::now() + life.about(LOOKS_EVERY);
    let mut pause = Duration::ZERO;
    while life.phase() != Phase::Over {
        sleep(pause).await;
        pause = match life.connect().await {
            Some((session, line)) => {
                let wait = life.converse(session, line).await;
                life.shared
                    .recorder
                    .note(life.resident.person, What::Left { session });
                life.stand(&BTreeSet::new());
                wait.unwrap_or_else(|| Duration::from_millis(life.random.random_range(0..300)))
            }
            // Not in step with others, and not longer than a second: the faults are short.
            None => (pause * 2).clamp(
                Duration::from_millis(life.random.random_range(20..120)),
                PAUSE_MAX,
            ),
        };
    }
}

struct Life {
    resident: Resident,
    shared: Shared,
    phase: watch::Receiver<Phase>,
    random: ChaCha8Rng,
    desk: Desk,
    /// Own messages that are acknowledged, to be changed later.
    own: Vec<(Room, Uuid)>,
    next_write: Instant,
    next_look: Instant,
}

/// What happens on one connection.
struct Talk {
    session: Session,
    line: Line,
    /// What was asked for and is not confirmed yet, with what the person said to have.
    asked: BTreeMap<Room, Option<Position>>,
    joined: BTreeSet<Room>,
    /// Subscriptions to ask for (again) later.
    later: BTreeMap<Room, Instant>,
    heard: Instant,
    pinged: bool,
    leaves: Instant,
    /// Until when nothing is read.
    away_until: Option<Instant>,
    next_away: Instant,
}

/// Why a conversation ends; with how long to wait before the next, where the server said so.
struct Ends(Option<Duration>);

impl Life {
    fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// An exponentially distributed time.
    fn about(&mut self, mean: Duration) -> Duration {
        let uniform: f64 = self.random.random_range(f64::EPSILON..1.0);
        mean.mul_f64(-uniform.ln()).min(mean * 5)
    }

    async fn connect(&mut self) -> Option<(Session, Line)> {
        let door = &self.shared.doors[self.random.random_range(0..self.shared.doors.len())];
        let user = self.resident.person.user_id();
        let url = if self.resident.multiplexed {
            format!("ws://{door}/ws?user_id={user}&username={user}")
        } else {
            let room = self.resident.rooms[0];
            let Position { seq, id } = self.desk.position(room).unwrap_or_default();
            let after_id = id.map_or_else(String::new, |id| format!("&after_id={id}"));
            format!(
                "ws://{door}/ws/{}/{user}?username={user}&after_seq={seq}{after_id}",
                room.id()
            )
        };
        let line = Line::open(&url).await?;
        Some((self.shared.recorder.session(), line))
    }

    /// Talks until the connection is over; how long the server asks to wait.
    async fn converse(&mut self, session: Session, line: Line) -> Option<Duration> {
        let now = Instant::now();
        let mean = self.resident.leaves_every;
        let mut talk = Talk {
            session,
            line,
            asked: BTreeMap::new(),
            joined: BTreeSet::new(),
            later: BTreeMap::new(),
            heard: now,
            pinged: false,
            leaves: now + self.about(mean),
            away_until: None,
            next_away: now + Duration::from_secs(5),
        };
        if self.resident.multiplexed {
            talk.later = self.resident.rooms.iter().map(|room| (*room, now)).collect();
        } else {
            let room = self.resident.rooms[0];
            let after = self.desk.position(room).unwrap_or_default();
            self.joined(&mut talk, room, Some(after), None);
        }
        self.desk.reconnected();
        loop {
            if let Err(Ends(wait)) = self.turn(&mut talk).await {
                // Some say goodbye, some are just gone.
                if self.random.random_bool(0.5) {
                    talk.line.close().await;
                }
                return wait;
            }
        }
    }

    /// Does what is due, then waits for whatever comes first.
    async fn turn(&mut self, talk: &mut Talk) -> Result<(), Ends> {
        let phase = self.phase();
        let now = Instant::now();
        if phase == Phase::Over {
            return Err(Ends(None));
        }
        self.keep_alive(talk, now).await?;
        self.subscribe_due(talk, now).await?;
        if phase == Phase::Living {
            if now >= talk.leaves {
                return Err(Ends(None));
            }
            self.write_due(talk, now).await?;
            self.look_due(now);
            self.turn_away(talk, now);
        } else {
            talk.away_until = None;
        }
        self.send_due(talk, now).await?;
        self.stand(&talk.joined);

        let wake = self.wake(talk, phase, now);
        let reading = talk.away_until.is_none();
        tokio::select! {
            heard = talk.line.hear(), if reading => self.take_in(talk, heard).await,
            () = sleep_until(wake) => Ok(()),
            changed = self.phase.changed() => changed.map_err(|_| Ends(None)),
        }
    }

    fn wake(&self, talk: &Talk, phase: Phase, now: Instant) -> Instant {
        let alive = talk.heard + if talk.pinged { DEAD_AFTER } else { PING_AFTER };
        let due = self.desk.due(&talk.joined);
        let mut wake = [Some(alive), due, talk.later.values().min().copied()]
            .into_iter()
            .flatten()
            .fold(now + PING_AFTER, Instant::min);
        if phase == Phase::Living {
            for due in [self.next_write, self.next_look, talk.leaves] {
                wake = wake.min(due);
            }
            if let Some(until) = talk.away_until {
                wake = wake.min(until);
            }
        }
        wake
    }

    async fn keep_alive(&mut self, talk: &mut Talk, now: Instant) -> Result<(), Ends> {
        if talk.away_until.is_some() {
            return Ok(());
        }
        let silent = now.duration_since(talk.heard);
        if silent >= DEAD_AFTER {
            return Err(Ends(None));
        }
        if silent >= PING_AFTER && !talk.pinged {
            talk.pinged = true;
            say(talk, frames::ping()).await?;
        }
        Ok(())
    }

    async fn subscribe_due(&mut self, talk: &mut Talk, now: Instant) -> Result<(), Ends> {
        let due: Vec<Room> = talk
            .later
            .extract_if(.., |_, at| *at <= now)
            .map(|(room, _)| room)
            .collect();
        for room in due {
            let after = match self.desk.position(room) {
                Some(position) => Some(position),
                // Somebody new begins with everything there is, or with what comes from now on.
                None => self.random.random_bool(0.7).then(Position::default),
            };
            talk.asked.insert(room, after);
            say(talk, frames::subscribe(room, after)).await?;
        }
        Ok(())
    }

    async fn send_due(&mut self, talk: &mut Talk, now: Instant) -> Result<(), Ends> {
        while let Some((outgoing, first)) = self.desk.next_due(now, &talk.joined) {
            let (room, name) = (outgoing.room, outgoing.name);
            if first {
                let content = Content::of(&outgoing.content);
                let sent = What::Sent { room, name, content };
                self.shared.recorder.note(self.resident.person, sent);
            }
            let own_room = self.resident.multiplexed.then_some(room);
            say(talk, frames::message(own_room, name, &outgoing.content)).await?;
        }
        Ok(())
    }

    fn look_due(&mut self, now: Instant) {
        if now >= self.next_look {
            self.next_look = now + self.about(LOOKS_EVERY);
            let room = self.any_room();
            self.shared.errands.read(self.resident.person, room);
        }
    }

    fn turn_away(&mut self, talk: &mut Talk, now: Instant) {
        if let Some(until) = talk.away_until {
            if now >= until {
                talk.away_until = None;
                talk.heard = now;
                talk.next_away = now + Duration::from_secs(8);
            }
        } else if let Reads::InTurns(away) = self.resident.reads
            && now >= talk.next_away
        {
            talk.away_until = Some(now + away);
        }
    }

    async fn take_in(&mut self, talk: &mut Talk, heard: Heard) -> Result<(), Ends> {
        let text = match heard {
            Heard::Text(text) => text,
            Heard::Sign => {
                talk.heard = Instant::now();
                talk.pinged = false;
                return Ok(());
            }
            Heard::Odd => {
                self.trouble("a frame that is no text");
                return Err(Ends(None));
            }
            Heard::Over(code, wait) => {
                // Everything else says that the client broke the contract, which it has not.
                if code.is_some_and(|code| ![1000, 1001, 1013, 4408].contains(&code)) {
                    self.trouble(&format!("closed with {code:?}"));
                }
                return Err(Ends(wait));
            }
        };
        talk.heard = Instant::now();
        talk.pinged = false;
        match frames::read(&text) {
            Ok(incoming) => self.understand(talk, incoming),
            Err(broken) => self.trouble(&broken),
        }
        if let (Reads::Slowly(pause), Phase::Living) = (self.resident.reads, self.phase()) {
            sleep(pause).await;
        }
        Ok(())
    }

    fn understand(&mut self, talk: &mut Talk, incoming: Incoming) {
        let person = self.resident.person;
        let session = talk.session;
        let recorder = self.shared.recorder.clone();
        match incoming {
            Incoming::Change {
                room,
                seq,
                id,
                change,
            } => {
                recorder.note(
                    person,
                    What::Saw {
                        session,
                        room,
                        seq,
                        id,
                        change,
                    },
                );
                self.desk.saw(room, seq, id);
            }
            Incoming::Ack { room, name, id, seq } => {
                recorder.note(person, What::Acked { room, name, id, seq });
                self.desk.acked(name);
                if self.own.len() < 32 {
                    self.own.push((room, id));
                }
            }
            Incoming::Refused {
                room,
                name,
                retry_after_ms,
                code,
            } => {
                if !["unavailable", "rate_limited", "not_subscribed"].contains(&code.as_str()) {
                    self.trouble(&format!("{code} for {name:?}"));
                }
                if let Some(room) = room {
                    recorder.note(person, What::Refused { room, name });
                }
                self.desk
                    .refused(name, Duration::from_millis(retry_after_ms.unwrap_or(200)));
            }
            Incoming::NotJoined {
                room,
                retry_after_ms,
                code,
            } => {
                if code != "unavailable" {
                    self.trouble(&format!("{code} for {room:?}"));
                }
                // A room socket can't subscribe: its errors are about reads and the like.
                if self.resident.multiplexed {
                    talk.asked.remove(&room);
                    talk.joined.remove(&room);
                    let wait = Duration::from_millis(retry_after_ms.unwrap_or(200));
                    talk.later.insert(room, Instant::now() + wait);
                }
            }
            Incoming::Subscribed { room, last_seq } => match talk.asked.remove(&room) {
                Some(after) => self.joined(talk, room, after, Some(last_seq)),
                None => self.trouble(&format!("{room:?} was confirmed without being asked for")),
            },
            Incoming::Reset { room, last_seq } => {
                recorder.note(
                    person,
                    What::Reset {
                        session,
                        room,
                        last_seq,
                    },
                );
                let (seq, id) = (last_seq, None);
                self.desk.read_to(room, Position { seq, id });
            }
            Incoming::Other => {}
        }
    }

    fn joined(&mut self, talk: &mut Talk, room: Room, after: Option<Position>, last_seq: Option<u64>) {
        talk.joined.insert(room);
        let told = last_seq.map(|seq| Position { seq, id: None });
        if let Some(position) = after.or(told) {
            self.desk.read_to(room, position);
        }
        let after = after.map(|after| after.seq);
        self.shared.recorder.note(
            self.resident.person,
            What::Joined {
                session: talk.session,
                room,
                after,
                last_seq,
            },
        );
    }

    fn any_room(&mut self) -> Room {
        self.resident.rooms[self.random.random_range(0..self.resident.rooms.len())]
    }

    fn stand(&self, joined: &BTreeSet<Room>) {
        let positions = self.desk.positions();
        let standing = Standing {
            joined: joined
                .iter()
                .map(|room| (*room, positions.get(room).map_or(0, |position| position.seq)))
                .collect(),
            rooms: self.resident.rooms.len(),
            waits: !self.desk.is_empty(),
        };
        self.shared.board.stand(self.resident.person, standing);
    }

    fn trouble(&self, what: &str) {
        let user = self.resident.person.user_id();
        self.shared.board.trouble(format!("{user}: {what}"));
    }
}

async fn say(talk: &mut Talk, text: String) -> Result<(), Ends> {
    if talk.line.say(text).await {
        Ok(())
    } else {
        Err(Ends(None))
    }
}
