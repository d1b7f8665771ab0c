//! When to compare the heads of the rooms served here with the log: often while hints may be missing, else as a
//! safety net.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use broker::Event;
use tokio::sync::watch;

use super::log::{Log, Unread};
use crate::{canary::Canary, hub::RoomId};

/// How often, while hints are delivered.
const EVERY: Duration = Duration::from_secs(10);

/// How often, while they may not be.
const EVERY_WHEN_DEAF: Duration = Duration::from_secs(1);

/// How long a hint may take, after its change is in the log, before it counts as lost.
const HINT_TAKES: Duration = Duration::from_millis(250);

/// A room, its epoch and where it stood when the log was asked.
pub(crate) type Standing = (RoomId, u64, u64);

/// Rooms with their epoch, where they stood when the log was asked, and their heads in the log.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) rooms: Vec<(RoomId, u64, u64, u64)>,
}

/// Decides when to compare.
pub(crate) struct Heads {
    interrupted: bool,
    connected: watch::Receiver<bool>,
    canary: Canary,
    was_deaf: bool,
    due: Instant,
}

impl Heads {
    pub(crate) fn new(connected: watch::Receiver<bool>, canary: Canary) -> Self {
        Self {
            interrupted: true,
            connected,
            canary,
            was_deaf: true,
            due: Instant::now(),
        }
    }

    /// The broker says something about its deliveries.
    pub(crate) fn heard(&mut self, event: &Event) {
        match event {
            Event::Interrupted => self.interrupted = true,
            // What was lost in between is in the log.
            Event::Connected => {
                self.interrupted = false;
                self.due = Instant::now();
            }
            Event::Message(_) => {}
        }
    }

    /// The broker is gone for good.
    pub(crate) fn deaf(&mut self) {
        self.interrupted = true;
    }

    fn is_deaf(&self) -> bool {
        self.interrupted || !*self.connected.borrow() || !self.canary.is_fresh()
    }

    /// Whether to compare now; tells then how long hints may be on their way.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Duration> {
        let deaf = self.is_deaf();
        let was_deaf = std::mem::replace(&mut self.was_deaf, deaf);
        if deaf && !was_deaf {
            // What was missed until this was noticed has waited long enough.
            self.due = now;
        }
        let (every, grace) = if deaf {
            (EVERY_WHEN_DEAF, Duration::ZERO)
        } else {
            (EVERY, HINT_TAKES)
        };
        // A comparison in ten seconds' time is too late once hints are lost.
        self.due = self.due.min(now + every);
        (now >= self.due).then(|| {
            self.due = now + every;
            grace
        })
    }
}

/// Asks the log for heads; an answer that differs only by what is on its way becomes none by waiting for `grace`.
pub(crate) async fn compare(log: &Log, standing: Vec<Standing>, grace: Duration) -> Result<Compared, Unread> {
    let rooms: Vec<RoomId> = standing.iter().map(|(room, ..)| room.clone()).collect();
    let heads: HashMap<RoomId, u64> = log.heads(&rooms).await?;
    let rooms: Vec<_> = standing
        .into_iter()
        .map(|(room, epoch, asked_at)| {
            // A room that is gone is a log that was set back to before it was made.
            let head = heads.get(&room).copied().unwrap_or(0);
            (room, epoch, asked_at, head)
        })
        .filter(|(_, _, asked_at, head)| asked_at != head)
        .collect();
    if rooms.iter().any(|(_, _, asked_at, head)| head > asked_at) {
        tokio::time::sleep(grace).await;
    }
    Ok(Compared { rooms })
}
