//! The edge's metrics: made once, so that counting costs an addition.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

struct Meters {
    connections: Gauge,
    rooms_served: Gauge,
    messages_in: Counter,
    frames_out: Counter,
    queue_dropped: Counter,
    slow_closed: Counter,
    gap_repairs: Counter,
    resets: Counter,
    unhinted: Counter,
    replayed: Counter,
    publish_lag: Histogram,
    canary: Histogram,
}

static METERS: LazyLock<Meters> = LazyLock::new(|| {
    // A handle made before the recorder is installed would count into nothing.
    if !UNRECORDED.load(Ordering::Relaxed) {
        runtime::metrics::install();
    }
    Meters {
        connections: gauge!("chatflow_edge_connections"),
        rooms_served: gauge!("chatflow_edge_rooms_served"),
        messages_in: counter!("chatflow_edge_messages_in_total"),
        frames_out: counter!("chatflow_edge_frames_out_total"),
        queue_dropped: counter!("chatflow_edge_queue_dropped_total"),
        slow_closed: counter!("chatflow_edge_slow_closed_total"),
        gap_repairs: counter!("chatflow_edge_gap_repairs_total"),
        resets: counter!("chatflow_edge_room_resets_total"),
        unhinted: counter!("chatflow_edge_unhinted_rooms_total"),
        replayed: counter!("chatflow_edge_replayed_frames_total"),
        publish_lag: histogram!("chatflow_edge_publish_lag_seconds"),
        canary: histogram!("chatflow_edge_canary_seconds"),
    }
});

/// Whether this process counts into nothing.
static UNRECORDED: AtomicBool = AtomicBool::new(false);

/// Counts into nothing from here on, if nothing was counted so far: the recorder spends a while on the clock, which differs
/// from run to run.
#[cfg(feature = "bench-check")]
pub(crate) fn unrecorded() {
    UNRECORDED.store(true, Ordering::Relaxed);
}

/// Connections now.
pub(crate) fn connections(count: usize) {
    METERS.connections.set(approximate(count));
}

/// Rooms with a subscriber here, now.
pub(crate) fn rooms_served(count: usize) {
    METERS.rooms_served.set(approximate(count));
}

/// A client's frame was taken in.
pub(crate) fn message_in() {
    METERS.messages_in.increment(1);
}

/// Frames were sent, or queued, to connections.
pub(crate) fn frames_out(count: usize) {
    METERS.frames_out.increment(count as u64);
}

/// Ephemeral frames were dropped for connections that lag.
pub(crate) fn queue_dropped(count: usize) {
    METERS.queue_dropped.increment(count as u64);
}

/// A connection was closed because it lagged too far.
pub(crate) fn slow_closed() {
    METERS.slow_closed.increment(1);
}

/// A room's hole was fetched from the log.
pub(crate) fn gap_repair() {
    METERS.gap_repairs.increment(1);
}

/// A room's log was found set back.
pub(crate) fn reset() {
    METERS.resets.increment(1);
}

/// Rooms had changed, and no hint had told of it in time.
pub(crate) fn unhinted(rooms: usize) {
    METERS.unhinted.increment(rooms as u64);
}

/// Frames of the log were sent to a client that was away.
pub(crate) fn replayed(count: usize) {
    METERS.replayed.increment(count as u64);
}

/// From a message's timestamp until its hint was here.
pub(crate) fn publish_lag(lag: Duration) {
    METERS.publish_lag.record(lag.as_secs_f64());
}

/// From publishing the canary until it was heard.
pub(crate) fn canary(lag: Duration) {
    METERS.canary.record(lag.as_secs_f64());
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn approximate(count: usize) -> f64 {
    count as f64
}
