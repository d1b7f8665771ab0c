//! Where a room's stream stands on this edge: which hint is next, which is old, what has to be read from the log, and
//! when what was passed on is not the log's any more.

use std::collections::BTreeMap;

use super::{
    passed::{KEPT, Passed},
    seen::Seen,
};
use crate::hub::frame::Frame;

/// Most that is held while a page of the log is on its way, in bytes; past it, everything held is forgotten and read
/// from the log.
const HELD_MAX: usize = 1024 * 1024;

/// A room's stream.
#[derive(Debug)]
pub(crate) struct Tail {
    /// What was fanned out (or was there before anybody listened).
    passed: Passed,
    started: bool,
    /// Boxed, as most rooms wait for no page.
    fetching: Option<Box<Held>>,
}

/// Hints that came while a page was on its way.
#[derive(Debug, Default)]
struct Held {
    /// With the number of pages that had been asked for when it came.
    frames: BTreeMap<u64, (u32, Seen, Frame)>,
    bytes: usize,
    asked: u32,
    /// Something was forgotten: the log has to be read to its end.
    forgot: bool,
    /// What was fanned out and may not be the log's: it is asked about one after the other, once the log was read to its
    /// end.
    doubted: Vec<Seen>,
}

/// A page of a room's log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    /// Ascending by seq. The last few are known by their messages.
    pub(crate) frames: Vec<(Seen, Frame)>,
    /// Everything up to here is in this page or before it.
    pub(crate) complete_to: u64,
    /// The log's end when it was read.
    pub(crate) head: Seen,
    /// What it was asked from behind of is not in the log.
    pub(crate) forked: bool,
}

