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

/// Users in one call, as the contract with presence-svc bounds it.
const USERS: usize = 10_000;

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
    connections: usize,
    /// How many of the connections are subscribed to each room.
    rooms: HashMap<RoomId, usize>,
}

impl Roster {
    /// Takes in a user's connection, unless there are `limit` of them already; tells whether it did.
    pub(crate) fn connected(&self, user_id: &str, username: &str, limit: usize) -> bool {
        let mut present = self.lock();
        let user_id: Arc<str> = user_id.into();
        let user = present.users.entry(Arc::clone(&user_id)).or_insert_with(|| User {
            username: username.into(),
            connections: 0,
            rooms: HashMap::new(),
        });
        if user.connections >= limit {
            return false;
        }
        user.connections += 1;
        user.username = username.into();
        if user.connections == 1 {
            present.fresh.insert(user_id);
            self.0.changed.notify_one();
        }
        true
    }

    /// A connection is subscribed to a room.
    pub(crate) fn entered(&self, connection: &Connection, room: &RoomId) {
        let mut present = self.lock();
        let Some(user) = present.users.get_mut(&connection.user_id) else {
            return;
        };
        let count = user.rooms.entry(Arc::clone(room)).or_default();
        *count += 1;
        if *count == 1 {
            present.fresh.insert(Arc::clone(&connection.user_id));
            self.0.changed.notify_one();
        }
    }

    /// A connection is subscribed to a room no more.
    pub(crate) fn left(&self, connection: &Connection, room: &RoomId) {
        if let Some(user) = self.lock().users.get_mut(&connection.user_id)
            && let Some(count) = user.rooms.get_mut(room)
        {
            *count -= 1;
            if *count == 0 {
                user.rooms.remove(room);
            }
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

    fn beats(&self, of: Option<&HashSet<Arc<str>>>) -> Vec<HeartbeatRequest> {
        let present = self.lock();
        match of {
            None => present
                .users
                .iter()
                .map(|(user_id, user)| user.beat(user_id))
                .collect(),
            Some(some) => some
                .iter()
                .filter_map(|user_id| Some(present.users.get(user_id)?.beat(user_id)))
                .collect(),
        }
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
            room_ids: self.rooms.keys().take(ROOMS).map(ToString::to_string).collect(),
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
                _ = every.tick() => roster.beats(None),
                () = roster.0.changed.notified() => {
                    tokio::time::sleep(GATHER).await;
                    let fresh = std::mem::take(&mut roster.lock().fresh);
                    roster.beats(Some(&fresh))
                }
            };
            for users in users.chunks(USERS) {
                let beaten = beat(&upstream, users).await;
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
