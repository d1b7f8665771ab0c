//! Who subscribes to what in this process, and what each is told.
//!
//! A pattern that somebody wants belongs to a lane: the connection on which Redis is asked for it. There is one for each
//! server; in process there is one too, and everything on it works at once.

mod delivery;
mod subscription;
mod wanted;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, watch};

use crate::{Publication, Subscription, inbox::Inbox, message::Part};
pub(crate) use delivery::Delivery;
use subscription::{HubSubscription, Subscriber};
use wanted::Wanted;

/// A connection that patterns are asked for on.
pub(crate) type Lane = usize;

/// All subscriptions of a broker.
pub(crate) struct Hub {
    inbox_bytes: usize,
    connected: watch::Sender<bool>,
    reachable: watch::Sender<bool>,
    state: Mutex<State>,
}

pub(crate) struct State {
    /// The number of the next subscriber.
    next: u64,
    subscribers: HashMap<u64, Subscriber>,
    wanted: HashMap<Arc<str>, Wanted>,
    lanes: Vec<LaneState>,
    /// Which lane a pattern belongs to.
    route: Box<dyn Fn(&str) -> Lane + Send>,
    publishes: Publishes,
    /// Subscribers that a delivery has something for.
    staged: Vec<u64>,
}

/// How much of what is published here leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Publishes {
    Nothing,
    /// What is for some of the servers.
    Some,
    Everything,
}

struct LaneState {
    /// Whether it works without being asked.
    always: bool,
    up: bool,
    /// A pattern is wanted or no longer wanted.
    changed: Arc<Notify>,
    /// Those patterns.
    touched: VecDeque<Arc<str>>,
    /// Patterns that moved to another lane, still subscribed to on this one.
    moved: Vec<Arc<str>>,
}

impl LaneState {
    fn new(always: bool) -> Self {
        Self {
            always,
            up: always,
            changed: Arc::default(),
            touched: VecDeque::new(),
            moved: Vec::new(),
        }
    }

    fn touch(&mut self, pattern: &Arc<str>) {
        // Else nobody takes it out: once it is connected, all that is wanted is looked at.
        if self.up {
            self.touched.push_back(Arc::clone(pattern));
            self.changed.notify_one();
        }
    }
}

impl Hub {
    /// Where every subscription works from the start.
    pub(crate) fn always(inbox_bytes: usize) -> Arc<Self> {
        Self::new(true, inbox_bytes)
    }

    /// Where subscriptions work once they are confirmed, all on lane 0.
    pub(crate) fn unconnected(inbox_bytes: usize) -> Arc<Self> {
        Self::new(false, inbox_bytes)
    }

    fn new(works: bool, inbox_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            inbox_bytes,
            connected: watch::Sender::new(works),
            reachable: watch::Sender::new(works),
            state: Mutex::new(State {
                next: 0,
                subscribers: HashMap::new(),
                wanted: HashMap::new(),
                lanes: vec![LaneState::new(works)],
                route: Box::new(|_| 0),
                publishes: if works {
                    Publishes::Everything
                } else {
                    Publishes::Nothing
                },
                staged: Vec::new(),
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }

    pub(crate) fn reachable(&self) -> watch::Receiver<bool> {
        self.reachable.subscribe()
    }

    /// Wakes when [`Self::take`] has something for a lane.
    pub(crate) fn changed(&self, lane: Lane) -> Arc<Notify> {
        Arc::clone(&self.lock().lanes[lane].changed)
    }

    pub(crate) fn subscribe(self: &Arc<Self>, patterns: &[&str]) -> Box<dyn Subscription> {
        let inbox = Arc::new(Inbox::new(self.inbox_bytes));
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state
            .subscribers
            .insert(number, Subscriber::new(Arc::clone(&inbox)));
        for pattern in patterns {
            state.want(number, pattern);
        }
        for lane in &state.lanes {
            lane.changed.notify_one();
        }
        if state.publishes != Publishes::Nothing
            && let Some(subscriber) = state.subscribers.get_mut(&number)
        {
            subscriber.settle();
        }
        drop(state);
        // Brokers are made before the process has its metrics.
        gauge(*self.connected.borrow());
        Box::new(HubSubscription::new(Arc::clone(self), number, inbox))
    }

    /// A subscriber wants more patterns.
    fn add(&self, number: u64, patterns: &[&str]) {
        let mut state = self.lock();
        let mut told = false;
        for pattern in patterns {
            told |= state.add(number, pattern);
        }
        if told {
            self.set_connected(false);
        }
    }

    /// A subscriber no longer wants patterns. What is left of its own may all work.
    fn remove(&self, number: u64, patterns: &[&str]) {
        let mut state = self.lock();
        for pattern in patterns {
            state.remove(number, pattern);
        }
        self.settle(&mut state);
    }

    /// A subscriber is gone. Those that are left may all work.
    fn forget(&self, number: u64) {
        let mut state = self.lock();
        state.forget(number);
        self.settle(&mut state);
    }

    /// Hands on what was published in this process.
    pub(crate) fn deliver(&self, publications: &[Publication]) {
        let mut delivery = self.delivery(0);
        let mut bytes = bytes::BytesMut::new();
        for publication in publications {
            let part = Part::append(&mut bytes, &publication.channel, &publication.payload);
            delivery.stage_for_all(&publication.channel, part);
        }
        let size = bytes.len();
        delivery.finish(&bytes.freeze(), size);
    }

    /// Begins to hand on what a lane received.
    pub(crate) fn delivery(&self, lane: Lane) -> Delivery<'_> {
        Delivery::new(self.lock(), lane)
    }

    /// Whether anybody listens. Who begins to wakes [`Self::changed`] of every lane.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.lock().subscribers.is_empty()
    }

