//! Publications on their way to those who want them: what was read in one go is handed on in one go.

use std::sync::MutexGuard;

use bytes::{Bytes, BytesMut};

use super::{Lane, State, subscription::Subscriber, wanted::Wanted};
use crate::{matches, message::Part};

/// A subscriber's messages share the memory in which they arrived where they are at least this part of it, so that what
/// waits for a slow one holds no more than so many times its own size. What is less is copied into one piece.
const SHARES_FROM: usize = 4;

/// The hub while it hands on.
pub(crate) struct Delivery<'a> {
    state: MutexGuard<'a, State>,
    lane: Lane,
}

impl<'a> Delivery<'a> {
    pub(super) fn new(state: MutexGuard<'a, State>, lane: Lane) -> Self {
        Self { state, lane }
    }

    /// Something was received for one pattern. Redis sends a publication once per pattern that matches: a subscriber with
    /// several such patterns takes it for the first of them alone.
    pub(crate) fn stage(&mut self, pattern: &str, channel: &str, part: Part) {
        self.for_each_hearer(pattern, channel, |subscriber| {
            let is_first = subscriber.staged.is_empty();
            subscriber.staged.push(part);
            is_first
        });
    }

    /// Something was published, to be handed on for whichever pattern matches.
    pub(super) fn stage_for_all(&mut self, channel: &str, part: Part) {
        self.stage(channel, channel, part);
        let prefixes = self
            .state
            .wanted
            .keys()
            .filter(|pattern| pattern.ends_with('*') && matches(pattern, channel));
        for prefix in prefixes.cloned().collect::<Vec<_>>() {
            self.stage(&prefix, channel, part);
        }
    }

    /// Something was received that is too large to be handed on: a gap for those who want it.
    pub(crate) fn skipped(&mut self, pattern: &str, channel: &str) {
        self.for_each_hearer(pattern, channel, |subscriber| {
            subscriber.inbox.skipped();
            false
        });
    }

    /// `tell` says whether the subscriber has to be remembered as one that something is staged for.
    fn for_each_hearer(
        &mut self,
        pattern: &str,
        channel: &str,
        mut tell: impl FnMut(&mut Subscriber) -> bool,
    ) {
        let State {
            subscribers,
            wanted,
            staged,
            ..
        } = &mut *self.state;
        let is_its = |wanted: &&Wanted| wanted.lane == self.lane && wanted.is_confirmed();
        let Some(its) = wanted.get(pattern).filter(is_its) else {
            return;
        };
        let is_confirmed = |pattern: &str| wanted.get(pattern).is_some_and(Wanted::is_confirmed);
        for hearer in &its.hearers {
            let Some(subscriber) = subscribers.get_mut(&hearer.number).filter(|one| one.told) else {
                continue;
            };
            let mut prefixes = subscriber.prefixes.iter();
            let first = prefixes
                .find(|prefix| matches(prefix, channel) && (***prefix == *pattern || is_confirmed(prefix)));
            let takes = match first {
                Some(first) => **first == *pattern,
                None => true,
            };
            if takes && tell(subscriber) {
                staged.push(hearer.number);
            }
        }
    }

    /// Hands on what is staged, all of it parts of `bytes`, which lie in a piece of memory of `size` bytes.
    pub(crate) fn finish(mut self, bytes: &Bytes, size: usize) {
        let State {
            subscribers, staged, ..
        } = &mut *self.state;
        for number in staged.drain(..) {
            let Some(subscriber) = subscribers.get_mut(&number) else {
                continue;
            };
            let parts = subscriber.staged.drain(..);
            let needed: usize = parts.as_slice().iter().map(|part| part.len()).sum();
            if needed * SHARES_FROM >= size {
                subscriber.inbox.extend(parts.map(|part| part.of(bytes)));
                continue;
            }
            let mut own = BytesMut::with_capacity(needed);
            for part in parts.as_slice() {
                own.extend_from_slice(&bytes[part.start..part.end]);
            }
            let mut own = own.freeze();
            let messages = parts.map(|part| part.within(own.split_to(part.len())));
            subscriber.inbox.extend(messages);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, Message, hub::Hub};

    fn next(subscription: &mut Box<dyn crate::Subscription>) -> Message {
        use futures_util::FutureExt as _;
        loop {
            match subscription.recv().now_or_never().flatten() {
                Some(Event::Message(message)) => return message,
                Some(_) => {}
                None => panic!("a message waits"),
            }
        }
    }

    #[test]
    fn who_takes_little_of_a_piece_does_not_hold_all_of_it() {
        let hub = Hub::always(1 << 20);
        let mut much = hub.subscribe(&["room:*"]);
        let mut little = hub.subscribe(&["presence"]);
        let mut bytes = BytesMut::new();
        let room = Part::append(&mut bytes, "room:a", &[b'x'; 1000]);
        let presence = Part::append(&mut bytes, "presence", b"online");
        let (size, bytes) = (bytes.len(), bytes.freeze());
        let mut delivery = hub.delivery(0);
        delivery.stage("room:*", "room:a", room);
        delivery.stage("presence", "presence", presence);
        delivery.finish(&bytes, size);
        let held = next(&mut little);
        assert_eq!((held.channel(), held.payload()), ("presence", &b"online"[..]));
        let shared = next(&mut much);
        assert!(!bytes.is_unique());
        assert_eq!((shared.channel(), shared.payload().len()), ("room:a", 1000));
        drop(shared);
        assert!(bytes.is_unique());
    }
}