impl Page {
    /// Of a room that is gone: its log was set back to before it was made.
    pub(crate) fn of_nothing(after: Seen) -> Self {
        Self {
            forked: after.seq > 0,
            ..Self::default()
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: the next hint.
    Listen,
    /// Compare the log's head soon: a hint is older than what is remembered, and may be of a log that was set back.
    Compare,
    /// Read the log from behind this change, which has to be in it.
    Fetch(Seen),
    /// The log was set back and ends here: everybody has to forget what they have.
    Reset(Seen),
}

impl Tail {
    /// A room that somebody begins to listen to while its head is being asked for: [`Tail::start`] has to follow.
    pub(crate) fn starting() -> Self {
        Self {
            passed: Passed::default(),
            started: false,
            fetching: Some(Box::default()),
        }
    }

    /// The head is known: nobody was there to hear what led to it.
    pub(crate) fn start(&mut self, head: Seen, out: &mut Vec<Frame>) -> Next {
        self.passed = Passed::up_to(head);
        self.started = true;
        self.resume(head.seq, out)
    }

    /// Whether the head is known.
    pub(crate) fn has_started(&self) -> bool {
        self.started
    }

    /// The last change that was fanned out.
    pub(crate) fn stands_at(&self) -> Seen {
        self.passed.stands_at()
    }

    /// Takes a hint in. Frames that are due are appended to `out`, in order.
    pub(crate) fn offer(&mut self, seen: Seen, frame: Frame, out: &mut Vec<Frame>) -> Next {
        let last = self.passed.last();
        if self.started && seen.seq <= last {
            return self.offered_again(seen);
        }
        let due = self.started && last.checked_add(1) == Some(seen.seq);
        if due {
            self.passed.pass(seen);
            out.push(frame);
            if let Some(held) = &mut self.fetching {
                held.release(&mut self.passed, out);
            }
            return Next::Listen;
        }
        if let Some(held) = &mut self.fetching {
            held.keep(seen, frame);
            return Next::Listen;
        }
        self.fetching.insert(Box::default()).keep(seen, frame);
        self.fetch()
    }

    /// A hint of what was passed on, or of what took its seq in a log that was set back: the log says which, as hints of
    /// what it lost may still be on their way.
    fn offered_again(&mut self, hint: Seen) -> Next {
        let passed = Seen {
            seq: hint.seq,
            id: self.passed.id_at(hint.seq),
        };
        if passed.contradicts(hint) {
            self.doubt(passed)
        } else if passed.id.is_none() && hint.id.is_some() {
            Next::Compare
        } else {
            Next::Listen
        }
    }

    /// Asks the log whether a change that was passed on is in it; one page at a time.
    fn doubt(&mut self, passed: Seen) -> Next {
        if let Some(held) = &mut self.fetching {
            held.doubt(passed);
            return Next::Listen;
        }
        self.fetching.insert(Box::default()).asked = 1;
        Next::Fetch(passed)
    }

    /// The page that was asked for has come.
    pub(crate) fn page(&mut self, page: Page, out: &mut Vec<Frame>) -> Next {
        if page.forked {
            return self.set_back(page.head);
        }
        let is_others = |(seen, _): &(Seen, Frame)| self.passed.contradicts(*seen);
        if page.frames.iter().any(is_others)
            && let Some((end, _)) = page.frames.last()
        {
            return self.set_back(*end);
        }
        for (seen, frame) in page.frames {
            if seen.seq > self.passed.last() {
                self.passed.pass(seen);
                out.push(frame);
            }
        }
        self.passed.complete(page.complete_to);
        self.resume(page.head.seq, out)
    }

    /// The log's head, as asked for when the stream stood at `asked`, and not set back since. `lost`: hints may have been
    /// lost before; then one that came meanwhile may be another log's, right behind what it lost.
    pub(crate) fn head(&mut self, asked: Seen, head: Seen, lost: bool) -> Next {
        let is_others = head.seq < asked.seq || asked.contradicts(head) || self.passed.contradicts(head);
        let is_unsure = lost && asked.id.is_some() && head.seq > asked.seq;
        if let Some(held) = &mut self.fetching {
            // The page that is on its way says more, unless it was read before.
            if is_others || is_unsure {
                held.doubt(asked);
            }
            return Next::Listen;
        }
        if is_others {
            return self.set_back(head);
        }
        if is_unsure || head.seq > self.passed.last() {
            let from = if asked.id.is_some() {
                asked
            } else {
                self.passed.anchor()
            };
            return self.doubt(from);
        }
        if head.seq == self.passed.last() {
            self.passed.pass(head);
        }
        Next::Listen
    }

    fn fetch(&mut self) -> Next {
        if let Some(held) = &mut self.fetching {
            held.asked += 1;
        }
        Next::Fetch(self.passed.anchor())
    }

    fn set_back(&mut self, head: Seen) -> Next {
        self.passed = Passed::up_to(head);
        self.fetching = None;
        Next::Reset(head)
    }

    /// Fans out what was held, and tells whether more of the log is needed.
    fn resume(&mut self, head: u64, out: &mut Vec<Frame>) -> Next {
        let Some(held) = &mut self.fetching else {
            return Next::Listen;
        };
        held.release(&mut self.passed, out);
        // Durable before published: what was hinted before the log was read, and is not in it, is no change of it.
        let asked = held.asked;
        held.frames
            .retain(|seq, (when, ..)| *seq <= head || *when >= asked);
        held.bytes = held.frames.values().map(|(.., frame)| frame.bytes.len()).sum();
        let is_at_end = self.passed.last() >= head;
        if held.frames.is_empty() && !held.forgot && is_at_end {
            if let Some(passed) = held.doubted.pop() {
                held.asked += 1;
                return Next::Fetch(passed);
            }
            self.fetching = None;
            return Next::Listen;
        }
        // What was forgotten came after this page was asked for: one more page from its end brings it.
        if held.forgot && is_at_end {
            held.forgot = false;
        }
        self.fetch()
    }
}

impl Held {
    /// Lets go of what is old or due.
    fn release(&mut self, passed: &mut Passed, out: &mut Vec<Frame>) {
        while let Some(entry) = self.frames.first_entry() {
            if *entry.key() > passed.last().saturating_add(1) {
                return;
            }
            let (_, seen, frame) = entry.remove();
            self.bytes -= frame.bytes.len();
            if seen.seq > passed.last() {
                passed.pass(seen);
                out.push(frame);
            }
        }
    }

    fn keep(&mut self, seen: Seen, frame: Frame) {
        if self.forgot {
            return;
        }
        let bytes = frame.bytes.len();
        if self.bytes + bytes > HELD_MAX {
            self.frames.clear();
            (self.bytes, self.forgot) = (0, true);
            return;
        }
        self.bytes += bytes;
        if let Some((.., replaced)) = self.frames.insert(seen.seq, (self.asked, seen, frame)) {
            self.bytes -= replaced.bytes.len();
        }
    }

    fn doubt(&mut self, passed: Seen) {
        if self.doubted.len() < KEPT && !self.doubted.contains(&passed) {
            self.doubted.push(passed);
        }
    }
}

#[cfg(test)]
#[path = "tail_tests.rs"]
mod tests;
