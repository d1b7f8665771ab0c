//! Callers who send: each its next message as soon as the last one is acknowledged, alone or with others in one call.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use prost::Message as _;
use proto::chat::{SendMessageRequest, SendMessagesRequest, SendMessagesResponse, send_outcome::Outcome};

use crate::http2::{Connection, Event};

/// How a message is sent by itself.
const ALONE: &str = "/chatflow.chat.v1.ChatService/SendMessage";

/// How many are.
const TOGETHER: &str = "/chatflow.chat.v1.ChatService/SendMessages";

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
    /// Messages in one call at most: an edge sends those together that come at the same time.
    pub(crate) together: usize,
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
        let path = if self.together == 1 { ALONE } else { TOGETHER };
        let mut connection = Connection::open(self.address, path)?;
        let share = (self.count / self.connections).max(1);
        let mut began = vec![Instant::now(); share];
        let mut idle: Vec<usize> = (0..share).collect();
        let mut calls: HashMap<usize, Vec<Option<usize>>> = HashMap::new();
        let (mut seen, mut events, mut sent, mut made) = (Seen::default(), Vec::new(), 0_usize, 0_usize);
        loop {
            while !idle.is_empty()
                && Instant::now() < until
                && connection.has_room(self.together * (self.characters + 256))
            {
                let callers = idle.split_off(idle.len().saturating_sub(self.together));
                let messages = callers.iter().map(|caller| {
                    sent += 1;
                    self.message(number, *caller, sent)
                });
                let mut messages: Vec<_> = messages.collect();
                let message = match messages.pop() {
                    Some(only) if self.together == 1 => only.encode_to_vec(),
                    last => {
                        messages.extend(last);
                        SendMessagesRequest { messages }.encode_to_vec()
                    }
                };
                let now = Instant::now();
                for caller in &callers {
                    began[*caller] = now;
                }
                made += 1;
                connection.call(made, &format!("{}-{number}-{made}", self.run), &message);
                calls.insert(made, callers.into_iter().map(Some).collect());
            }
            connection.flush()?;
            if connection.in_flight() == 0 {
                return Ok(seen);
            }
            connection.read(&mut events)?;
            let now = Instant::now();
            for event in events.drain(..) {
                match event {
                    Event::Answer { call, message } => {
                        let callers = calls.entry(call).or_default();
                        for place in self.stored(&message)? {
                            let caller = callers.get_mut(place).and_then(Option::take);
                            let caller = caller.ok_or(io::ErrorKind::InvalidData)?;
                            seen.acknowledged += 1;
                            seen.took.push(now.duration_since(began[caller]));
                            idle.push(caller);
                        }
                    }
                    Event::End { call } => {
                        let left: Vec<usize> = calls.remove(&call).into_iter().flatten().flatten().collect();
                        seen.refused += left.len();
                        idle.extend(left);
                    }
                }
            }
        }
    }

    fn message(&self, number: usize, caller: usize, sent: usize) -> SendMessageRequest {
        let user = format!("user-{number}-{caller}");
        SendMessageRequest {
            room_id: room((sent * self.connections + number) % self.rooms),
            username: user.clone(),
            user_id: user,
            content: "x".repeat(self.characters),
            client_msg_id: Some(format!("{}-{number}-{sent}", self.run)),
            ..Default::default()
        }
    }

    /// Which messages of its call an answer says are stored.
    fn stored(&self, answer: &[u8]) -> io::Result<Vec<usize>> {
        if self.together == 1 {
            return Ok(vec![0]);
        }
        let answer = SendMessagesResponse::decode(answer).map_err(io::Error::other)?;
        let outcomes = answer.outcomes.into_iter();
        let stored = outcomes.filter(|one| matches!(one.outcome, Some(Outcome::Stored(_))));
        Ok(stored.map(|one| one.index as usize).collect())
    }
}
