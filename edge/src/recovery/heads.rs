//! When to compare the heads of the rooms served here with the log: often while hints may be missing, else as a
//! safety net.

use std::{
    collections::HashMap,
    mem,
    time::{Duration, Instant},
};

use broker::Event;
use runtime::health::Part;
use tokio::sync::watch;

use super::{
    doubt::Doubt,
    log::{Log, Unread},
    seen::Seen,
};
use crate::{canary::Canary, hub::RoomId};

/// How often, while hints are delivered.
const EVERY: Duration = Duration::from_secs(5);

/// How often, while they may not be.
const EVERY_IN_DOUBT: Duration = Duration::from_secs(1);

/// How long all rooms rest at least after a comparison has begun: each slot of a Redis Cluster that moves interrupts all
/// edges, and all slots may move one after the other.
const REST: Duration = Duration::from_millis(500);

/// How long a comparison is waited for before the next one.
const PATIENCE: Duration = EVERY;

/// How often at most for rooms that a hint made doubtful. Many hints do after a page of the log overtook them.
const EVERY_BY_HINT: Duration = Duration::from_millis(250);

/// How long a hint may take, after its change is in the log, before it counts as lost.
const HINT_TAKES: Duration = Duration::from_millis(250);

/// Why heads are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Hints may have been lost: what the log has beyond the streams need not be waited for.
    Lost,
    /// The safety net: hints of all that the log has should be here in time.
    Routine,
    /// A hint is of what was passed on long ago, or of a log that was set back.
    Hint,
}

/// A room, and where its stream stands when the log is asked.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) room: RoomId,
    pub(crate) epoch: u64,
    pub(crate) at: Seen,
}

/// Rooms that stood elsewhere than the log, with their heads in it.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) why: Why,
    pub(crate) rooms: Vec<(Standing, Seen)>,
}

impl Compared {
    /// Whether hints of what the log has beyond the streams may still be on their way.
    fn awaits_hints(&self) -> bool {
        let is_ahead = |(standing, head): &(Standing, Seen)| head.seq > standing.at.seq;
        self.why != Why::Lost && self.rooms.iter().any(is_ahead)
    }
}

/// Decides when to compare.
pub(crate) struct Heads {
    interrupted: bool,
    connected: watch::Receiver<bool>,
    canary: Canary,
    was_deaf: bool,
    /// Hints may have been lost since the last comparison.
    lost: bool,
    doubt: Doubt,
    due: Instant,
    /// When the last comparison of all rooms began.
    began: Option<Instant>,
    /// The same, while it goes on.
    under_way: Option<Instant>,
    hurried: Option<Instant>,
}

impl Heads {
    /// `part` is red while no hint arrives of what changes.
    pub(crate) fn new(connected: watch::Receiver<bool>, canary: Canary, part: Part, now: Instant) -> Self {
        Self {
            interrupted: true,
            connected,
            canary,
            was_deaf: true,
            lost: true,
            doubt: Doubt::none(part),
            due: now,
            began: None,
            under_way: None,
            hurried: None,
        }
    }

    /// The broker says something about its deliveries.
    pub(crate) fn heard(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Interrupted => self.interrupted = true,
            // What was lost in between is in the log.
            Event::Connected => {
                self.interrupted = false;
                self.lost = true;
                self.compare_soon(now);
            }
            Event::Message(_) | Event::Added(_) => {}
        }
    }

    /// A hint of a change came, of whichever room.
    pub(crate) fn hinted(&mut self) {
        self.doubt.hinted();
    }

    /// The broker is gone for good.
    pub(crate) fn deaf(&mut self) {
        self.interrupted = true;
    }

    fn is_deaf(&self) -> bool {
        self.interrupted || !*self.connected.borrow() || !self.canary.is_fresh()
    }

    /// Whether to compare all rooms now, and why.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Why> {
        let deaf = self.is_deaf();
        self.lost |= deaf;
        let was_deaf = mem::replace(&mut self.was_deaf, deaf);
        if deaf && !was_deaf {
            // What was missed until this was noticed has waited long enough.
            self.compare_soon(now);
        }
        let in_doubt = self.doubt.lasts(now);
        let every = if deaf || in_doubt { EVERY_IN_DOUBT } else { EVERY };
        // A comparison in five seconds' time is too late once hints are lost.
        self.due = self.due.min(now + every);
        (now >= self.due && !self.is_under_way(now)).then(|| {
            self.due = now + every;
            self.began = Some(now);
            self.under_way = Some(now);
            if mem::replace(&mut self.lost, deaf) {
                Why::Lost
            } else {
                Why::Routine
            }
        })
    }

    /// At once, or as soon as one may begin again: what is under way may have asked before.
    fn compare_soon(&mut self, now: Instant) {
        let may_begin = self.began.map_or(now, |at| now.max(at + REST));
        self.due = self.due.min(may_begin);
    }

    fn is_under_way(&self, now: Instant) -> bool {
        let lasts = |at: Instant| now.saturating_duration_since(at) < PATIENCE;
        self.under_way.is_some_and(lasts)
    }

    /// Whether to compare now the rooms that a hint made doubtful.
    pub(crate) fn may_hurry(&mut self, now: Instant) -> bool {
        let rests = |at: Instant| now.saturating_duration_since(at) < EVERY_BY_HINT;
        if self.hurried.is_some_and(rests) {
            return false;
        }
        self.hurried = Some(now);
        true
    }

    /// A comparison found so many rooms with changes whose hints should have been here, and were not.
    pub(crate) fn unhinted(&mut self, rooms: usize, now: Instant) {
        self.doubt.found(rooms, now);
    }

    /// A comparison is done, or there was nothing to compare.
    pub(crate) fn ended(&mut self, why: Why) {
        if why != Why::Hint {
            self.under_way = None;
        }
    }

    /// A comparison failed: whatever it was to find is still to be found.
    pub(crate) fn failed(&mut self, why: Why, now: Instant) {
        self.ended(why);
        self.lost |= why == Why::Lost;
        self.due = self.due.min(now + EVERY_IN_DOUBT);
    }
}

/// Asks the log for heads. Hints that may still come get their time, so that what is on its way makes no difference.
pub(crate) async fn compare(log: &Log, standing: Vec<Standing>, why: Why) -> Result<Compared, Unread> {
    let rooms: Vec<RoomId> = standing.iter().map(|standing| standing.room.clone()).collect();
    let heads: HashMap<RoomId, Seen> = log.heads(&rooms).await?;
    let rooms: Vec<_> = standing
        .into_iter()
        .map(|standing| {
            // A room that is gone is a log that was set back to before it was made.
            let head = heads.get(&standing.room).copied().unwrap_or_default();
            (standing, head)
        })
        .filter(|(standing, head)| standing.at != *head)
        .collect();
    let compared = Compared { why, rooms };
    if compared.awaits_hints() {
        tokio::time::sleep(HINT_TAKES).await;
    }
    Ok(compared)
}

#[cfg(test)]
#[path = "heads_tests.rs"]
mod tests;
