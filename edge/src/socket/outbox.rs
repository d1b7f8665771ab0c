//! What waits for one socket: nothing, as long as the socket takes what it is given; else slices of shared buffers,
//! bounded in bytes.

use std::{collections::VecDeque, io, ops::Range};

use bytes::{Buf as _, Bytes};

use super::stream::Stream;
use crate::{
    hub::frame::{Batch, Class},
    meters,
};

/// Shares of the queue's bound above which new ephemeral frames are not queued.
const EPHEMERAL_SHARE: usize = 2;

/// One connection's outbound queue.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Queued>,
    bytes: usize,
    phase: Phase,
}

#[derive(Debug)]
struct Queued {
    bytes: Bytes,
    ephemeral: bool,
    /// The socket has taken a part of it: the rest has to follow.
    begun: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// A close frame is the last entry.
    Closing,
    /// The socket is of no more use.
    Dead,
}

/// What became of something to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The socket took it, or the connection is over and nobody waits for it.
    Done,
    /// It waits until the socket can be written.
    Queued,
    /// The queue is over its bound.
    Overflow,
}

impl Outbox {
    /// Writes a batch, or queues what the socket does not take.
    pub(crate) fn send(&mut self, stream: &Stream, batch: &Batch, bound: usize) -> Sent {
        if self.phase != Phase::Open {
            return Sent::Done;
        }
        if self.queue.is_empty() {
            let Some(written) = self.write(stream, &batch.bytes) else {
                return Sent::Done;
            };
            if written == batch.bytes.len() {
                return Sent::Done;
            }
            self.queue_from(batch, written, bound);
        } else {
            self.queue_from(batch, 0, bound);
        }
        if self.bytes > bound {
            self.drop_ephemeral();
        }
        if self.bytes > bound {
            Sent::Overflow
        } else {
            Sent::Queued
        }
    }

    /// Writes from the queue until it is empty or the socket is full.
    pub(crate) fn flush(&mut self, stream: &Stream) {
        while let Some(front) = self.queue.front() {
            let bytes = front.bytes.clone();
            let Some(written) = self.write(stream, &bytes) else {
                return;
            };
            self.bytes -= written;
            if written == bytes.len() {
                self.queue.pop_front();
                continue;
            }
            if let Some(front) = self.queue.front_mut().filter(|_| written > 0) {
                front.bytes.advance(written);
                front.begun = true;
            }
            return;
        }
        self.queue.shrink_to(0);
    }

    /// Appends the close frame, behind what waits or, for a client that is too slow for that, instead of it.
    pub(crate) fn close(&mut self, stream: &Stream, frame: Bytes, instead: bool) {
        if self.phase != Phase::Open {
            return;
        }
        if instead {
            self.queue.retain(|queued| queued.begun);
            self.bytes = self.queue.iter().map(|queued| queued.bytes.len()).sum();
        }
        self.phase = Phase::Closing;
        self.enqueue(frame, false, false);
        self.flush(stream);
    }

    /// Gives up on the socket.
    pub(crate) fn abandon(&mut self) {
        self.phase = Phase::Dead;
        self.queue = VecDeque::new();
        self.bytes = 0;
    }

    /// Bytes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.bytes
    }

    /// Whether nothing more is accepted.
    pub(crate) fn is_closing(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Whether the socket failed.
    pub(crate) fn is_dead(&self) -> bool {
        self.phase == Phase::Dead
    }

    /// How much the socket took; `None` where it is dead.
    fn write(&mut self, stream: &Stream, bytes: &[u8]) -> Option<usize> {
        loop {
            match stream.try_write(bytes) {
                Ok(written) => return Some(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.abandon();
                    return None;
                }
            }
        }
    }

    /// Queues what is behind `written`, in runs that can be dropped and runs that can't.
    fn queue_from(&mut self, batch: &Batch, written: usize, bound: usize) {
        let full = self.bytes > bound / EPHEMERAL_SHARE;
        let mut run: Option<(Range<usize>, bool)> = None;
        let mut begins = 0;
        for part in &batch.parts {
            let cut = begins < written && written < part.end;
            let rest = begins.max(written)..part.end;
            begins = part.end;
            if rest.is_empty() {
                continue;
            }
            if cut {
                self.enqueue(batch.bytes.slice(rest), false, true);
                continue;
            }
            let ephemeral = part.class == Class::Ephemeral;
            if ephemeral && full {
                meters::queue_dropped(1);
                continue;
            }
            match &mut run {
                Some((range, class)) if *class == ephemeral && range.end == rest.start => {
                    range.end = rest.end;
                }
                _ => {
                    if let Some((range, class)) = run.replace((rest, ephemeral)) {
                        self.enqueue(batch.bytes.slice(range), class, false);
                    }
                }
            }
        }
        if let Some((range, class)) = run {
            self.enqueue(batch.bytes.slice(range), class, false);
        }
    }

    fn enqueue(&mut self, bytes: Bytes, ephemeral: bool, begun: bool) {
        self.bytes += bytes.len();
        self.queue.push_back(Queued {
            bytes,
            ephemeral,
            begun,
        });
    }

    fn drop_ephemeral(&mut self) {
        let before = self.queue.len();
        self.queue.retain(|queued| queued.begun || !queued.ephemeral);
        self.bytes = self.queue.iter().map(|queued| queued.bytes.len()).sum();
        let dropped = before - self.queue.len();
        meters::queue_dropped(dropped);
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