    /// One more lane, which is not connected.
    pub(crate) fn add_lane(&self) -> Lane {
        let mut state = self.lock();
        state.lanes.push(LaneState::new(false));
        state.lanes.len() - 1
    }

    /// Patterns belong to other lanes from here on.
    pub(crate) fn reroute(&self, route: impl Fn(&str) -> Lane + Send + 'static) {
        let mut state = self.lock();
        state.route = Box::new(route);
        if state.reroute() {
            self.set_connected(false);
        }
    }

    /// A lane is connected; nothing is asked for yet.
    pub(crate) fn begin(&self, lane: Lane) {
        self.lock().begin(lane);
    }

    /// What a lane is to subscribe to and what to give up, `limit` of both at most. What is given up counts as
    /// unconfirmed from here on, so that a new subscription waits for its own confirmation.
    pub(crate) fn take(&self, lane: Lane, limit: usize) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
        self.lock().take(lane, limit)
    }

    /// A pattern is subscribed to on its lane.
    pub(crate) fn confirm(&self, lane: Lane, pattern: &str) {
        let mut state = self.lock();
        state.confirm(lane, pattern);
        self.settle(&mut state);
    }

    /// A lane's server has given up a subscription by itself. It counts as asked for until it is [`Self::refused`].
    pub(crate) fn dropped(&self, lane: Lane, pattern: &str) {
        let mut state = self.lock();
        if state.dropped(lane, pattern) {
            self.set_connected(false);
        }
    }

    /// Those are not subscribed to: they are to be asked for again.
    pub(crate) fn refused(&self, lane: Lane, patterns: &[Arc<str>]) {
        self.lock().refused(lane, patterns);
    }

    /// Those are not subscribed to, and will not be on this connection.
    pub(crate) fn denied(&self, lane: Lane, patterns: &[Arc<str>]) {
        self.lock().denied(lane, patterns);
    }

    /// A lane is lost: tells all who were told that it works.
    pub(crate) fn lost(&self, lane: Lane) {
        let mut state = self.lock();
        if state.lose(lane) {
            self.set_connected(false);
        }
    }

    /// How much of what is published here leaves.
    pub(crate) fn publishes(&self, publishes: Publishes) {
        let mut state = self.lock();
        state.publishes = publishes;
        set(&self.reachable, publishes != Publishes::Nothing);
        if publishes != Publishes::Everything {
            self.set_connected(false);
        }
        self.settle(&mut state);
    }

    /// Announces what has come to work, the connection as a whole first: who hears of theirs finds it told.
    fn settle(&self, state: &mut State) {
        if state.publishes == Publishes::Nothing {
            return;
        }
        if state.publishes == Publishes::Everything && state.subscribers.values().all(Subscriber::works) {
            self.set_connected(true);
        }
        for subscriber in state.subscribers.values_mut() {
            subscriber.settle();
        }
    }

    fn set_connected(&self, now: bool) {
        set(&self.connected, now);
        gauge(now);
    }

    /// Ends all subscriptions.
    pub(crate) fn close(&self) {
        for subscriber in self.lock().subscribers.values() {
            subscriber.inbox.close();
        }
    }
}

/// Wakes who follows it only where it changes.
fn set(followed: &watch::Sender<bool>, now: bool) {
    followed.send_if_modified(|before| std::mem::replace(before, now) != now);
}

fn gauge(connected: bool) {
    metrics::gauge!("chatflow_broker_connected").set(if connected { 1.0 } else { 0.0 });
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
