//! Who is connected to this edge, and to which rooms.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher as _,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hashbrown::{HashTable, hash_table::Entry};
use proto::presence::HeartbeatRequest;
use tokio::sync::Notify;

use crate::{by_room::ByRoom, hub::RoomId, socket::connection::Connection};

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
    users: Users,
    /// Those to beat for at once.
    fresh: Vec<Arc<Named>>,
}

/// By id. Boxed, so that the table's empty places are small.
#[derive(Debug, Default)]
struct Users {
    table: HashTable<Box<User>>,
    hasher: RandomState,
}

#[derive(Debug)]
struct User {
    named: Arc<Named>,
    connections: u32,
    is_fresh: bool,
    /// How many connections are subscribed to each room.
    rooms: ByRoom<NonZeroU32>,
}

/// A user as connections name it. One for all connections here that name it alike.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) user_id: Box<str>,
    /// Where it is not the id.
    username: Option<Box<str>>,
}

impl Named {
    pub(crate) fn new(user_id: &str, username: &str) -> Self {
        Self {
            user_id: user_id.into(),
            username: (username != user_id).then(|| username.into()),
        }
    }

    /// The shown name.
    pub(crate) fn username(&self) -> &str {
        self.username.as_ref().unwrap_or(&self.user_id)
    }
}

impl Users {
    fn get_mut(&mut self, user_id: &str) -> Option<&mut User> {
        let hash = self.hasher.hash_one(user_id);
        let user = self.table.find_mut(hash, |user| *user.named.user_id == *user_id);
        user.map(|user| &mut **user)
    }

    /// The user; a new one where there is none.
    fn get_or_insert(&mut self, user_id: &str, username: &str) -> &mut User {
        let hash = |user_id: &str| self.hasher.hash_one(user_id);
        let entry = self.table.entry(
            hash(user_id),
            |user| *user.named.user_id == *user_id,
            |user| hash(&user.named.user_id),
        );
        match entry {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let new = User {
                    named: Arc::new(Named::new(user_id, username)),
                    connections: 0,
                    is_fresh: false,
                    rooms: ByRoom::default(),
                };
                place.insert(Box::new(new)).into_mut()
            }
        }
    }

    fn remove(&mut self, user_id: &str) {
        let hash = self.hasher.hash_one(user_id);
        if let Ok(user) = self
            .table
            .find_entry(hash, |user| *user.named.user_id == *user_id)
        {
            user.remove();
        }
    }
}

impl Roster {
    /// Takes in a user's connection, unless there are `limit` of them already; tells how it is named.
    pub(crate) fn connected(&self, user_id: &str, username: &str, limit: usize) -> Option<Arc<Named>> {
        let mut present = self.lock();
        let Present { users, fresh } = &mut *present;
        let user = users.get_or_insert(user_id, username);
        if user.connections as usize >= limit {
            return None;
        }
        user.connections += 1;
        if user.named.username() != username {
            user.named = Arc::new(Named::new(user_id, username));
        }
        let named = Arc::clone(&user.named);
        if user.connections == 1 && user.freshen(fresh) {
            self.0.changed.notify_one();
        }
        Some(named)
    }

    /// A connection is subscribed to a room.
    pub(crate) fn entered(&self, connection: &Connection, room: &RoomId) {
        let mut present = self.lock();
        let Present { users, fresh } = &mut *present;
        let Some(user) = users.get_mut(connection.user_id()) else {
            return;
        };
        if let Some(connections) = user.rooms.get_mut(room) {
            *connections = connections.saturating_add(1);
            return;
        }
        user.rooms.insert(room, NonZeroU32::MIN);
        if user.freshen(fresh) {
            self.0.changed.notify_one();
        }
    }

