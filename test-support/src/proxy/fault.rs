//! What a network can do to a connection, and what of that concerns one direction.

use std::time::Duration;

/// One direction of a connection, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
    /// Both directions.
    Both,
}

/// What the network does. Every fault holds for connections that are open and for new ones, until another is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It works.
    None,
    /// It works, and every byte arrives this much later than it was sent. Up to 4 MiB are under way in each direction.
    Delay(Duration),
    /// It works, and each direction of a connection carries this much.
    Throttle {
        /// How many bytes a second.
        bytes_per_second: u64,
    },
    /// Connections stay open, new ones too, but nothing arrives, not even an end. It arrives afterwards.
    Stall,
    /// Connections are reset, new ones too.
    Cut,
    /// Nobody listens: new connections are refused, open ones go on.
    Refuse,
    /// Connections stay open, new ones too, but the bytes of a direction are lost. Afterwards, connections that lost some
    /// are reset: what they carry makes no sense any more.
    BlackHole(Direction),
    /// The server has vanished: its side of each connection is closed, the client's stays open and silent, new ones too.
    /// Afterwards they are reset.
    HalfOpen,
    /// Redis only ([`Proxy::to_redis`](super::Proxy::to_redis)): everything works, but messages of subscriptions (RESP3
    /// pushes `message` and `pmessage`) are lost.
    Pushes,
}

/// What a fault means for the bytes of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// They are passed on at once.
    Pass,
    /// They are passed on this much after they came.
    Delay(Duration),
    /// This many a second are passed on.
    Throttle(u64),
    /// They are left where they are.
    Hold,
    /// They are taken and forgotten.
    Swallow,
}

impl Fault {
    /// What it means for the bytes of `way`, which is one of the two.
    pub(super) fn course(self, way: Direction) -> Course {
        match self {
            Self::Delay(delay) => Course::Delay(delay),
            Self::Throttle { bytes_per_second } => Course::Throttle(bytes_per_second.max(1)),
            Self::BlackHole(lost) if lost == way || lost == Direction::Both => Course::Swallow,
            Self::None | Self::Refuse | Self::Pushes | Self::BlackHole(_) => Course::Pass,
            // A connection that is cut, or that has lost its server, ends as a whole.
            Self::Stall | Self::Cut | Self::HalfOpen => Course::Hold,
        }
    }
}
