//! Where a room's stream stands on this edge: which hint is next, which is old, and what has to be read from the log.

use std::collections::BTreeMap;

use crate::hub::frame::Frame;

/// Most that is held while a page of the log is on its way, in bytes; past it, everything held is forgotten and read
/// from the log.
const HELD_MAX: usize = 1024 * 1024;

/// A room's stream.
#[derive(Debug)]
pub(crate) struct Tail {
    /// Everything up to here was fanned out (or was there before anybody listened).
    last: u64,
    started: bool,
    fetching: Option<Held>,
}

/// Hints that came while a page was on its way.
#[derive(Debug, Default)]
struct Held {
    /// With the number of pages that had been asked for when it came.
    frames: BTreeMap<u64, (u32, Frame)>,
    bytes: usize,
    asked: u32,
    /// Something was forgotten: the log has to be read to its end.
    forgot: bool,
}

/// A page of a room's log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    /// Ascending by seq.
    pub(crate) frames: Vec<(u64, Frame)>,
    /// Everything up to here is in this page or before it.
    pub(crate) complete_to: u64,
    /// The log's end when it was read.
    pub(crate) head: u64,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: the next hint.
    Listen,
    /// Read the log from behind this seq.
    Fetch(u64),
    /// The log was set back to this seq: everybody has to forget what they have.
    Reset(u64),
}

impl Tail {
    /// A room that somebody begins to listen to while its head is being asked for: [`Tail::start`] has to follow.
    pub(crate) fn starting() -> Self {
        Self {
            last: 0,
            started: false,
            fetching: Some(Held::default()),
        }
    }

    /// The head is known: nobody was there to hear what led to it.
    pub(crate) fn start(&mut self, head: u64, out: &mut Vec<Frame>) -> Next {
        self.last = head;
        self.started = true;
        self.resume(head, out)
    }

    /// Whether the head is known.
    pub(crate) fn has_started(&self) -> bool {
        self.started
    }

    /// Everything up to here was fanned out.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Takes a hint in. Frames that are due are appended to `out`, in order.
    pub(crate) fn offer(&mut self, seq: u64, frame: Frame, out: &mut Vec<Frame>) -> Next {
        if self.started && seq <= self.last {
            return Next::Listen;
        }
        let due = self.started && self.last.checked_add(1) == Some(seq);
        if due {
            self.last = seq;
            out.push(frame);
            if let Some(held) = &mut self.fetching {
                held.release(&mut self.last, out);
            }
            return Next::Listen;
        }
        if let Some(held) = &mut self.fetching {
            held.keep(seq, frame);
            return Next::Listen;
        }
        self.fetching.insert(Held::default()).keep(seq, frame);
        self.fetch()
    }

    /// A page that was asked for from behind `asked` has come.
    pub(crate) fn page(&mut self, asked: u64, page: Page, out: &mut Vec<Frame>) -> Next {
        if page.head < asked {
            return self.set_back(page.head);
        }
        for (seq, frame) in page.frames {
            if seq > self.last {
                self.last = seq;
                out.push(frame);
            }
        }
        self.last = self.last.max(page.complete_to);
        self.resume(page.head, out)
    }

    /// The log's head, as asked for when everything up to `asked_at` was fanned out.
    pub(crate) fn head(&mut self, asked_at: u64, head: u64) -> Next {
        if self.fetching.is_some() {
            // The page that is on its way says more.
            return Next::Listen;
        }
        if head < asked_at {
            return self.set_back(head);
        }
        if head <= self.last {
            return Next::Listen;
        }
        self.fetching = Some(Held::default());
        self.fetch()
    }

    fn fetch(&mut self) -> Next {
        if let Some(held) = &mut self.fetching {
            held.asked += 1;
        }
        Next::Fetch(self.last)
    }

    fn set_back(&mut self, head: u64) -> Next {
        self.last = head;
        self.fetching = None;
        Next::Reset(head)
    }

    /// Fans out what was held, and tells whether more of the log is needed.
    fn resume(&mut self, head: u64, out: &mut Vec<Frame>) -> Next {
        let Some(held) = &mut self.fetching else {
            return Next::Listen;
        };
        held.release(&mut self.last, out);
        // Durable before published: what was hinted before the log was read, and is not in it, is no change of it.
        let asked = held.asked;
        held.frames
            .retain(|seq, (when, _)| *seq <= head || *when >= asked);
        held.bytes = held.frames.values().map(|(_, frame)| frame.bytes.len()).sum();
        if held.frames.is_empty() && !held.forgot && self.last >= head {
            self.fetching = None;
            return Next::Listen;
        }
        // What was forgotten came after this page was asked for: one more page from its end brings it.
        if held.forgot && self.last >= head {
            held.forgot = false;
        }
        self.fetch()
    }
}

impl Held {
    /// Lets go of what is old or due.
    fn release(&mut self, last: &mut u64, out: &mut Vec<Frame>) {
        while let Some(entry) = self.frames.first_entry() {
            let seq = *entry.key();
            if seq > last.saturating_add(1) {
                return;
            }
            let (_, frame) = entry.remove();
            self.bytes -= frame.bytes.len();
            if seq > *last {
                *last = seq;
                out.push(frame);
            }
        }
    }

    fn keep(&mut self, seq: u64, frame: Frame) {
        if self.forgot {
            return;
        }
        let bytes = frame.bytes.len();
        if self.bytes + bytes > HELD_MAX {
            self.frames.clear();
            (self.bytes, self.forgot) = (0, true);
            return;
        }
        if self.frames.insert(seq, (self.asked, frame)).is_none() {
            self.bytes += bytes;
        }
    }
}

#[cfg(test)]
#[path = "tail_tests.rs"]
mod tests;
