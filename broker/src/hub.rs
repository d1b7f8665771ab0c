//! Who subscribes to what in this process, and what each is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::sync::{Notify, watch};

use crate::{Event, Publication, Subscription, inbox::Inbox, is_extra, matches};

/// All subscriptions of a broker. Whether one works depends on its patterns: in process they always do, on Redis
/// between their confirmation and the loss of the connection.
pub(crate) struct Hub {
    inbox_bytes: usize,
    connected: watch::Sender<bool>,
    /// A pattern is wanted or no longer wanted.
    pub(crate) changed: Notify,
    state: Mutex<State>,
}

struct State {
    next: u64,
    subscribers: BTreeMap<u64, Subscriber>,
    delivering: Delivering,
}

struct Subscriber {
    patterns: Vec<String>,
    inbox: Arc<Inbox>,
    live: bool,
}

enum Delivering {
    Everything,
    Nothing,
    /// What was confirmed in this session.
    Confirmed(u64, BTreeSet<String>),
}

impl Delivering {
    fn covers(&self, patterns: &[String]) -> bool {
        match self {
            Self::Everything => true,
            Self::Nothing => false,
            Self::Confirmed(_, confirmed) => patterns
                .iter()
                .all(|pattern| is_extra(pattern) || confirmed.contains(pattern)),
        }
    }

    fn is(&self, session: u64) -> bool {
        matches!(self, Self::Confirmed(now, _) if *now == session)
    }
}

impl Hub {
    /// Where every subscription works from the start.
    pub(crate) fn always(inbox_bytes: usize) -> Arc<Self> {
        Self::new(Delivering::Everything, true, inbox_bytes)
    }

    /// Where subscriptions work once they are confirmed.
    pub(crate) fn unconnected(inbox_bytes: usize) -> Arc<Self> {
        Self::new(Delivering::Nothing, false, inbox_bytes)
    }

    fn new(delivering: Delivering, connected: bool, inbox_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            inbox_bytes,
            connected: watch::Sender::new(connected),
            changed: Notify::new(),
            state: Mutex::new(State {
                next: 0,
                subscribers: BTreeMap::new(),
                delivering,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }

    pub(crate) fn subscribe(self: &Arc<Self>, patterns: &[&str]) -> Box<dyn Subscription> {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        let inbox = Arc::new(Inbox::new(self.inbox_bytes));
        let mut state = self.lock();
        let live = state.delivering.covers(&patterns);
        if live {
            inbox.connected();
        }
        let number = state.next;
        state.next += 1;
        let subscriber = Subscriber {
            patterns,
            inbox: Arc::clone(&inbox),
            live,
        };
        state.subscribers.insert(number, subscriber);
        drop(state);
        // Brokers are made before the process has its metrics.
        gauge(*self.connected.borrow());
        self.changed.notify_one();
        Box::new(HubSubscription {
            hub: Arc::clone(self),
            number,
            inbox,
        })
    }

    /// Hands on what was published in this process.
    pub(crate) fn deliver(&self, publications: &[Publication]) {
        let state = self.lock();
        for publication in publications {
            for subscriber in state.subscribers.values() {
                if subscriber
                    .patterns
                    .iter()
                    .any(|p| matches(p, &publication.channel))
                {
                    subscriber.inbox.push(publication.clone());
                }
            }
        }
    }

    /// Hands on what a session received for one of its patterns. Redis sends a publication once per pattern that
    /// matches: a subscriber with several such patterns takes it for the first of them alone.
    pub(crate) fn deliver_for(&self, session: u64, pattern: &str, publication: &Publication) {
        let state = self.lock();
        if !state.delivering.is(session) {
            return;
        }
        for subscriber in state.subscribers.values().filter(|subscriber| subscriber.live) {
            let mut patterns = subscriber.patterns.iter();
            if patterns
                .find(|p| matches(p, &publication.channel))
                .is_some_and(|p| p == pattern)
            {
                subscriber.inbox.push(publication.clone());
            }
        }
    }

    /// A session begins; nothing is confirmed yet.
    pub(crate) fn begin(&self, session: u64) {
        let mut state = self.lock();
        state.delivering = Delivering::Confirmed(session, BTreeSet::new());
        self.settle(&mut state);
    }

    /// A pattern is subscribed to in a session.
    pub(crate) fn confirm(&self, session: u64, pattern: String) {
        let mut state = self.lock();
        match &mut state.delivering {
            Delivering::Confirmed(now, confirmed) if *now == session => confirmed.insert(pattern),
            _ => return,
        };
        self.settle(&mut state);
    }

    /// Announces what has come to work, the connection as a whole first: who hears of theirs finds it told.
    fn settle(&self, state: &mut State) {
        let State {
            subscribers,
            delivering,
            ..
        } = state;
        let works = |subscriber: &Subscriber| subscriber.live || delivering.covers(&subscriber.patterns);
        if subscribers.values().all(works) {
            self.set_connected(true);
        }
        for subscriber in subscribers.values_mut() {
            if !subscriber.live && delivering.covers(&subscriber.patterns) {
                subscriber.live = true;
                subscriber.inbox.connected();
            }
        }
    }

    /// The connection is lost: tells all who were told that it works.
    pub(crate) fn lost(&self) {
        let mut state = self.lock();
        state.delivering = Delivering::Nothing;
        self.set_connected(false);
        for subscriber in state.subscribers.values_mut() {
            if std::mem::take(&mut subscriber.live) {
                subscriber.inbox.interrupted();
            }
        }
    }

    fn set_connected(&self, now: bool) {
        self.connected
            .send_if_modified(|connected| std::mem::replace(connected, now) != now);
        gauge(now);
    }

    /// What to subscribe to and what to give up, where `asked` is subscribed to. What is given up counts as unconfirmed
    /// from here on, so that a new subscription waits for its own confirmation.
    pub(crate) fn difference(&self, asked: &BTreeSet<String>) -> (Vec<String>, Vec<String>) {
        let mut state = self.lock();
        let wanted: BTreeSet<&String> = state.subscribers.values().flat_map(|s| &s.patterns).collect();
        let more = wanted
            .iter()
            .filter(|p| !asked.contains(**p))
            .map(|&p| p.clone())
            .collect();
        let less: Vec<String> = asked.iter().filter(|p| !wanted.contains(p)).cloned().collect();
        if let Delivering::Confirmed(_, confirmed) = &mut state.delivering {
            for pattern in &less {
                confirmed.remove(pattern);
            }
        }
        (more, less)
    }

    /// Ends all subscriptions.
    pub(crate) fn close(&self) {
        for subscriber in self.lock().subscribers.values() {
            subscriber.inbox.close();
        }
    }
}

fn gauge(connected: bool) {
    metrics::gauge!("chatflow_broker_connected").set(if connected { 1.0 } else { 0.0 });
}

struct HubSubscription {
    hub: Arc<Hub>,
    number: u64,
    inbox: Arc<Inbox>,
}

impl Subscription for HubSubscription {
    fn recv(&mut self) -> BoxFuture<'_, Option<Event>> {
        self.inbox.next().boxed()
    }
}

impl Drop for HubSubscription {
    fn drop(&mut self) {
        self.hub.lock().subscribers.remove(&self.number);
        self.hub.changed.notify_one();
    }
}
