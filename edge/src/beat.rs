//! Who is connected to this edge, and the heartbeats that keep them online.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use proto::presence::{HeartbeatManyRequest, HeartbeatRequest};
use runtime::{Shutdown, client::idempotent, deadline};
use tokio::sync::Notify;

use crate::{hub::RoomId, socket::connection::Connection, upstream::Upstream};

/// How often everybody is beaten for: three beats within the 30 s that one lasts.
const EVERY: Duration = Duration::from_secs(10);

/// How long those who have just come, or have just entered a room, wait for others of their kind.
const GATHER: Duration = Duration::from_millis(100);

/// How long one beat may take.
const DEADLINE: Duration = Duration::from_secs(3);

/// Users in one call. Fewer than the 10,000 that presence-svc takes: what is told of all users would be in memory at once.
const USERS: usize = 500;

/// Rooms of one user in a beat.
const ROOMS: usize = 200;

/// The users connected to this edge. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roster(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    present: Mutex<Present>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Present {
    users: HashMap<Arc<str>, User>,
    /// Those to beat for at once.
    fresh: HashSet<Arc<str>>,
}

#[derive(Debug)]
struct User {
    username: Arc<str>,
    connections: u32,
    rooms: Rooms,
}

/// How many of a user's connections are subscribed to each room; mostly few rooms, and seldom none.
#[derive(Debug, Default)]
struct Rooms(Vec<(RoomId, u32)>);

impl Rooms {
    /// Tells how many there are now.
    fn enter(&mut self, room: &RoomId) -> u32 {
        match self.find(room) {
            Ok(at) => {
                self.0[at].1 += 1;
                self.0[at].1
            }
            Err(at) => {
                if self.0.is_empty() {
                    self.0.reserve_exact(1);
                }
                self.0.insert(at, (Arc::clone(room), 1));
                1
            }
        }
    }

    fn leave(&mut self, room: &RoomId) {
        if let Ok(at) = self.find(room) {
            self.0[at].1 -= 1;
            if self.0[at].1 == 0 {
                self.0.remove(at);
            }
        }
    }

    fn find(&self, room: &RoomId) -> Result<usize, usize> {
        self.0.binary_search_by(|(id, _)| id.cmp(room))
    }
}

/// A user as all of its connections here name it.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) user_id: Arc<str>,
    pub(crate) username: Arc<str>,
}

impl Roster {
    /// Takes in a user's connection, unless there are `limit` of them already; tells how it is named.
    pub(crate) fn connected(&self, user_id: &str, username: &str, limit: usize) -> Option<Named> {
        let mut present = self.lock();
        let id: Arc<str> = match present.users.get_key_value(user_id) {
            Some((id, _)) => Arc::clone(id),
            None => user_id.into(),
        };
        let user = present.users.entry(Arc::clone(&id)).or_insert_with(|| User {
            username: Arc::clone(&id),
            connections: 0,
            rooms: Rooms::default(),
        });
        if user.connections as usize >= limit {
            return None;
        }
        user.connections += 1;
        if *user.username != *username {
            user.username = username.into();
        }
        let named = Named {
            user_id: Arc::clone(&id),
            username: Arc::clone(&user.username),
        };
        if user.connections == 1 {
            present.fresh.insert(id);
            self.0.changed.notify_one();
        }
        Some(named)
    }

    /// A connection is subscribed to a room.
    pub(crate) fn entered(&self, connection: &Connection, room: &RoomId) {
        let mut present = self.lock();
        let Some(user) = present.users.get_mut(&connection.user_id) else {
            return;
        };
        if user.rooms.enter(room) == 1 {
            present.fresh.insert(Arc::clone(&connection.user_id));
            self.0.changed.notify_one();
        }
    }

    /// A connection is subscribed to a room no more.
    pub(crate) fn left(&self, connection: &Connection, room: &RoomId) {
        if let Some(user) = self.lock().users.get_mut(&connection.user_id) {
            user.rooms.leave(room);
        }
    }

    /// A user's connection is over, after it left its rooms. Other edges may hold the user: time tells who is offline.
    pub(crate) fn disconnected(&self, user_id: &str) {
        let mut present = self.lock();
        if let Some(user) = present.users.get_mut(user_id) {
            user.connections -= 1;
            if user.connections == 0 {
                present.users.remove(user_id);
            }
        }
    }

    fn all(&self) -> Vec<Arc<str>> {
        self.lock().users.keys().cloned().collect()
    }

    fn take_fresh(&self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.lock().fresh).into_iter().collect()
    }

    fn beats(&self, of: &[Arc<str>]) -> Vec<HeartbeatRequest> {
        let present = self.lock();
        let still_here = of
            .iter()
            .filter_map(|user_id| Some(present.users.get(user_id)?.beat(user_id)));
        still_here.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Present> {
        self.0.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl User {
    fn beat(&self, user_id: &str) -> HeartbeatRequest {
        HeartbeatRequest {
            user_id: user_id.to_owned(),
            username: self.username.to_string(),
            room_ids: self
                .rooms
                .0
                .iter()
                .take(ROOMS)
                .map(|(room, _)| room.to_string())
                .collect(),
        }
    }
}

/// Starts the task that beats.
pub(crate) fn start(roster: Roster, upstream: Upstream, shutdown: &Shutdown) {
    shutdown.spawn_until_begun(async move {
        let mut every = tokio::time::interval(EVERY);
        let mut silent = false;
        loop {
            let users = tokio::select! {
                _ = every.tick() => roster.all(),
                () = roster.0.changed.notified() => {
                    tokio::time::sleep(GATHER).await;
                    roster.take_fresh()
                }
            };
            for users in users.chunks(USERS) {
                let beaten = beat(&upstream, &roster.beats(users)).await;
                // Once per outage, not once per beat.
                match beaten {
                    Err(status) if !silent => {
                        tracing::warn!(code = ?status.code(), "heartbeats don't get through");
                        silent = true;
                    }
                    Err(_) => {}
                    Ok(()) => silent = false,
                }
            }
        }
    });
}

async fn beat(upstream: &Upstream, users: &[HeartbeatRequest]) -> Result<(), tonic::Status> {
    let ask = || {
        let mut presence = upstream.presence.clone();
        let users = users.to_vec();
        async move { presence.heartbeat_many(HeartbeatManyRequest { users }).await }
    };
    deadline::within(DEADLINE, idempotent(&upstream.budgets.presence, ask)).await?;
    Ok(())
}
