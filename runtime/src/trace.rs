//! Traces: what happened to one message or one request, across processes, told to an OpenTelemetry collector.
//!
//! A trace begins at the edge, where what it follows comes in: there it is decided whether it is sampled. Everything
//! else only goes on with what is on its way already, so that what runs by the clock (health, heartbeats, comparisons)
//! makes no traces. Where tracing is off, or a trace is not sampled, there is no span: a [`Span`] is empty then, and
//! asking it for anything costs a branch.

mod export;
mod parent;
mod queue;
pub(crate) mod rpc;
mod settings;
mod span;

pub use export::{flush, is_on};
pub use opentelemetry::trace::SpanKind;
pub use parent::Parent;
pub use settings::{TraceSettings, Traces};
pub use span::{Span, event};

/// The names of our own attributes. None of them ever holds the content of a message, or a token.
pub mod key {
    /// The room.
    pub const ROOM_ID: &str = "chatflow.room_id";
    /// The place of a change in its room.
    pub const SEQ: &str = "chatflow.seq";
    /// What the client calls its message, where that is made of letters, digits, `-`, `_` and `.` alone.
    pub const CLIENT_MSG_ID: &str = "chatflow.client_msg_id";
    /// The id in the log lines of a request.
    pub const REQUEST_ID: &str = "chatflow.request_id";
    /// How many changes one transaction stored.
    pub const BATCH_SIZE: &str = "chatflow.batch_size";
    /// How many sockets of this edge a frame was written to, or queued for: those that listened to the room when it was
    /// fanned out, without those that were still fed from the log.
    pub const SOCKETS: &str = "chatflow.sockets";
}
