//! Callers of `SendMessage`: each sends its next message as soon as the last one is acknowledged.

use std::{
    io,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use prost::Message as _;
use proto::chat::SendMessageRequest;

use crate::http2::Connection;

const PATH: &str = "/chatflow.chat.v1.ChatService/SendMessage";

/// Who calls whom.
#[derive(Debug, Clone)]
pub(crate) struct Callers {
    /// chat-svc's gRPC port.
    pub(crate) address: SocketAddr,
    /// Connections, each with a thread.
    pub(crate) connections: usize,
    /// Callers in all.
    pub(crate) count: usize,
    /// The rooms, which take turns.
    pub(crate) rooms: usize,
    /// Characters of a message.
    pub(crate) characters: usize,
    /// Makes the messages' names differ from those of other runs.
    pub(crate) run: usize,
}

/// What callers have seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Messages that were acknowledged.
    pub(crate) acknowledged: usize,
    /// Calls that were refused or broken off.
    pub(crate) refused: usize,
    /// How long each acknowledged call took.
    pub(crate) took: Vec<Duration>,
    /// From the first call to the last answer.
    pub(crate) lasted: Duration,
}

/// The name of a room of the measurement.
pub(crate) fn room(number: usize) -> String {
    format!("bench-{number}")
}

impl Callers {
    /// Sends for so long, then waits for the last answers.
    pub(crate) fn send(&self, how_long: Duration) -> Seen {
        let began = Instant::now();
        let mut seen = Seen::default();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections)
                .map(|n| scope.spawn(move || self.over_one(n, began + how_long)))
                .collect();
            for thread in threads {
                let its = thread.join().expect("no caller panics");
                let its = its.expect("the connection holds");
                seen.acknowledged += its.acknowledged;
                seen.refused += its.refused;
                seen.took.extend(its.took);
            }
        });
        seen.lasted = began.elapsed();
        seen
    }

    fn over_one(&self, number: usize, until: Instant) -> io::Result<Seen> {
        let mut connection = Connection::open(self.address, PATH)?;
        let share = (self.count / self.connections).max(1);
        let mut began = vec![Instant::now(); share];
        let mut idle: Vec<usize> = (0..share).collect();
        let (mut seen, mut ended, mut sent) = (Seen::default(), Vec::new(), 0_usize);
        let content = "x".repeat(self.characters);
        let mut message = Vec::new();
        loop {
            while Instant::now() < until
                && connection.has_room(message.len().max(self.characters + 256))
                && let Some(caller) = idle.pop()
            {
                let name = format!("{}-{number}-{sent}", self.run);
                let user = format!("user-{number}-{caller}");
                let request = SendMessageRequest {
                    room_id: room((sent * self.connections + number) % self.rooms),
                    username: user.clone(),
                    user_id: user,
                    content: content.clone(),
                    client_msg_id: Some(name.clone()),
                    ..Default::default()
                };
                message.clear();
                request.encode(&mut message).map_err(io::Error::other)?;
                if let Some(began) = began.get_mut(caller) {
                    *began = Instant::now();
                }
                connection.call(caller, &name, &message);
                sent += 1;
            }
            connection.flush()?;
            if connection.in_flight() == 0 {
                return Ok(seen);
            }
            connection.read(&mut ended)?;
            let now = Instant::now();
            for call in ended.drain(..) {
                if call.is_ok {
                    seen.acknowledged += 1;
                    seen.took
                        .extend(began.get(call.caller).map(|began| now.duration_since(*began)));
                } else {
                    seen.refused += 1;
                }
                idle.push(call.caller);
            }
        }
    }
}
