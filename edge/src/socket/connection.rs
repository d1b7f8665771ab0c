//! One connection as everybody else sees it: who it is, what it is subscribed to, and how to send to it.

mod subscribing;
mod waiting;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use proto::frame::{ErrorCode, ServerFrame};
use wire::{deflate::Deflate, encode};

use super::{
    close::CloseCode,
    home::Home,
    outbox::{Outbox, Sent},
    stream::Stream,
    subscriptions::Subscriptions,
};
use crate::{beat::Named, hub::frame::Batch, meters, serve::Place};

/// What a client is told to wait where something behind the edge is down.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Which of the two sockets it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One room, no frames about subscriptions.
    Room,
    /// Any number of rooms.
    Multiplexed,
}

/// A connection. The hub holds it as long as it is subscribed to something.
#[derive(Debug)]
pub(crate) struct Connection {
    outbox: Mutex<Outbox>,
    /// The raw stream.
    pub(crate) stream: Stream,
    /// Where its shard keeps it: [`NO_SEAT`] before it has it, and when it is over.
    seat: AtomicU32,
    /// Whether the shard was told that something has changed, and has not looked yet.
    noticed: AtomicBool,
    /// Whether the shard does not read before something under way is done.
    held_up: AtomicBool,
    /// Whether a request to the hub waits for its turn.
    asking: AtomicBool,
    /// Replays that have their turn.
    replaying: AtomicU8,
    /// Client messages under way.
    in_flight: AtomicU32,
    /// 0 while nobody asked it to leave; else one more than the milliseconds after which its client should be back.
    leaving: AtomicU32,
    /// What was agreed on about compression, if anything.
    deflate: Option<Deflate>,
    home: Arc<Home>,
    /// Unique in this process.
    pub(crate) id: u64,
    /// Which of the two sockets it is.
    pub(crate) kind: Kind,
    named: Arc<Named>,
    subscriptions: Mutex<Subscriptions>,
    /// Among the connections that the process has files for: given back behind the stream, which has one until nobody
    /// holds the connection any more.
    _place: Option<Place>,
}

/// No place in a shard.
const NO_SEAT: u32 = u32::MAX;

impl Connection {
    /// A connection that nobody but the roster knows yet.
    pub(crate) fn new(
        id: u64,
        kind: Kind,
        named: Arc<Named>,
        stream: Stream,
        deflate: Option<Deflate>,
        home: Arc<Home>,
    ) -> Self {
        Self {
            outbox: Mutex::default(),
            stream,
            seat: AtomicU32::new(NO_SEAT),
            noticed: AtomicBool::new(false),
            held_up: AtomicBool::new(false),
            asking: AtomicBool::new(false),
            replaying: AtomicU8::new(0),
            in_flight: AtomicU32::new(0),
            leaving: AtomicU32::new(0),
            deflate,
            home,
            id,
            kind,
            named,
            subscriptions: Mutex::default(),
            _place: None,
        }
    }

    /// The same, with the place that its client's connection has.
    pub(super) fn at(self, place: Option<Place>) -> Self {
        Self {
            _place: place,
            ..self
        }
    }

    /// Who acts.
    pub(crate) fn user_id(&self) -> &str {
        &self.named.user_id
    }

    /// The shown name.
    pub(crate) fn username(&self) -> &str {
        self.named.username()
    }

    /// Whether it takes part in any number of rooms.
    pub(crate) fn is_multiplexed(&self) -> bool {
        self.kind == Kind::Multiplexed
    }

    /// Whether it may be sent compressed frames.
    pub(crate) fn deflates(&self) -> bool {
        self.deflate.is_some()
    }

    /// Whether its client has the window for what is compressed in a batch.
    pub(crate) fn takes(&self, batch: &Batch) -> bool {
        self.deflate
            .is_some_and(|deflate| deflate.takes(batch.compressed))
    }

    /// Sends frames: straight to the socket, or through the queue. One that is too slow is closed.
    pub(crate) fn send(self: &Arc<Self>, batch: &Batch) {
        let mut outbox = lock(&self.outbox);
        match outbox.send(&self.stream, batch, self.home.queue_bytes) {
            // What is queued is written when the kernel tells the shard that the socket takes more.
            Sent::Queued => {}
            Sent::Done => {
                if outbox.is_dead() {
                    drop(outbox);
                    self.notice();
                }
            }
            Sent::Overflow => {
                meters::slow_closed();
                let code = CloseCode::TooSlow;
                let frame = encode::close(code.number(), code.reason());
                outbox.close(&self.stream, frame, true);
                drop(outbox);
                self.notice();
            }
        }
    }

    /// Sends one frame that is delivered.
    pub(crate) fn answer(self: &Arc<Self>, frame: &ServerFrame<'_>) {
        meters::frames_out(1);
        self.send(&Batch::kept(&frame.encode()));
    }

