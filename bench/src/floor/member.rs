//! A socket of the floor.

use std::os::fd::OwnedFd;

use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};

/// The answer to the key that the generator sends.
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A socket of the floor.
pub(super) struct Member {
    pub(super) fd: OwnedFd,
    pub(super) room: Option<u32>,
    /// What its socket could not take.
    #[expect(
        clippy::box_collection,
        reason = "one word in each of many sockets that keep up"
    )]
    pending: Option<Box<Vec<u8>>>,
}

/// What a read has brought.
pub(super) enum Read {
    /// It wants to be in this room.
    Joins(Vec<u8>),
    /// Nothing of interest.
    Nothing,
    /// The end.
    Gone,
}

impl Member {
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self {
            fd,
            room: None,
            pending: None,
        }
    }

    /// Whether it has to wait with what comes: then this is kept.
    pub(super) fn waits(&mut self, bytes: &[u8]) -> bool {
        let Some(pending) = &mut self.pending else {
            return false;
        };
        pending.extend_from_slice(bytes);
        true
    }

    /// Sends, or keeps what can't be sent now: `true` where it has to be told when it can go on.
    pub(super) fn send(&mut self, bytes: &[u8]) -> bool {
        if self.waits(bytes) {
            return false;
        }
        let sent = match send(&self.fd, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(sent) => sent,
            Err(Errno::AGAIN) => 0,
            // Its end is told by its events.
            Err(_) => return false,
        };
        self.keep(bytes.get(sent..).unwrap_or_default())
    }

    /// Keeps what could not be sent: `true` where that is something.
    pub(super) fn keep(&mut self, rest: &[u8]) -> bool {
        if !rest.is_empty() {
            self.pending = Some(Box::new(rest.to_vec()));
        }
        !rest.is_empty()
    }

    /// Goes on sending: `true` when nothing is left.
    pub(super) fn drain(&mut self) -> bool {
        let Some(pending) = &mut self.pending else {
            return true;
        };
        if let Ok(sent) = send(&self.fd, pending, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            pending.drain(..sent);
        }
        if pending.is_empty() {
            self.pending = None;
        }
        self.pending.is_none()
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Read {
        let count = match recv(&self.fd, &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((0, _)) => return Read::Gone,
            Ok((count, _)) => count,
            Err(Errno::AGAIN | Errno::INTR) => return Read::Nothing,
            Err(_) => return Read::Gone,
        };
        if self.room.is_some() {
            return Read::Nothing;
        }
        let request = buffer.get(..count).unwrap_or_default();
        // "GET /ws/{room}/{user} HTTP/1.1"
        let room = request
            .strip_prefix(b"GET /ws/")
            .and_then(|rest| rest.split(|byte| *byte == b'/').next());
        match room {
            Some(room) if request.ends_with(b"\r\n\r\n") => {
                let _ = send(&self.fd, ANSWER, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
                Read::Joins(room.to_vec())
            }
            _ => Read::Gone,
        }
    }
}
