//! What is said to a generator and what it answers: one line of JSON each.

use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::contender::Running;

/// What a generator is to do. It answers each with one [`Answer`] when it is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub(crate) enum Order {
    /// Connects sockets, besides those that it has.
    Open(Open),
    /// Sends messages.
    Publish(Publish),
    /// Lets its sockets send messages themselves.
    Talk(Talk),
    /// Waits until it has received so many messages since [`Order::Reset`].
    Await {
        /// How many.
        deliveries: u64,
        /// How long.
        patience: Duration,
    },
    /// Counts from zero; with `receivers`, also tells how long each message took to reach so many.
    Reset {
        /// How many sockets receive each message.
        receivers: Option<u32>,
    },
    /// Tells what was received.
    Count,
    /// Closes all sockets.
    Close,
}

/// Sockets to connect.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Open {
    /// Where to; the sockets take turns.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Whether rooms take turns instead: all sockets of a room go to the same address.
    pub(crate) apart: bool,
    /// How many.
    pub(crate) sockets: u64,
    /// The number of the first: rooms, users and source addresses go by it.
    pub(crate) first: u64,
    /// How many sockets in a row are in the same room.
    pub(crate) room_size: u64,
    /// How many users take turns.
    pub(crate) users: u64,
    /// How many rooms a socket says that it wants to be in: what it says with `{room}` in it is said for each.
    pub(crate) rooms_per_socket: u64,
    /// How many messages have to come, after what its greeting asks for, until a socket is ready.
    pub(crate) ready_after_messages: u32,
    /// What a connection says to be let in.
    pub(crate) greeting: Greeting,
    /// How many are between `connect` and ready at once.
    pub(crate) at_once: usize,
    /// How long until all have to be ready.
    pub(crate) patience: Duration,
}

impl Open {
    /// Sockets that are ready when they are let in, each of a user and in a room of its own.
    pub(crate) fn plain(running: &Running, sockets: u64, room_size: u64) -> Self {
        Self {
            addresses: running.addresses.clone(),
            apart: false,
            sockets,
            first: 0,
            room_size,
            users: sockets,
            rooms_per_socket: 1,
            ready_after_messages: 0,
            greeting: running.greeting.clone(),
            at_once: 200,
            patience: Duration::from_mins(3),
        }
    }

    /// The same sockets, each of which was away while its room grew from `seen` messages by `missed`: it is ready when it has those.
    pub(crate) fn having_missed(mut self, seen: u64, missed: u64) -> Self {
        self.greeting.path = format!("{}&after_seq={seen}", self.greeting.path);
        self.ready_after_messages = u32::try_from(missed).unwrap_or(u32::MAX);
        self
    }
}

/// What a connection says to be let in. `{room}` and `{user}` stand for its own.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Greeting {
    /// The path of the request.
    pub(crate) path: String,
    /// What it sends then.
    pub(crate) say: Vec<String>,
    /// Whether as binary frames.
    pub(crate) binary: bool,
    /// How many frames with data have to come until it is ready.
    pub(crate) ready_after: u32,
    /// What is added to the port.
    pub(crate) socket_port_offset: u16,
}

/// Messages to send.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Publish {
    /// By which way.
    pub(crate) way: Way,
    /// To how many rooms.
    pub(crate) rooms: u64,
    /// How many sockets of this generator receive each message.
    pub(crate) receivers: u64,
    /// How fast.
    pub(crate) pace: Pace,
    /// For how long.
    pub(crate) duration: Duration,
    /// How long until all have been received.
    pub(crate) patience: Duration,
}

/// Messages that the sockets send themselves: each sender the next when one is acknowledged, on the next of its sockets.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Talk {
    /// How many sockets in a row are one sender's: a server limits what comes over one.
    pub(crate) sockets: usize,
    /// How many messages a sender has under way; with 1, it is told how long each took.
    pub(crate) window: u32,
    /// For how long.
    pub(crate) duration: Duration,
}

