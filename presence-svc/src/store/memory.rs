//! Presence in one process: ordered maps under one lock, and a clock that never goes back.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, future};
use jiff::Timestamp;

use super::{Answer, Beat, Change, Lifetimes, Online, SWEEP_MAX, Store, Swept, Typist, User};

/// Time since some fixed moment; it must never go back.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// See the module.
pub struct MemoryStore {
    lifetimes: Lifetimes,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    users: BTreeMap<String, Presence>,
    /// By room, then by user.
    typing: BTreeMap<String, BTreeMap<String, Run>>,
}

struct Presence {
    name: String,
    rooms: Vec<String>,
    last_seen: Timestamp,
    until: Duration,
}

struct Run {
    name: String,
    until: Duration,
}

impl MemoryStore {
    /// Empty, with the machine's monotonic clock.
    pub fn new(lifetimes: Lifetimes) -> Self {
        let began = Instant::now();
        Self::with_clock(lifetimes, Arc::new(move || began.elapsed()))
    }

    /// Empty, with a clock of the caller's.
    pub fn with_clock(lifetimes: Lifetimes, clock: Clock) -> Self {
        Self {
            lifetimes,
            clock,
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Presence {
    fn online(&self, id: &str) -> Online {
        Online {
            user: User {
                id: id.to_owned(),
                name: self.name.clone(),
            },
            last_seen: self.last_seen,
        }
    }
}

impl State {
    fn beat(&mut self, beat: Beat, until: Duration) -> Option<Change> {
        let Beat { user, rooms, at } = beat;
        if let Some(known) = self.users.get_mut(&user.id) {
            known.name = user.name;
            known.last_seen = at;
            known.until = until;
            if !rooms.is_empty() {
                known.rooms = rooms;
            }
            return None;
        }
        let presence = Presence {
            name: user.name.clone(),
            rooms: rooms.clone(),
            last_seen: at,
            until,
        };
        self.users.insert(user.id.clone(), presence);
        Some(Change { user, rooms })
    }

    fn leave(&mut self, id: &str) -> Option<Change> {
        let (id, Presence { name, rooms, .. }) = self.users.remove_entry(id)?;
        let user = User { id, name };
        Some(Change { user, rooms })
    }

    fn stop(&mut self, room_id: &str, user_id: &str) -> Option<Typist> {
        let room = self.typing.get_mut(room_id)?;
        let (id, Run { name, .. }) = room.remove_entry(user_id)?;
        if room.is_empty() {
            self.typing.remove(room_id);
        }
        Some(Typist {
            user: User { id, name },
            room_id: room_id.to_owned(),
        })
    }
}

fn answer<'a, T: Send + 'a>(value: T) -> Answer<'a, T> {
    future::ready(Ok(value)).boxed()
}

impl Store for MemoryStore {
    fn beat(&self, beats: Vec<Beat>) -> Answer<'_, Vec<Change>> {
        let until = (self.clock)() + self.lifetimes.online;
        let mut state = self.lock();
        let came = beats
            .into_iter()
            .filter_map(|beat| state.beat(beat, until))
            .collect();
        answer(came)
    }

    fn online(&self) -> Answer<'_, Vec<Online>> {
        let now = (self.clock)();
        let state = self.lock();
        let fresh = state.users.iter().filter(|(_, user)| user.until > now);
        answer(fresh.map(|(id, user)| user.online(id)).collect())
    }

    fn user<'a>(&'a self, user_id: &'a str) -> Answer<'a, Option<Online>> {
        let now = (self.clock)();
        let state = self.lock();
        let fresh = state.users.get(user_id).filter(|user| user.until > now);
        answer(fresh.map(|user| user.online(user_id)))
    }

    fn present<'a>(&'a self, user_ids: &'a [&'a str]) -> Answer<'a, HashSet<String>> {
        let state = self.lock();
        let present = user_ids.iter().filter(|id| state.users.contains_key(**id));
        answer(present.map(|&id| id.to_owned()).collect())
    }

    fn leave<'a>(&'a self, user_id: &'a str) -> Answer<'a, Option<Change>> {
        answer(self.lock().leave(user_id))
    }

    fn start_typing<'a>(&'a self, typist: &'a Typist) -> Answer<'a, ()> {
        let now = (self.clock)();
        let run = Run {
            name: typist.user.name.clone(),
            until: now + self.lifetimes.typing,
        };
        let mut state = self.lock();
        let room = state.typing.entry(typist.room_id.clone()).or_default();
        room.insert(typist.user.id.clone(), run);
        answer(())
    }

    fn stop_typing<'a>(&'a self, room_id: &'a str, user_id: &'a str) -> Answer<'a, Option<Typist>> {
        answer(self.lock().stop(room_id, user_id))
    }

    fn typing<'a>(&'a self, room_id: &'a str) -> Answer<'a, Vec<User>> {
        let now = (self.clock)();
        let state = self.lock();
        let runs = state.typing.get(room_id).into_iter().flatten();
        let user = |(id, run): (&String, &Run)| User {
            id: id.clone(),
            name: run.name.clone(),
        };
        answer(runs.filter(|(_, run)| run.until > now).map(user).collect())
    }

    fn sweep(&self) -> Answer<'_, Swept> {
        let now = (self.clock)();
        let mut state = self.lock();
        let due: Vec<String> = state
            .users
            .iter()
            .filter(|(_, user)| user.until <= now)
            .map(|(id, _)| id.clone())
            .take(SWEEP_MAX)
            .collect();
        let gone = due.iter().filter_map(|id| state.leave(id)).collect();
        let due: Vec<(String, String)> = state
            .typing
            .iter()
            .flat_map(|(room, runs)| runs.iter().map(move |(user, run)| (room, user, run)))
            .filter(|(.., run)| run.until <= now)
            .map(|(room, user, _)| (room.clone(), user.clone()))
            .take(SWEEP_MAX)
            .collect();
        let stopped = due
            .iter()
            .filter_map(|(room, user)| state.stop(room, user))
            .collect();
        answer(Swept { gone, stopped })
    }

    fn ping(&self) -> Answer<'_, ()> {
        answer(())
    }
}
