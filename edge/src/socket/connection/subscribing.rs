//! What a connection is subscribed to, from the request to the end, and what it is fed of it.

use std::sync::Arc;

use proto::frame::ErrorCode;

use super::{Connection, Kind, RETRY_AFTER, lock};
use crate::{
    hub::{RoomId, frame::Batch},
    socket::{close::CloseCode, subscriptions::Subscription},
};

impl Connection {
    /// Begins a subscription, anew where there was one.
    pub(crate) fn subscribing(&self, room: &RoomId, generation: u32) {
        let mut subscriptions = lock(&self.subscriptions);
        let earlier = subscriptions.rooms.get(room);
        let entered = earlier.is_some_and(|earlier| earlier.entered);
        let new = Subscription {
            generation,
            joined: false,
            entered,
        };
        subscriptions.rooms.insert(room, new);
        drop(subscriptions);
        self.wake();
    }

    /// How many rooms it is subscribed to.
    pub(in crate::socket) fn subscriptions(&self) -> usize {
        lock(&self.subscriptions).rooms.len()
    }

    /// The room of a room socket, as long as it is subscribed to it.
    pub(in crate::socket) fn own_room(&self) -> Option<RoomId> {
        let subscriptions = lock(&self.subscriptions);
        let (room, _) = subscriptions.rooms.as_slice().first()?;
        (self.kind == Kind::Room).then(|| Arc::clone(room))
    }

    /// Whether it is subscribed to the room, or about to be.
    pub(in crate::socket) fn is_subscribed(&self, room: &str) -> bool {
        lock(&self.subscriptions).rooms.get(room).is_some()
    }

    /// Ends a subscription.
    pub(crate) fn unsubscribed(&self, room: &RoomId) {
        self.remove(room, |_| true);
    }

    /// Ends a subscription that is of a kind, in one step: a later one that takes its place must not go with it.
    fn remove(&self, room: &RoomId, which: impl FnOnce(&Subscription) -> bool) {
        let mut subscriptions = lock(&self.subscriptions);
        if let Some(subscription) = subscriptions.rooms.get(room).copied().filter(which) {
            subscriptions.rooms.remove(room);
            if subscription.entered {
                self.home.roster.left(self, room);
            }
        }
        drop(subscriptions);
        self.wake();
    }

    /// The hub confirms a subscription to its `room`.
    pub(crate) fn joined(&self, room: &RoomId, generation: u32) {
        let mut subscriptions = lock(&self.subscriptions);
        if let Some((own, subscription)) = subscriptions.rooms.entry_mut(room)
            && subscription.generation == generation
        {
            // One name for all members, instead of one that each brought.
            *own = Arc::clone(room);
            subscription.joined = true;
            if !std::mem::replace(&mut subscription.entered, true) {
                self.home.roster.entered(self, room);
            }
        }
        drop(subscriptions);
        self.wake();
    }

    /// The hub refuses a subscription, unless a later one has taken its place.
    pub(crate) fn refused(self: &Arc<Self>, room: &RoomId, generation: u32, code: ErrorCode) {
        // Before its room is gone: nothing more is read of a room socket then.
        match (self.kind, code) {
            (Kind::Room, ErrorCode::NoSuchRoom) => self.close(CloseCode::NoSuchRoom),
            (Kind::Room, _) => self.close(CloseCode::TryLater),
            (Kind::Multiplexed, _) => {}
        }
        self.remove(room, |subscription| subscription.generation == generation);
        match (self.kind, code) {
            (Kind::Room, _) => {}
            (Kind::Multiplexed, ErrorCode::NoSuchRoom) => {
                self.refuse(code, "there is no such room", None, Some(room), None);
            }
            (Kind::Multiplexed, _) => {
                let message = "the room can't be read right now";
                self.refuse(code, message, None, Some(room), Some(RETRY_AFTER));
            }
        }
    }

    /// Whether the hub has yet to confirm the subscription to the room.
    pub(in crate::socket) fn is_joining(&self, room: &str) -> bool {
        lock(&self.subscriptions)
            .rooms
            .get(room)
            .is_some_and(|subscription| !subscription.joined)
    }

    /// Sends a part of a replay, unless its subscription is over: tells whether it is not.
    pub(crate) fn feed(self: &Arc<Self>, room: &str, generation: u32, batch: &Batch) -> bool {
        // Held while sending, so that nothing of a subscription follows its end.
        let subscriptions = lock(&self.subscriptions);
        let current = subscriptions.has(room, generation);
        if current && !batch.parts.is_empty() {
            self.send(batch);
        }
        current && !self.is_closing()
    }

    /// Ends all subscriptions, and tells of which rooms.
    pub(in crate::socket) fn let_go(&self) -> Vec<RoomId> {
        let rooms = std::mem::take(&mut lock(&self.subscriptions).rooms);
        let rooms = rooms.as_slice();
        for (room, subscription) in rooms {
            if subscription.entered {
                self.home.roster.left(self, room);
            }
        }
        self.wake();
        rooms.iter().map(|(room, _)| Arc::clone(room)).collect()
    }
}
