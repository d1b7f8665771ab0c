//! One connection as everybody else sees it: who it is, what it is subscribed to, and how to send to it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use proto::frame::{ErrorCode, ServerFrame};
use tokio::sync::Notify;

use super::{
    close::CloseCode,
    encode,
    outbox::{Outbox, Sent},
    stream::Stream,
};
use crate::{
    beat::Roster,
    door::Caller,
    hub::{RoomId, frame::Batch},
    meters,
};

/// What a client is told to wait where something behind the edge is down.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Which of the two sockets it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One room, no frames about subscriptions.
    Room(RoomId),
    /// Any number of rooms.
    Multiplexed,
}

/// A connection. The hub holds it as long as it is subscribed to something.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Unique in this process.
    pub(crate) id: u64,
    /// Which of the two sockets it is.
    pub(crate) kind: Kind,
    /// Who acts.
    pub(crate) user_id: Arc<str>,
    /// The shown name.
    pub(crate) username: Arc<str>,
    /// The raw stream.
    pub(super) stream: Stream,
    outbox: Mutex<Outbox>,
    queue_bound: usize,
    subscriptions: Mutex<HashMap<RoomId, Subscription>>,
    /// Wakes the connection's own task: something waits in the outbox, something has ended.
    pub(super) wake: Notify,
    /// Wakes those who wait for a subscription or for an empty outbox.
    changed: Notify,
    /// When the client was last heard, and last pinged.
    heard: Mutex<Heard>,
    /// Client messages under way.
    pub(super) in_flight: AtomicUsize,
    /// 0 while nobody asked it to leave; else one more than the milliseconds after which its client should be back.
    leaving: AtomicU32,
    roster: Roster,
}

#[derive(Debug, Clone, Copy)]
struct Heard {
    at: Instant,
    pinged: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Subscription {
    /// Tells a subscription from an earlier one to the same room.
    generation: u64,
    /// Whether the hub has confirmed it.
    joined: bool,
    /// Whether the hub has confirmed it, or an earlier one that it took the place of.
    entered: bool,
}

impl Connection {
    /// A connection that nobody but the roster knows yet.
    pub(super) fn new(
        id: u64,
        kind: Kind,
        caller: &Caller,
        stream: Stream,
        queue_bound: usize,
        roster: Roster,
    ) -> Self {
        let now = Instant::now();
        Self {
            id,
            kind,
            user_id: caller.user_id.as_str().into(),
            username: caller.username.as_str().into(),
            stream,
            outbox: Mutex::default(),
            queue_bound,
            subscriptions: Mutex::default(),
            wake: Notify::new(),
            changed: Notify::new(),
            heard: Mutex::new(Heard { at: now, pinged: now }),
            in_flight: AtomicUsize::new(0),
            leaving: AtomicU32::new(0),
            roster,
        }
    }

    /// Whether it takes part in any number of rooms.
    pub(crate) fn is_multiplexed(&self) -> bool {
        self.kind == Kind::Multiplexed
    }

    /// Sends frames: straight to the socket, or through the queue. One that is too slow is closed.
    pub(crate) fn send(&self, batch: &Batch) {
        let mut outbox = lock(&self.outbox);
        match outbox.send(&self.stream, batch, self.queue_bound) {
            Sent::Done => {
                if outbox.is_dead() {
                    self.wake.notify_one();
                }
            }
            Sent::Queued => self.wake.notify_one(),
            Sent::Overflow => {
                meters::slow_closed();
                let code = CloseCode::TooSlow;
                let frame = encode::close(code.number(), code.reason());
                outbox.close(&self.stream, frame, true);
                self.wake.notify_one();
            }
        }
    }

    /// Sends one frame that is delivered.
    pub(crate) fn answer(&self, frame: &ServerFrame<'_>) {
        meters::frames_out(1);
        self.send(&Batch::kept(&frame.encode()));
    }

    /// Sends a frame of the WebSocket protocol itself.
    pub(crate) fn send_control(&self, frame: Bytes) {
        self.send(&Batch::control(frame));
    }

