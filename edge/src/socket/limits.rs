//! What one socket, one user and one edge may use.

use std::time::Duration;

use wire::Limits;

use super::pace::Rhythm;

/// The limits of the socket side. The default is the contract's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketLimits {
    /// Largest client message, over all of its fragments, in bytes.
    pub frame_bytes: usize,
    /// A peer that sends nothing, not even a pong, for this long is dropped.
    pub silence: Duration,
    /// How often the server pings.
    pub ping_every: Duration,
    /// Most that waits for one connection's socket, in bytes; past it, the connection is closed with 4408.
    pub queue_bytes: usize,
    /// Connections of this edge.
    pub connections: usize,
    /// Connections of one user on this edge.
    pub connections_per_user: usize,
    /// Connections from one address on this edge, if limited: behind a proxy all have the proxy's.
    pub connections_per_ip: Option<usize>,
    /// Client messages per second and connection, in the long run.
    pub frames_per_second: u32,
    /// Client messages that may come at once.
    pub frames_burst: u32,
    /// Rooms that one socket may subscribe to.
    pub rooms_per_socket: usize,
    /// Client messages of one connection under way at once; then its socket is not read.
    pub in_flight: u32,
    /// The least time between two writes of one room to its members: zero for the least latency, some milliseconds
    /// for the most throughput.
    pub flush_floor: Duration,
    /// Whether clients that offer compression (permessage-deflate, RFC 7692) get it.
    pub compression: bool,
    /// Over how long the connections are closed when the edge stops.
    pub drain: Duration,
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self {
            frame_bytes: 64 * 1024,
            silence: Duration::from_mins(1),
            ping_every: Duration::from_secs(25),
            queue_bytes: 1024 * 1024,
            connections: 100_000,
            connections_per_user: 100,
            connections_per_ip: None,
            frames_per_second: 200,
            frames_burst: 1000,
            rooms_per_socket: 200,
            in_flight: 64,
            flush_floor: Duration::ZERO,
            compression: false,
            drain: Duration::from_secs(2),
        }
    }
}

impl SocketLimits {
    /// How large a client message may be.
    pub(super) fn of_messages(&self) -> Limits {
        Limits {
            message_bytes: self.frame_bytes,
        }
    }

    /// How many client messages a connection may send.
    pub(super) fn rhythm(&self) -> Rhythm {
        Rhythm::new(self.frames_per_second, self.frames_burst)
    }
}
