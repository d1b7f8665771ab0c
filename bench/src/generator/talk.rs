//! Sockets that send messages themselves, as people do: each sender its next one when the last was acknowledged.

use std::sync::atomic::Ordering::Relaxed;

use rustix::net::{SendFlags, send};

use super::{counters::Counters, frames, worker::Socket};
use crate::{clock, control, payload};

/// What the acknowledgement of a message has in it.
pub(super) const ACK: &[u8] = br#""type":"ack""#;

/// What the refusal of a message has in it.
pub(super) const ERROR: &[u8] = br#""type":"error""#;

/// How often a word is in what a socket received. The word is no part of any content.
pub(super) fn times(word: &[u8], bytes: &[u8]) -> u64 {
    memchr::memmem::find_iter(bytes, word).count() as u64
}

/// What the senders of a worker have under way.
pub(super) struct Talk {
    until: u64,
    /// How many sockets in a row are one sender's.
    sockets: usize,
    /// With one message under way, when it was sent, by the place of the socket that it went over.
    sent: Option<Vec<u64>>,
    messages: u64,
}

impl Talk {
    /// Lets each sender send what it may have under way, over its first socket.
    pub(super) fn begin(
        sockets: &[Option<Socket>],
        talk: control::Talk,
        until: u64,
        counters: &Counters,
    ) -> Self {
        let own = talk.sockets.max(1);
        let mut begun = Self {
            until,
            sockets: own,
            sent: (talk.window == 1).then(|| vec![0; sockets.len()]),
            messages: 0,
        };
        for place in (0..sockets.len()).step_by(own) {
            begun.say(sockets, place, u64::from(talk.window), counters);
        }
        begun
    }

    /// So many messages were acknowledged to the socket at this place: its sender goes on with the next of its sockets.
    pub(super) fn go_on(
        &mut self,
        sockets: &[Option<Socket>],
        place: usize,
        acknowledged: u64,
        counters: &Counters,
    ) {
        let now = clock::now();
        let sent = self.sent.as_ref().and_then(|sent| sent.get(place));
        counters.acknowledge(acknowledged, now, sent.map(|sent| now - sent));
        if now < self.until {
            self.say(sockets, next(place, self.sockets), acknowledged, counters);
        }
    }

    fn say(&mut self, sockets: &[Option<Socket>], place: usize, messages: u64, counters: &Counters) {
        let socket = sockets.get(place).and_then(Option::as_ref);
        let Some(socket) = socket.filter(|socket| socket.is_ready()) else {
            return counters.refused(messages, "a sender without a socket");
        };
        let mut bytes = Vec::new();
        for _ in 0..messages {
            self.messages += 1;
            let content = payload::content();
            // No id twice, also not in the next talk: the log takes each once.
            let id = format!("{}-{place}-{}", self.until, self.messages);
            let frame = format!(r#"{{"type":"message","content":"{content}","client_msg_id":"{id}"}}"#);
            bytes.extend(frames::client(1, frame.as_bytes()));
        }
        if let Some(sent) = self.sent.as_mut().and_then(|sent| sent.get_mut(place)) {
            *sent = clock::now();
        }
        counters.said.fetch_add(messages, Relaxed);
        if !send(&socket.fd, &bytes, SendFlags::NOSIGNAL).is_ok_and(|sent| sent == bytes.len()) {
            counters.refused(messages, "a full socket");
        }
    }
}

/// The place of a sender's next socket, where each has so many in a row.
fn next(place: usize, sockets: usize) -> usize {
    let first = place - place % sockets;
    first + (place + 1 - first) % sockets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_goes_round_its_own_sockets() {
        let of_four: Vec<usize> = (4..8).map(|place| next(place, 4)).collect();
        assert_eq!(of_four, [5, 6, 7, 4]);
        assert_eq!(next(3, 1), 3);
    }
}
