//! One subscriber: what it wants, and how it gets it.

use std::{collections::HashSet, sync::Arc};

use futures_util::{FutureExt as _, future::BoxFuture};

use super::Hub;
use crate::{Event, Subscription, inbox::Inbox, message::Part};

/// The hub's side of a subscription.
pub(super) struct Subscriber {
    pub(super) patterns: HashSet<Arc<str>>,
    /// Those of them that match more than one channel.
    pub(super) prefixes: Vec<Arc<str>>,
    /// How many of them are not confirmed.
    pub(super) missing: usize,
    /// Whether it was told that it works, and not since that it no longer does.
    pub(super) live: bool,
    /// Whether it was ever told that it works.
    pub(super) told: bool,
    pub(super) inbox: Arc<Inbox>,
    /// What a delivery has for it.
    pub(super) staged: Vec<Part>,
}

impl Subscriber {
    pub(super) fn new(inbox: Arc<Inbox>) -> Self {
        Self {
            patterns: HashSet::new(),
            prefixes: Vec::new(),
            missing: 0,
            live: false,
            told: false,
            inbox,
            staged: Vec::new(),
        }
    }

    /// Whether everything is delivered that was asked for when it was made, or that was there when it last worked.
    pub(super) fn works(&self) -> bool {
        self.live || self.missing == 0
    }

    /// Tells that it works, once it does.
    pub(super) fn settle(&mut self) {
        if !self.live && self.missing == 0 {
            self.live = true;
            self.told = true;
            self.inbox.connected();
        }
    }

    /// Tells that it no longer works. Returns whether that is news.
    pub(super) fn interrupt(&mut self) -> bool {
        let news = std::mem::take(&mut self.live);
        if news {
            self.inbox.interrupted();
        }
        news
    }
}

/// The subscriber's side.
pub(super) struct HubSubscription {
    hub: Arc<Hub>,
    number: u64,
    inbox: Arc<Inbox>,
}

impl HubSubscription {
    pub(super) fn new(hub: Arc<Hub>, number: u64, inbox: Arc<Inbox>) -> Self {
        Self { hub, number, inbox }
    }
}

impl Subscription for HubSubscription {
    fn recv(&mut self) -> BoxFuture<'_, Option<Event>> {
        self.inbox.next().boxed()
    }

    fn recv_many<'a>(&'a mut self, events: &'a mut Vec<Event>, limit: usize) -> BoxFuture<'a, usize> {
        self.inbox.next_many(events, limit).boxed()
    }

    fn add(&mut self, patterns: &[&str]) {
        self.hub.add(self.number, patterns);
    }

    fn remove(&mut self, patterns: &[&str]) {
        self.hub.remove(self.number, patterns);
    }
}

impl Drop for HubSubscription {
    fn drop(&mut self) {
        self.hub.forget(self.number);
    }
}
