//! One subscriber's events, bounded in bytes: who falls behind loses all of them at once and is told.

use std::{
    collections::VecDeque,
    iter,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::{Event, message::Message};

/// What an event costs beside its text: its place in the queue and its allocations.
const EVENT_BYTES: usize = 128;

pub(crate) struct Inbox {
    /// Most bytes that wait.
    limit: usize,
    ready: Notify,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// Patterns that were added and work now. Not lost with the rest: there are no more of them than patterns.
    added: VecDeque<Arc<str>>,
    events: VecDeque<Event>,
    bytes: usize,
    live: bool,
    closed: bool,
}

impl Queue {
    fn add(&mut self, event: Event) {
        self.bytes += cost(&event);
        self.events.push_back(event);
    }

    fn offer(&mut self, event: Event, limit: usize) {
        let cost = cost(&event);
        if self.bytes + cost > limit {
            self.lag();
            // What the notice replaces need not be told, nor what would not fit even now.
            let told = !matches!(event, Event::Message(_));
            if told || self.bytes + cost > limit {
                return;
            }
        }
        self.add(event);
    }

    /// Drops everything and says so.
    fn lag(&mut self) {
        let lagged = self.events.len() + 1;
        metrics::counter!("chatflow_broker_lagged_total").increment(lagged as u64);
        self.events = VecDeque::new();
        self.bytes = 0;
        self.add(Event::Interrupted);
        if self.live {
            self.add(Event::Connected);
        }
    }

    fn take(&mut self) -> Option<Event> {
        if let Some(pattern) = self.added.pop_front() {
            return Some(Event::Added(pattern));
        }
        let event = self.events.pop_front()?;
        self.bytes -= cost(&event);
        Some(event)
    }
}

fn cost(event: &Event) -> usize {
    EVENT_BYTES
        + match event {
            Event::Message(message) => message.len(),
            Event::Connected | Event::Interrupted | Event::Added(_) => 0,
        }
}

impl Inbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            ready: Notify::new(),
            queue: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes messages in, in their order.
    pub(crate) fn extend(&self, messages: impl Iterator<Item = Message>) {
        self.change(|queue| {
            for message in messages {
                queue.offer(Event::Message(message), self.limit);
            }
        });
    }

    /// A message can't be delivered.
    pub(crate) fn skipped(&self) {
        self.change(Queue::lag);
    }

    pub(crate) fn connected(&self) {
        self.change(|queue| {
            queue.live = true;
            queue.offer(Event::Connected, self.limit);
        });
    }

    pub(crate) fn interrupted(&self) {
        self.change(|queue| {
            queue.live = false;
            queue.offer(Event::Interrupted, self.limit);
        });
    }

    pub(crate) fn added(&self, pattern: Arc<str>) {
        self.change(|queue| queue.added.push_back(pattern));
    }

    /// News that it works is old news, should it be added again.
    pub(crate) fn removed(&self, pattern: &str) {
        self.lock().added.retain(|one| **one != *pattern);
    }

    fn change(&self, change: impl FnOnce(&mut Queue)) {
        change(&mut self.lock());
        self.ready.notify_one();
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_one();
    }

    /// The next event; `None` once closed and empty. Cancel-safe; for one reader.
    pub(crate) async fn next(&self) -> Option<Event> {
        self.when_ready(Queue::take).await
    }

    /// Appends what waits, up to `limit` events, once there is any. Returns how many; none once closed and empty.
    /// Cancel-safe; for one reader.
    pub(crate) async fn next_many(&self, events: &mut Vec<Event>, limit: usize) -> usize {
        let take = |queue: &mut Queue| {
            let before = events.len();
            events.extend(iter::from_fn(|| queue.take()).take(limit));
            Some(events.len() - before).filter(|count| *count > 0)
        };
        self.when_ready(take).await.unwrap_or_default()
    }

    async fn when_ready<T>(&self, mut take: impl FnMut(&mut Queue) -> Option<T>) -> Option<T> {
        loop {
            {
                let mut queue = self.lock();
                let taken = take(&mut queue);
                if taken.is_some() || queue.closed {
                    return taken;
                }
            }
            self.ready.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Publication;

    fn message(bytes: usize) -> Message {
        let publication = Publication {
            channel: "room:a".to_owned(),
            payload: vec![b'x'; bytes].into(),
        };
        publication.into()
    }

    fn push(inbox: &Inbox, bytes: usize) {
        inbox.extend(iter::once(message(bytes)));
    }

    async fn drain(inbox: &Inbox) -> Vec<Event> {
        inbox.close();
        let mut events = Vec::new();
        while let Some(event) = inbox.next().await {
            events.push(event);
        }
        events
    }

    #[tokio::test]
    async fn the_bound_is_in_bytes_not_in_events() {
        let inbox = Inbox::new(100_000);
        inbox.connected();
        for _ in 0..1000 {
            push(&inbox, 65_536);
            let queue = inbox.lock();
            let held: usize = queue.events.iter().map(cost).sum();
            assert_eq!(held, queue.bytes);
            assert!(held <= 100_000, "{held}");
        }
        let expected = [
            Event::Interrupted,
            Event::Connected,
            Event::Message(message(65_536)),
        ];
        assert_eq!(drain(&inbox).await, expected);
    }

    #[tokio::test]
    async fn what_never_fits_is_told_as_a_gap() {
        let inbox = Inbox::new(1000);
        inbox.connected();
        push(&inbox, 1001);
        push(&inbox, 1);
        let expected = [Event::Interrupted, Event::Connected, Event::Message(message(1))];
        assert_eq!(drain(&inbox).await, expected);
    }

    #[tokio::test]
    async fn a_reader_who_lags_while_the_broker_is_down_is_not_told_that_it_works() {
        let inbox = Inbox::new(EVENT_BYTES * 2 + 400);
        inbox.connected();
        push(&inbox, 200);
        push(&inbox, 200);
        inbox.interrupted();
        assert_eq!(drain(&inbox).await.last(), Some(&Event::Interrupted));
    }
}