    /// Answers what could not be accepted.
    pub(crate) fn refuse(
        &self,
        code: ErrorCode,
        message: &str,
        client_msg_id: Option<&str>,
        room_id: Option<&str>,
        retry_after: Option<Duration>,
    ) {
        self.answer(&ServerFrame::Error {
            code,
            message,
            client_msg_id,
            room_id,
            retry_after_ms: retry_after
                .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1)),
        });
    }

    /// Closes behind what waits; nothing more is sent.
    pub(crate) fn close(&self, code: CloseCode) {
        self.close_with(encode::close(code.number(), code.reason()));
    }

    /// As [`Connection::close`], with a frame of the caller's.
    pub(super) fn close_with(&self, frame: Bytes) {
        lock(&self.outbox).close(&self.stream, frame, false);
        self.wake.notify_one();
    }

    /// Asks the connection's task to finish what is under way and then to close with 1001; the client is told to be back
    /// after so long.
    pub(crate) fn leave(&self, back_after: Duration) {
        let millis = u32::try_from(back_after.as_millis()).unwrap_or(u32::MAX - 1);
        self.leaving.store(millis + 1, Ordering::Release);
        self.wake.notify_one();
    }

    /// Whether [`Connection::leave`] was called, and after how many milliseconds the client should be back.
    pub(super) fn leaving(&self) -> Option<u32> {
        self.leaving.load(Ordering::Acquire).checked_sub(1)
    }

    /// Whether a close frame was sent or queued, or the socket failed.
    pub(crate) fn is_closing(&self) -> bool {
        lock(&self.outbox).is_closing()
    }

    /// Whether something waits for the socket.
    pub(super) fn has_waiting(&self) -> bool {
        lock(&self.outbox).waiting() > 0
    }

    /// Whether the socket failed.
    pub(super) fn is_dead(&self) -> bool {
        lock(&self.outbox).is_dead()
    }

    /// Writes what waits, as far as the socket takes it.
    pub(super) fn flush(&self) {
        let mut outbox = lock(&self.outbox);
        outbox.flush(&self.stream);
        if outbox.waiting() == 0 {
            drop(outbox);
            self.changed.notify_waiters();
        }
    }

    /// Ends all subscriptions, and tells of which rooms.
    pub(super) fn let_go(&self) -> Vec<RoomId> {
        let subscriptions = std::mem::take(&mut *lock(&self.subscriptions));
        for (room, subscription) in &subscriptions {
            if subscription.entered {
                self.roster.left(self, room);
            }
        }
        self.changed.notify_waiters();
        subscriptions.into_keys().collect()
    }

    /// Ends the connection for good: whoever waits for it goes away, the socket closes.
    pub(super) fn end(&self) {
        lock(&self.outbox).abandon();
        self.changed.notify_waiters();
        self.stream.end();
    }

    /// Notes that the client was heard.
    pub(super) fn heard(&self) {
        lock(&self.heard).at = Instant::now();
    }

    /// How long the client has been silent, and how long ago it was pinged.
    pub(crate) fn silence(&self, now: Instant) -> (Duration, Duration) {
        let heard = *lock(&self.heard);
        (
            now.saturating_duration_since(heard.at),
            now.saturating_duration_since(heard.pinged),
        )
    }

    /// Pings the client.
    pub(crate) fn ping(&self, now: Instant) {
        lock(&self.heard).pinged = now;
        self.send_control(encode::ping());
    }

    /// Begins a subscription, anew where there was one.
    pub(crate) fn subscribing(&self, room: &RoomId, generation: u64) {
        let mut subscriptions = lock(&self.subscriptions);
        let entered = subscriptions.get(room).is_some_and(|earlier| earlier.entered);
        let new = Subscription {
            generation,
            joined: false,
            entered,
        };
        subscriptions.insert(Arc::clone(room), new);
    }

    /// How many rooms it is subscribed to.
    pub(super) fn subscriptions(&self) -> usize {
        lock(&self.subscriptions).len()
    }

    /// Whether it is subscribed to the room, or about to be.
    pub(super) fn is_subscribed(&self, room: &str) -> bool {
        lock(&self.subscriptions).contains_key(room)
    }

    /// Ends a subscription.
    pub(crate) fn unsubscribed(&self, room: &RoomId) {
        self.remove(room, |_| true);
    }

    /// Ends a subscription that is of a kind, in one step: a later one that takes its place must not go with it.
    fn remove(&self, room: &RoomId, which: impl FnOnce(&Subscription) -> bool) {
        let mut subscriptions = lock(&self.subscriptions);
        if let Some(subscription) = subscriptions.get(room).copied().filter(which) {
            subscriptions.remove(room);
            if subscription.entered {
                self.roster.left(self, room);
            }
        }
        drop(subscriptions);
        self.changed.notify_waiters();
    }

    /// The hub confirms a subscription.
    pub(crate) fn joined(&self, room: &RoomId, generation: u64) {
        let mut subscriptions = lock(&self.subscriptions);
        if let Some(subscription) = subscriptions.get_mut(room)
            && subscription.generation == generation
        {
            subscription.joined = true;
            if !std::mem::replace(&mut subscription.entered, true) {
                self.roster.entered(self, room);
            }
        }
        drop(subscriptions);
        self.changed.notify_waiters();
        self.wake.notify_one();
    }

    /// The hub refuses a subscription, unless a later one has taken its place.
    pub(crate) fn refused(&self, room: &RoomId, generation: u64, code: ErrorCode) {
        self.remove(room, |subscription| subscription.generation == generation);
        match (&self.kind, code) {
            (Kind::Room(_), ErrorCode::NoSuchRoom) => self.close(CloseCode::NoSuchRoom),
            (Kind::Room(_), _) => self.close(CloseCode::TryLater),
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
    pub(super) fn is_joining(&self, room: &str) -> bool {
        lock(&self.subscriptions)
            .get(room)
            .is_some_and(|subscription| !subscription.joined)
    }

    /// Resolves when the hub has confirmed, refused or lost the subscription.
    pub(super) async fn settled(&self, room: &str) {
        self.until(|| !self.is_joining(room)).await;
    }

    /// Resolves when at most `bytes` wait for the socket, or nobody sends any more.
    pub(crate) async fn drained(&self, bytes: usize) {
        self.until(|| {
            let outbox = lock(&self.outbox);
            outbox.waiting() <= bytes || outbox.is_closing()
        })
        .await;
    }

    /// Sends a part of a replay, unless its subscription is over: tells whether it is not.
    pub(crate) fn feed(&self, room: &str, generation: u64, batch: &Batch) -> bool {
        // Held while sending, so that nothing of a subscription follows its end.
        let subscriptions = lock(&self.subscriptions);
        let current = subscriptions
            .get(room)
            .is_some_and(|subscription| subscription.generation == generation);
        if current && !batch.parts.is_empty() {
            self.send(batch);
        }
        current && !self.is_closing()
    }

    async fn until(&self, done: impl Fn() -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if done() {
                return;
            }
            changed.await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
