//! The rooms that one connection is subscribed to: mostly one, seldom many.

use std::sync::Arc;

use crate::hub::RoomId;

/// See the module. Sorted by room: a connection with one room owns one small allocation.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(Vec<(RoomId, Subscription)>);

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subscription {
    /// Tells a subscription from an earlier one to the same room.
    pub(super) generation: u64,
    /// Whether the hub has confirmed it.
    pub(super) joined: bool,
    /// Whether the hub has confirmed it, or an earlier one that it took the place of.
    pub(super) entered: bool,
}

impl Subscriptions {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, room: &str) -> Option<&Subscription> {
        let at = self.find(room).ok()?;
        Some(&self.0[at].1)
    }

    pub(super) fn get_mut(&mut self, room: &str) -> Option<&mut Subscription> {
        let at = self.find(room).ok()?;
        Some(&mut self.0[at].1)
    }

    /// Puts one in, instead of an earlier one to the same room.
    pub(super) fn insert(&mut self, room: &RoomId, subscription: Subscription) {
        match self.find(room) {
            Ok(at) => self.0[at].1 = subscription,
            Err(at) => {
                if self.0.is_empty() {
                    self.0.reserve_exact(1);
                }
                self.0.insert(at, (Arc::clone(room), subscription));
            }
        }
    }

    pub(super) fn remove(&mut self, room: &str) {
        if let Ok(at) = self.find(room) {
            self.0.remove(at);
        }
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(RoomId, Subscription)> {
        self.0.iter()
    }

    fn find(&self, room: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(id, _)| (**id).cmp(room))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_room_has_one_subscription() {
        let mut subscriptions = Subscriptions::default();
        let of = |generation| Subscription {
            generation,
            joined: false,
            entered: false,
        };
        for (generation, room) in ["b", "c", "a", "b"]
            .into_iter()
            .zip(1..)
            .map(|(room, at)| (at, room))
        {
            subscriptions.insert(&room.into(), of(generation));
        }
        assert_eq!(subscriptions.len(), 3);
        let known = |room: &str| subscriptions.get(room).map(|one| one.generation);
        assert_eq!(["a", "b", "c", "d"].map(known), [Some(3), Some(4), Some(2), None]);
        subscriptions.remove("b");
        subscriptions.remove("d");
        assert!(subscriptions.get_mut("b").is_none() && subscriptions.len() == 2);
        let rooms: Vec<&str> = subscriptions.iter().map(|(room, _)| &**room).collect();
        assert_eq!(rooms, ["a", "c"]);
    }
}
