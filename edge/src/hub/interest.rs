//! Which channels the edge subscribes to: those of all rooms, or of the rooms that it serves. Then a room's channel is
//! subscribed to before its log's head is read, so that no hint falls in between, and given up some time after the last
//! member has left.

use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use broker::{Broker, Subscription};
use proto::{
    frame::{PRESENCE_CHANNEL, ROOM_PATTERN, ROOMS_CHANNEL, USER_PATTERN, room_channel},
    trace_hint::{TRACE_PATTERN, trace_channel},
};

use super::RoomId;
use crate::config::Subscribing;

/// How long a room that nobody listens to stays subscribed to: whoever reconnects finds it so.
const LINGERS: Duration = Duration::from_secs(3);

/// How long the broker may take to confirm, before a room is read without its hints.
const PATIENCE: Duration = Duration::from_millis(500);

/// Names in one request to the broker.
const NAMES: usize = 1000;

/// See the module.
pub(super) struct Interest {
    subscribing: Subscribing,
    is_traced: bool,
    /// Publications may not be delivered.
    interrupted: bool,
    /// Rooms whose hints come.
    heard: HashSet<RoomId>,
    /// Rooms that are being subscribed to, since when.
    unheard: HashMap<RoomId, Instant>,
    /// Rooms that are to be subscribed to.
    new: Vec<RoomId>,
    /// Subscribed rooms that nobody listens to, since when.
    left: HashMap<RoomId, Instant>,
}

impl Interest {
    pub(super) fn new(subscribing: Subscribing, is_traced: bool) -> Self {
        Self {
            subscribing,
            is_traced,
            interrupted: true,
            heard: HashSet::new(),
            unheard: HashMap::new(),
            new: Vec::new(),
            left: HashMap::new(),
        }
    }

    /// Subscribes to what is of interest whoever is connected.
    pub(super) fn subscribe(&self, broker: &Broker, canary: &str) -> Box<dyn Subscription> {
        let mut patterns = vec![USER_PATTERN, PRESENCE_CHANNEL, canary];
        match self.subscribing {
            Subscribing::All => {
                patterns.push(ROOM_PATTERN);
                patterns.extend(self.is_traced.then_some(TRACE_PATTERN));
            }
            Subscribing::Rooms => patterns.push(ROOMS_CHANNEL),
        }
        broker.subscribe(&patterns)
    }

    /// Whether news of the rooms themselves come on their own channels.
    pub(super) fn hears_all(&self) -> bool {
        self.subscribing == Subscribing::All
    }

    /// The broker delivers, or no longer.
    pub(super) fn delivers(&mut self, works: bool) {
        self.interrupted = !works;
    }

    /// Whether publications may not be delivered.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Somebody listens to a room. Returns whether its head can be read: either its hints come, or nothing does.
    pub(super) fn join(&mut self, room: &RoomId, now: Instant) -> bool {
        if self.hears_all() {
            return true;
        }
        self.left.remove(room);
        if self.heard.contains(room) {
            return true;
        }
        self.unheard.entry(Arc::clone(room)).or_insert_with(|| {
            self.new.push(Arc::clone(room));
            now
        });
        self.interrupted
    }

    /// Nobody listens to a room any more.
    pub(super) fn leave(&mut self, room: &RoomId, now: Instant) {
        if !self.hears_all() {
            self.left.insert(Arc::clone(room), now);
        }
    }

    /// A room's hints come from here on.
    pub(super) fn added(&mut self, room: &str) {
        if let Some((room, _)) = self.unheard.remove_entry(room) {
            self.heard.insert(room);
        }
    }

    /// Rooms to be read without their hints, as those may not come for long.
    pub(super) fn overdue(&self, now: Instant) -> Vec<RoomId> {
        let is_overdue = |since: &Instant| self.interrupted || now.duration_since(*since) >= PATIENCE;
        let unheard = self.unheard.iter().filter(|(_, since)| is_overdue(since));
        unheard.map(|(room, _)| Arc::clone(room)).collect()
    }

    /// Subscribes to the rooms that have come to be listened to.
    pub(super) fn take_up(&mut self, subscription: &mut dyn Subscription) {
        for rooms in mem::take(&mut self.new).chunks(NAMES) {
            subscription.add(&as_names(&self.channels(rooms)));
        }
    }

    /// Gives up the rooms that nobody has listened to for some time.
    pub(super) fn give_up(&mut self, subscription: &mut dyn Subscription, now: Instant) {
        let is_due = |since: Instant| now.duration_since(since) >= LINGERS;
        let due: Vec<RoomId> = self
            .left
            .extract_if(|_, since| is_due(*since))
            .map(|(room, _)| room)
            .collect();
        for rooms in due.chunks(NAMES) {
            for room in rooms {
                self.heard.remove(room);
                self.unheard.remove(room);
            }
            subscription.remove(&as_names(&self.channels(rooms)));
        }
    }

    fn channels(&self, rooms: &[RoomId]) -> Vec<String> {
        // Traces first: they are announced before what they belong to.
        let traces = rooms.iter().filter(|_| self.is_traced);
        let traces = traces.map(|room| trace_channel(room));
        traces
            .chain(rooms.iter().map(|room| room_channel(room)))
            .collect()
    }
}

fn as_names(channels: &[String]) -> Vec<&str> {
    channels.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use broker::{Event, Publication};
    use futures_util::FutureExt as _;

    use super::*;

    fn told(subscription: &mut Box<dyn Subscription>) -> Vec<Event> {
        std::iter::from_fn(|| subscription.recv().now_or_never().flatten()).collect()
    }

    #[tokio::test]
    async fn a_room_that_somebody_comes_back_to_is_not_given_up() {
        let (broker, began) = (Broker::memory(), Instant::now());
        let (room, at) = (RoomId::from("a"), |seconds| began + Duration::from_secs(seconds));
        let mut interest = Interest::new(Subscribing::Rooms, false);
        let mut subscription = interest.subscribe(&broker, "canary");
        interest.delivers(true);
        assert!(!interest.join(&room, at(0)), "not before its hints come");
        interest.take_up(&mut *subscription);
        assert_eq!(
            told(&mut subscription),
            [Event::Added("room:a".into()), Event::Connected]
        );
        interest.added(&room);

        interest.leave(&room, at(1));
        assert!(interest.join(&room, at(2)), "its hints still come");
        interest.give_up(&mut *subscription, at(60));
        let hint = Publication {
            channel: "room:a".to_owned(),
            payload: "hint".into(),
        };
        broker.publish(vec![hint.clone()]).await.unwrap();
        assert_eq!(told(&mut subscription), [Event::Message(hint.clone().into())]);

        interest.leave(&room, at(61));
        interest.give_up(&mut *subscription, at(120));
        broker.publish(vec![hint]).await.unwrap();
        assert_eq!(told(&mut subscription), []);
        assert!(!interest.join(&room, at(121)), "subscribed to anew");
    }
}
