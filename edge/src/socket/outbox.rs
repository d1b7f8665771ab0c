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

/// One connection's outbound queue. One that is open and has nothing to write owns nothing.
#[derive(Debug, Default)]
pub(crate) struct Outbox(Option<Box<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
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
        if self.is_closing() {
            return Sent::Done;
        }
        let mut written = 0;
        if self.0.is_none() {
            let Some(taken) = self.write(stream, &batch.bytes) else {
                return Sent::Done;
            };
            if taken == batch.bytes.len() {
                return Sent::Done;
            }
            written = taken;
        }
        self.queue_from(batch, written, bound);
        if self.waiting() > bound {
            self.drop_ephemeral();
        }
        if self.waiting() > bound {
            Sent::Overflow
        } else {
            Sent::Queued
        }
    }

    /// Writes from the queue until it is empty or the socket is full.
    pub(crate) fn flush(&mut self, stream: &Stream) {
        while let Some(front) = self.0.as_ref().and_then(|waiting| waiting.queue.front()) {
            let bytes = front.bytes.clone();
            let Some(written) = self.write(stream, &bytes) else {
                return;
            };
            let Some(waiting) = &mut self.0 else {
                return;
            };
            waiting.bytes -= written;
            if written == bytes.len() {
                waiting.queue.pop_front();
                continue;
            }
            if let Some(front) = waiting.queue.front_mut().filter(|_| written > 0) {
                front.bytes.advance(written);
                front.begun = true;
            }
            return;
        }
        self.forget_empty();
    }

    /// Appends the close frame, behind what waits or, for a client that is too slow for that, instead of it.
    pub(crate) fn close(&mut self, stream: &Stream, frame: Bytes, instead: bool) {
        if self.is_closing() {
            return;
        }
        if instead {
            self.keep(|queued| queued.begun);
        }
        self.0.get_or_insert_default().phase = Phase::Closing;
        self.enqueue(frame, false, false);
        self.flush(stream);
    }

    /// Gives up on the socket.
    pub(crate) fn abandon(&mut self) {
        self.0 = Some(Box::new(Waiting {
            phase: Phase::Dead,
            ..Waiting::default()
        }));
    }

    /// Bytes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.0.as_ref().map_or(0, |waiting| waiting.bytes)
    }

    /// Whether nothing more is accepted.
    pub(crate) fn is_closing(&self) -> bool {
        self.phase() != Phase::Open
    }

    /// Whether the socket failed.
    pub(crate) fn is_dead(&self) -> bool {
        self.phase() == Phase::Dead
    }

    fn phase(&self) -> Phase {
        self.0.as_ref().map_or(Phase::Open, |waiting| waiting.phase)
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
        let full = self.waiting() > bound / EPHEMERAL_SHARE;
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
        let waiting = self.0.get_or_insert_default();
        waiting.bytes += bytes.len();
        waiting.queue.push_back(Queued {
            bytes,
            ephemeral,
            begun,
        });
    }

    fn drop_ephemeral(&mut self) {
        let dropped = self.keep(|queued| queued.begun || !queued.ephemeral);
        meters::queue_dropped(dropped);
    }

    /// Keeps some of what waits; tells how many entries went.
    fn keep(&mut self, which: impl Fn(&Queued) -> bool) -> usize {
        let Some(waiting) = &mut self.0 else {
            return 0;
        };
        let before = waiting.queue.len();
        waiting.queue.retain(which);
        waiting.bytes = waiting.queue.iter().map(|queued| queued.bytes.len()).sum();
        let gone = before - waiting.queue.len();
        self.forget_empty();
        gone
    }

    /// With nothing in front, the next write has to be tried at once: nobody would be told that it could be.
    fn forget_empty(&mut self) {
        self.0
            .take_if(|waiting| waiting.queue.is_empty() && waiting.phase == Phase::Open);
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
