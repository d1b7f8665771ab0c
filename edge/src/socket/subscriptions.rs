//! The rooms that one connection is subscribed to, and who waits for them, or for anything else of it, to change.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::by_room::ByRoom;

/// See the module. Both lie under the connection's one lock: somebody who begins to wait misses no change.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    pub(super) rooms: ByRoom<Subscription>,
    /// Woken at each change. There is one once somebody has waited.
    pub(super) changed: Option<Arc<Notify>>,
}

impl Subscriptions {
    /// Whether this subscription to the room still holds: it is not over, and no later one has taken its place.
    pub(super) fn has(&self, room: &str, generation: u32) -> bool {
        let subscription = self.rooms.get(room);
        subscription.is_some_and(|subscription| subscription.generation == generation)
    }
}

/// What a connection has of a room.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subscription {
    /// Tells a subscription from an earlier one to the same room.
    pub(super) generation: u32,
    /// Whether the hub has confirmed it.
    pub(super) joined: bool,
    /// Whether the hub has confirmed it, or an earlier one that it took the place of.
    pub(super) entered: bool,
}