    /// A connection is subscribed to a room no more.
    pub(crate) fn left(&self, connection: &Connection, room: &RoomId) {
        let mut present = self.lock();
        let Some(user) = present.users.get_mut(connection.user_id()) else {
            return;
        };
        let Some(connections) = user.rooms.get_mut(room) else {
            return;
        };
        match NonZeroU32::new(connections.get() - 1) {
            Some(others) => *connections = others,
            None => user.rooms.remove(room),
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

    /// Everybody.
    pub(super) fn all(&self) -> Vec<Arc<Named>> {
        let present = self.lock();
        let users = present.users.table.iter();
        users.map(|user| Arc::clone(&user.named)).collect()
    }

    /// Resolves when there is somebody to beat for at once.
    pub(super) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Those who have just come, or have just entered a room, as far as they are still here.
    pub(super) fn take_fresh(&self) -> Vec<Arc<Named>> {
        let mut present = self.lock();
        let Present { users, fresh } = &mut *present;
        let mut fresh = std::mem::take(fresh);
        // Each once, however often it went and came back meanwhile.
        fresh.retain(|named| {
            let user = users.get_mut(&named.user_id);
            user.is_some_and(|user| std::mem::take(&mut user.is_fresh))
        });
        fresh
    }

    /// What is told of some users, as far as they are still here.
    pub(super) fn beats(&self, of: &[Arc<Named>]) -> Vec<HeartbeatRequest> {
        let mut beats = Vec::with_capacity(of.len());
        let mut present = self.lock();
        beats.extend(
            of.iter()
                .filter_map(|named| Some(present.users.get_mut(&named.user_id)?.beat())),
        );
        beats
    }

    fn lock(&self) -> MutexGuard<'_, Present> {
        self.0.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl User {
    /// Is to be beaten for at once; tells whether it was not before.
    fn freshen(&mut self, fresh: &mut Vec<Arc<Named>>) -> bool {
        let is_new = !std::mem::replace(&mut self.is_fresh, true);
        if is_new {
            fresh.push(Arc::clone(&self.named));
        }
        is_new
    }

    fn beat(&self) -> HeartbeatRequest {
        let rooms = self.rooms.as_slice().iter().take(ROOMS);
        HeartbeatRequest {
            user_id: self.named.user_id.to_string(),
            username: self.named.username().to_owned(),
            room_ids: rooms.map(|(room, _)| room.to_string()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::socket::{connection::Kind, home::Home};

    #[test]
    fn a_user_is_here_from_the_first_connection_to_the_last() {
        let roster = Roster::default();
        let first = roster.connected("u", "U", 2).unwrap();
        let second = roster.connected("u", "U", 2).unwrap();
        assert!(Arc::ptr_eq(&first, &second), "one name for both");
        assert!(roster.connected("u", "U", 2).is_none(), "too many");
        assert_eq!(roster.take_fresh().len(), 1);
        roster.disconnected("u");
        let renamed = roster.connected("u", "u", 2).unwrap();
        assert_eq!((first.username(), renamed.username()), ("U", "u"));
        assert_eq!(roster.beats(&roster.all())[0].username, "u");
        assert!(roster.take_fresh().is_empty(), "it was never gone");
        roster.disconnected("u");
        roster.disconnected("u");
        assert!(roster.beats(&[first]).is_empty() && roster.all().is_empty());
        roster.connected("u", "u", 2).unwrap();
        assert_eq!(roster.take_fresh().len(), 1, "it is back");
        for _ in 0..10 {
            roster.disconnected("u");
            roster.connected("u", "u", 2).unwrap();
        }
        assert_eq!(roster.take_fresh().len(), 1, "however often it went");
        roster.disconnected("u");
        roster.connected("u", "u", 2).unwrap();
        roster.disconnected("u");
        assert!(roster.take_fresh().is_empty(), "it is gone");
    }

    #[tokio::test]
    async fn a_room_is_beaten_for_from_the_first_connection_to_the_last() {
        let (roster, room) = (Roster::default(), RoomId::from("r"));
        let home = Arc::new(Home::new(1024, roster.clone()).unwrap());
        let connect = |id| {
            let named = roster.connected("u", "u", 2).unwrap();
            let (stream, _) = UnixStream::pair().unwrap();
            Connection::new(
                id,
                Kind::Multiplexed,
                named,
                stream.into(),
                None,
                Arc::clone(&home),
            )
        };
        let (one, other) = (connect(1), connect(2));
        assert_eq!(roster.take_fresh().len(), 1);
        roster.entered(&one, &room);
        roster.entered(&other, &room);
        let fresh = roster.take_fresh();
        assert_eq!(fresh.len(), 1, "for the room, and once");
        roster.left(&one, &room);
        assert_eq!(roster.beats(&fresh)[0].room_ids, ["r"]);
        roster.left(&other, &room);
        assert!(roster.beats(&fresh)[0].room_ids.is_empty());
    }

    #[test]
    fn a_user_is_small() {
        assert!(size_of::<User>() <= 40, "{}", size_of::<User>());
    }
}