/// How a message gets to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    /// A POST to this address and path, in which `{room}` stands for the room.
    Http(SocketAddr, String),
    /// `PUBLISH room:{room}` to this address.
    Redis(SocketAddr),
    /// NATS' `PUB room.{room}` to this address.
    Nats(SocketAddr),
    /// `ChatService.SendMessage` to these URLs in turns.
    Grpc(Vec<String>),
}

/// Messages that a sender sends to one room at once, and may be ahead of those who receive them.
pub(crate) const RUN: u64 = 10;

/// How fast messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pace {
    /// One to each room.
    Once,
    /// So many per second, one at a time.
    Every(f64),
    /// So many at once, the next when all have been received.
    Bursts(u64),
    /// Each of so many callers the next, to the next room, as soon as the last is acknowledged; whether they are received is of no interest.
    Callers(u64),
    /// Each of so many senders [`RUN`] at once to one of its rooms, and as many to its next room when so many have been received.
    Runs(u64),
}

/// What a generator answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// To [`Order::Open`].
    Opened {
        /// How many are ready.
        ready: u64,
        /// How many could not be connected.
        failed: u64,
        /// From the first `connect` to the last that was ready, in seconds.
        seconds: f64,
        /// Why the first of them failed.
        why: Option<String>,
    },
    /// To [`Order::Publish`], and to [`Order::Talk`] with all that was acknowledged since [`Order::Reset`].
    Published {
        /// How many messages were sent and received, or acknowledged.
        messages: u64,
        /// From the first message to the last receipt or acknowledgement, in seconds.
        seconds: f64,
        /// From the call to the answer, in milliseconds, of messages that are acknowledged.
        acknowledged: Option<Spread>,
    },
    /// To [`Order::Await`], and to all that has nothing to tell.
    Done,
    /// To [`Order::Count`].
    Counted(Counted),
    /// It could not be done.
    Failed {
        /// Why.
        why: String,
    },
}

/// What a generator has received.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Counted {
    /// Messages.
    pub(crate) deliveries: u64,
    /// Bytes.
    pub(crate) bytes: u64,
    /// Reads of a socket that brought messages.
    pub(crate) reads: u64,
    /// Sockets that are open and ready.
    pub(crate) ready: u64,
    /// Sockets that the server closed.
    pub(crate) lost: u64,
    /// From the sending to the last of all receivers, in milliseconds, where it was asked for.
    pub(crate) to_last: Option<Spread>,
    /// Messages that not all have received, where it was asked for.
    pub(crate) incomplete: u64,
}

/// How many values are below what.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// How many values there are.
    pub(crate) values: u64,
    /// Half of them.
    pub(crate) p50: f64,
    /// 99 of 100.
    pub(crate) p99: f64,
    /// All.
    pub(crate) max: f64,
}

impl Spread {
    /// Of nanoseconds, told in milliseconds. `None` where there are none.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(crate) fn of(mut nanoseconds: Vec<u64>) -> Option<Self> {
        nanoseconds.sort_unstable();
        // The least value that is not below so many of a hundred: of few values, 99 of 100 are all.
        let at = |part: usize| {
            let rank = (nanoseconds.len() * part).div_ceil(100).checked_sub(1)?;
            nanoseconds.get(rank).map(|value| *value as f64 / 1e6)
        };
        Some(Self {
            values: nanoseconds.len() as u64,
            p50: at(50)?,
            p99: at(99)?,
            max: at(100)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_tells_the_middle_and_the_end() {
        let spread = Spread::of((1..=101).map(|ms| ms * 1_000_000).rev().collect()).unwrap();
        assert_eq!((spread.p50, spread.p99, spread.max), (51.0, 100.0, 101.0));
        let few = Spread::of((1..=10).map(|ms| ms * 1_000_000).collect()).unwrap();
        assert_eq!((few.p50, few.p99, few.max), (5.0, 10.0, 10.0));
        assert!(Spread::of(Vec::new()).is_none());
    }
}
