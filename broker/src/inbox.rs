//! One subscriber's events, bounded in bytes: who falls behind loses all of them at once and is told.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::{Event, Publication};

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
}

fn cost(event: &Event) -> usize {
    EVENT_BYTES
        + match event {
            Event::Message(publication) => publication.channel.len() + publication.payload.len(),
            Event::Connected | Event::Interrupted => 0,
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

    pub(crate) fn push(&self, publication: Publication) {
        self.add(Event::Message(publication));
    }

    pub(crate) fn connected(&self) {
        self.lock().live = true;
        self.add(Event::Connected);
    }

    pub(crate) fn interrupted(&self) {
        self.lock().live = false;
        self.add(Event::Interrupted);
    }

    fn add(&self, event: Event) {
        let mut queue = self.lock();
        let cost = cost(&event);
        if queue.bytes + cost > self.limit {
            let lagged = queue.events.len() + 1;
            metrics::counter!("chatflow_broker_lagged_total").increment(lagged as u64);
            queue.events = VecDeque::new();
            queue.bytes = 0;
            queue.add(Event::Interrupted);
            if queue.live {
                queue.add(Event::Connected);
            }
            // What the notice replaces need not be told, nor what would not fit even now.
            let told = !matches!(event, Event::Message(_));
            if told || queue.bytes + cost > self.limit {
                drop(queue);
                self.ready.notify_one();
                return;
            }
        }
        queue.add(event);
        drop(queue);
        self.ready.notify_one();
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_one();
    }

    /// The next event; `None` once closed and empty. Cancel-safe; for one reader.
    pub(crate) async fn next(&self) -> Option<Event> {
        loop {
            {
                let mut queue = self.lock();
                if let Some(event) = queue.events.pop_front() {
                    queue.bytes -= cost(&event);
                    return Some(event);
                }
                if queue.closed {
                    return None;
                }
            }
            self.ready.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> Publication {
        Publication {
            channel: "room:a".to_owned(),
            payload: vec![b'x'; bytes].into(),
        }
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
            inbox.push(message(65_536));
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
        inbox.push(message(1001));
        inbox.push(message(1));
        let expected = [Event::Interrupted, Event::Connected, Event::Message(message(1))];
        assert_eq!(drain(&inbox).await, expected);
    }

    #[tokio::test]
    async fn a_reader_who_lags_while_the_broker_is_down_is_not_told_that_it_works() {
        let inbox = Inbox::new(EVENT_BYTES * 2 + 400);
        inbox.connected();
        inbox.push(message(200));
        inbox.push(message(200));
        inbox.interrupted();
        assert_eq!(drain(&inbox).await.last(), Some(&Event::Interrupted));
    }
}
