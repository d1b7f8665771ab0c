//! Where the trace of a change goes on, told to edges beside the change itself: frames are what sockets get, byte for
//! byte, so it can't be in them.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The pattern of all rooms' channels of this kind.
pub const TRACE_PATTERN: &str = "trace:*";

/// The channel that carries a room's [`TraceHint`]s: `trace:{room_id}`. Only of changes whose trace is sampled, each
/// just before its frame on the room's own channel.
pub fn trace_channel(room_id: &str) -> String {
    format!("trace:{room_id}")
}

/// A change and its trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceHint {
    /// The change.
    pub seq: u64,
    /// W3C Trace Context.
    pub traceparent: String,
}

impl TraceHint {
    /// As JSON text.
    pub fn encode(&self) -> Bytes {
        #[expect(clippy::expect_used, reason = "a number and a string always serialise")]
        serde_json::to_vec(self).expect("a hint serialises").into()
    }
}