    /// Sends a frame of the WebSocket protocol itself.
    pub(crate) fn send_control(self: &Arc<Self>, frame: Bytes) {
        self.send(&Batch::control(frame));
    }

    /// Answers what could not be accepted.
    pub(crate) fn refuse(
        self: &Arc<Self>,
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
    pub(crate) fn close(self: &Arc<Self>, code: CloseCode) {
        self.close_with(encode::close(code.number(), code.reason()));
    }

    /// As [`Connection::close`], with a frame of the caller's.
    pub(super) fn close_with(self: &Arc<Self>, frame: Bytes) {
        lock(&self.outbox).close(&self.stream, frame, false);
        self.notice();
    }

    /// Asks for what is under way to be finished, and then to close with 1001; the client is told to be back after so
    /// long.
    pub(crate) fn leave(self: &Arc<Self>, back_after: Duration) {
        let millis = u32::try_from(back_after.as_millis()).unwrap_or(u32::MAX - 1);
        // In one order with what is under way: who sees the client off sees the end of that, or is woken by it.
        self.leaving.store(millis + 1, Ordering::SeqCst);
        self.notice();
    }

    /// Whether its shard has nothing more to read from it: it is closing, failed, or leaving.
    pub(crate) fn is_over(&self) -> bool {
        self.leaving().is_some() || self.is_closing()
    }

    /// Whether [`Connection::leave`] was called, and after how many milliseconds the client should be back.
    pub(super) fn leaving(&self) -> Option<u32> {
        self.leaving.load(Ordering::SeqCst).checked_sub(1)
    }

    /// Whether a close frame was sent or queued, or the socket failed.
    pub(crate) fn is_closing(&self) -> bool {
        lock(&self.outbox).is_closing()
    }

    /// Whether something waits for the socket.
    pub(crate) fn has_waiting(&self) -> bool {
        lock(&self.outbox).waiting() > 0
    }

    /// Whether the socket failed.
    pub(super) fn is_dead(&self) -> bool {
        lock(&self.outbox).is_dead()
    }

    /// Writes what waits, as far as the socket takes it.
    pub(crate) fn flush(&self) {
        let mut outbox = lock(&self.outbox);
        if outbox.waiting() == 0 {
            return;
        }
        outbox.flush(&self.stream);
        if outbox.waiting() == 0 {
            drop(outbox);
            self.wake();
        }
    }

    /// Ends the connection for good: whoever waits for it goes away, the socket closes.
    pub(super) fn end(&self) {
        lock(&self.outbox).abandon();
        self.wake();
        self.stream.end();
    }

    /// Pings the client.
    pub(crate) fn ping(self: &Arc<Self>) {
        self.send_control(encode::ping());
    }

    /// Its shard has a place for it. Whatever was to be noticed before is to be looked at now.
    pub(crate) fn seated(&self, seat: u32) {
        self.seat.store(seat, Ordering::SeqCst);
        self.looked_at();
    }

    /// Its shard knows it no more.
    pub(crate) fn unseated(&self) {
        self.seat.store(NO_SEAT, Ordering::SeqCst);
    }

    /// Its place in its shard, while it has one.
    pub(crate) fn seat(&self) -> Option<usize> {
        let seat = self.seat.load(Ordering::SeqCst);
        (seat != NO_SEAT).then_some(seat as usize)
    }

    /// The shard looks at it now.
    pub(crate) fn looked_at(&self) {
        self.noticed.store(false, Ordering::SeqCst);
    }

    /// Asks the shard to look at it.
    fn notice(self: &Arc<Self>) {
        if !self.noticed.swap(true, Ordering::SeqCst) {
            self.home.notice(Arc::clone(self));
        }
    }

    /// A client message is under way from here to [`Connection::done`].
    pub(super) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
    }

    /// A client message is answered.
    pub(super) fn done(self: &Arc<Self>) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        if self.leaving().is_some() {
            self.wake();
        }
        self.go_on();
    }

    /// A request to the hub waits for its turn, until [`Connection::asked`].
    pub(super) fn asking(&self) {
        self.asking.store(true, Ordering::SeqCst);
    }

    /// The hub has the request.
    pub(super) fn asked(self: &Arc<Self>) {
        self.asking.store(false, Ordering::SeqCst);
        // Also where nobody has closed: a client that has just gone is seen off only once all is asked.
        self.wake();
        self.go_on();
    }

    fn go_on(self: &Arc<Self>) {
        if self.held_up.swap(false, Ordering::SeqCst) {
            self.notice();
        }
    }

    /// Whether another client message may be taken on, with at most `limit` under way. If not, the shard is asked to
    /// look again once it may.
    pub(super) fn has_room(&self, limit: u32) -> bool {
        let free = || !self.asking.load(Ordering::SeqCst) && self.in_flight.load(Ordering::SeqCst) < limit;
        if free() {
            return true;
        }
        self.held_up.store(true, Ordering::SeqCst);
        // What was in the way may have gone just before anybody could know that we wait.
        free()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
