//! Sockets that send messages themselves, as people do: each its next one when the last was acknowledged.

use std::sync::atomic::Ordering::Relaxed;

use rustix::net::{SendFlags, send};

use super::{counters::Counters, frames, worker::Socket};
use crate::{clock, payload};

/// What the acknowledgement of a message has in it.
pub(super) const ACK: &[u8] = br#""type":"ack""#;

/// What the refusal of a message has in it.
pub(super) const ERROR: &[u8] = br#""type":"error""#;

/// Messages that one socket sends at most: an edge takes a thousand at once from a client, then 200 a second, and a warm-up
/// comes before.
const MOST: u64 = 450;

/// How often a word is in what a socket received. The word is no part of any content.
pub(super) fn times(word: &[u8], bytes: &[u8]) -> u64 {
    memchr::memmem::find_iter(bytes, word).count() as u64
}

/// What the sockets of a worker have under way.
pub(super) struct Talk {
    until: u64,
    /// With one message under way, when it was sent, by the socket's place.
    sent: Option<Vec<u64>>,
    /// How many each socket has said, by its place.
    said: Vec<u64>,
    messages: u64,
}

impl Talk {
    /// Lets each socket send so many.
    pub(super) fn begin(
        sockets: &mut [Option<Socket>],
        window: u32,
        until: u64,
        counters: &Counters,
    ) -> Self {
        let sent = (window == 1).then(|| vec![0; sockets.len()]);
        let mut talk = Self {
            until,
            sent,
            said: vec![0; sockets.len()],
            messages: 0,
        };
        let ready = sockets
            .iter()
            .enumerate()
            .filter_map(|(place, socket)| Some((place, socket.as_ref()?)));
        for (place, socket) in ready.filter(|(_, socket)| socket.is_ready()) {
            talk.say(socket, place, u64::from(window), counters);
        }
        talk
    }

    /// So many of a socket's messages were acknowledged.
    pub(super) fn go_on(&mut self, socket: &Socket, place: usize, acknowledged: u64, counters: &Counters) {
        let now = clock::now();
        let sent = self.sent.as_ref().and_then(|sent| sent.get(place));
        counters.acknowledge(acknowledged, sent.map(|sent| now - sent));
        if now < self.until {
            self.say(socket, place, acknowledged, counters);
        }
    }

    fn say(&mut self, socket: &Socket, place: usize, messages: u64, counters: &Counters) {
        let Some(said) = self.said.get_mut(place).filter(|said| **said + messages <= MOST) else {
            return;
        };
        *said += messages;
        let mut bytes = Vec::new();
        for _ in 0..messages {
            self.messages += 1;
            let content = payload::content();
            let id = self.messages;
            let frame =
                format!(r#"{{"type":"message","content":"{content}","client_msg_id":"{place}-{id}"}}"#);
            bytes.extend(frames::client(1, frame.as_bytes()));
        }
        if let Some(sent) = self.sent.as_mut().and_then(|sent| sent.get_mut(place)) {
            *sent = clock::now();
        }
        if send(&socket.fd, &bytes, SendFlags::NOSIGNAL).is_ok_and(|sent| sent == bytes.len()) {
            counters.said.fetch_add(messages, Relaxed);
        } else {
            counters.refused(messages, "a full socket");
        }
    }
}
