//! What is wanted by whom, and how far Redis has been asked for it.

use std::{collections::HashMap, mem, sync::Arc};

use super::{Lane, LaneState, State, subscription::Subscriber};
use crate::is_extra;

/// A pattern that somebody wants, or wanted until just now.
pub(super) struct Wanted {
    pub(super) lane: Lane,
    pub(super) standing: Standing,
    pub(super) hearers: Vec<Hearer>,
}

pub(super) struct Hearer {
    pub(super) number: u64,
    /// It was added, and the subscriber has not yet been told that it works.
    is_new: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Unasked,
    Asked,
    Confirmed,
}

impl Wanted {
    pub(super) fn is_of(&self, lane: Lane) -> bool {
        self.lane == lane
    }

    pub(super) fn is_confirmed(&self) -> bool {
        self.standing == Standing::Confirmed
    }

    /// Tells its hearers that it does not work. Returns whether that is news to any.
    fn interrupt(
        &self,
        pattern: &str,
        was_confirmed: bool,
        subscribers: &mut HashMap<u64, Subscriber>,
    ) -> bool {
        let mut told = false;
        for hearer in self.hearers.iter().filter(|_| !is_extra(pattern)) {
            if let Some(subscriber) = subscribers.get_mut(&hearer.number) {
                subscriber.missing += usize::from(was_confirmed);
                told |= subscriber.interrupt();
            }
        }
        told
    }
}

impl State {
    /// A subscriber wants a pattern.
    pub(super) fn want(&mut self, number: u64, pattern: &str) {
        let Some(subscriber) = self.subscribers.get_mut(&number) else {
            return;
        };
        let pattern: Arc<str> = pattern.into();
        if !subscriber.patterns.insert(Arc::clone(&pattern)) {
            return;
        }
        if pattern.ends_with('*') {
            subscriber.prefixes.push(Arc::clone(&pattern));
        }
        let wanted = self.wanted.entry(Arc::clone(&pattern)).or_insert_with(|| {
            let lane = (self.route)(&pattern);
            let standing = match &mut self.lanes[lane] {
                LaneState { always: true, .. } => Standing::Confirmed,
                asked => {
                    asked.touch(&pattern);
                    Standing::Unasked
                }
            };
            Wanted {
                lane,
                standing,
                hearers: Vec::new(),
            }
        });
        wanted.hearers.push(Hearer {
            number,
            is_new: false,
        });
        subscriber.missing += usize::from(!wanted.is_confirmed() && !is_extra(&pattern));
    }

    /// A subscriber wants a pattern besides what it has, and is told once that works. Returns whether it was told that it
    /// does not.
    pub(super) fn add(&mut self, number: u64, pattern: &str) -> bool {
        self.want(number, pattern);
        let Some(subscriber) = self.subscribers.get_mut(&number) else {
            return false;
        };
        let Some(wanted) = self.wanted.get_mut(pattern) else {
            return false;
        };
        if wanted.is_confirmed() {
            subscriber.inbox.added(pattern.into());
            return false;
        }
        if let Some(hearer) = wanted.hearers.iter_mut().find(|one| one.number == number) {
            hearer.is_new = true;
        }
        !self.lanes[wanted.lane].up && !is_extra(pattern) && subscriber.interrupt()
    }

    /// A subscriber no longer wants a pattern.
    pub(super) fn remove(&mut self, number: u64, pattern: &str) {
        let Some(subscriber) = self.subscribers.get_mut(&number) else {
            return;
        };
        if !subscriber.patterns.remove(pattern) {
            return;
        }
        subscriber.prefixes.retain(|one| **one != *pattern);
        subscriber.inbox.removed(pattern);
        let confirmed = self.unwant(number, pattern);
        if let Some(subscriber) = self.subscribers.get_mut(&number) {
            subscriber.missing -= usize::from(!confirmed && !is_extra(pattern));
        }
    }

    /// A subscriber is gone.
    pub(super) fn forget(&mut self, number: u64) {
        let Some(subscriber) = self.subscribers.remove(&number) else {
            return;
        };
        for pattern in &subscriber.patterns {
            self.unwant(number, pattern);
        }
    }

    /// Returns whether the pattern was confirmed.
    fn unwant(&mut self, number: u64, pattern: &str) -> bool {
        let Some(wanted) = self.wanted.get_mut(pattern) else {
            return false;
        };
        wanted.hearers.retain(|one| one.number != number);
        let confirmed = wanted.is_confirmed();
        if wanted.hearers.is_empty() {
            let lane = &mut self.lanes[wanted.lane];
            if lane.always || wanted.standing == Standing::Unasked {
                self.wanted.remove(pattern);
            } else {
                lane.touch(&pattern.into());
            }
        }
        confirmed
    }

    /// See [`super::Hub::take`].
    pub(super) fn take(&mut self, lane: Lane, limit: usize) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
        let LaneState { touched, moved, .. } = &mut self.lanes[lane];
        let mut less: Vec<Arc<str>> = moved.drain(..moved.len().min(limit)).collect();
        let mut more = Vec::new();
        while more.len() + less.len() < limit
            && let Some(pattern) = touched.pop_front()
        {
            let Some(wanted) = self.wanted.get_mut(&pattern).filter(|wanted| wanted.lane == lane) else {
                continue;
            };
            match (wanted.standing, wanted.hearers.is_empty()) {
                (Standing::Unasked, false) => {
                    wanted.standing = Standing::Asked;
                    more.push(pattern);
                }
                (Standing::Confirmed, true) => {
                    self.wanted.remove(&pattern);
                    less.push(pattern);
                }
                // What was asked for is given up once it is confirmed, so that no confirmation is taken for another's.
                _ => {}
            }
        }
        (more, less)
    }

    /// See [`super::Hub::confirm`].
    pub(super) fn confirm(&mut self, lane: Lane, pattern: &str) {
        let Some((pattern, _)) = self.wanted.get_key_value(pattern) else {
            return;
        };
        let pattern = Arc::clone(pattern);
        let Some(wanted) = self.wanted.get_mut(&pattern) else {
            return;
        };
        if wanted.lane != lane || wanted.standing != Standing::Asked {
            return;
        }
        wanted.standing = Standing::Confirmed;
        if wanted.hearers.is_empty() {
            self.lanes[lane].touch(&pattern);
        }
        for hearer in &mut wanted.hearers {
            let Some(subscriber) = self.subscribers.get_mut(&hearer.number) else {
                continue;
            };
            subscriber.missing -= usize::from(!is_extra(&pattern));
            if mem::take(&mut hearer.is_new) {
                subscriber.inbox.added(Arc::clone(&pattern));
            }
        }
    }

    /// See [`super::Hub::refused`].
    pub(super) fn refused(&mut self, lane: Lane, patterns: &[Arc<str>]) {
        for pattern in patterns {
            if self.is_still_wanted(lane, pattern) {
                self.lanes[lane].touch(pattern);
            }
        }
    }

    /// See [`super::Hub::denied`].
    pub(super) fn denied(&mut self, lane: Lane, patterns: &[Arc<str>]) {
        for pattern in patterns {
            self.is_still_wanted(lane, pattern);
        }
    }

    /// What was asked for is not to be had. Returns whether somebody still wants it there; else it is forgotten.
    fn is_still_wanted(&mut self, lane: Lane, pattern: &str) -> bool {
        let asked = |wanted: &&mut Wanted| wanted.lane == lane && wanted.standing == Standing::Asked;
        let Some(wanted) = self.wanted.get_mut(pattern).filter(asked) else {
            return false;
        };
        wanted.standing = Standing::Unasked;
        let is_wanted = !wanted.hearers.is_empty();
        if !is_wanted {
            self.wanted.remove(pattern);
        }
        is_wanted
    }

    /// See [`super::Hub::dropped`]. Returns whether a subscriber was told.
    pub(super) fn dropped(&mut self, lane: Lane, pattern: &str) -> bool {
        let Some(wanted) = self.wanted.get_mut(pattern) else {
            return false;
        };
        if wanted.lane != lane || !wanted.is_confirmed() {
            return false;
        }
        wanted.standing = Standing::Asked;
        wanted.interrupt(pattern, true, &mut self.subscribers)
    }

    /// See [`super::Hub::reroute`]. Returns whether a subscriber was told.
    pub(super) fn reroute(&mut self) -> bool {
        let mut told = false;
        self.wanted.retain(|pattern, wanted| {
            let lane = (self.route)(pattern);
            if lane == wanted.lane {
                return true;
            }
            let before = &mut self.lanes[wanted.lane];
            if before.up && wanted.standing != Standing::Unasked {
                before.moved.push(Arc::clone(pattern));
                before.changed.notify_one();
            }
            told |= wanted.interrupt(pattern, wanted.is_confirmed(), &mut self.subscribers);
            if wanted.hearers.is_empty() {
                return false;
            }
            wanted.lane = lane;
            wanted.standing = Standing::Unasked;
            self.lanes[lane].touch(pattern);
            true
        });
        told
    }

    /// See [`super::Hub::begin`].
    pub(super) fn begin(&mut self, lane: Lane) {
        let its = self.wanted.iter().filter(|(_, wanted)| wanted.is_of(lane));
        self.lanes[lane].touched = its.map(|(pattern, _)| Arc::clone(pattern)).collect();
        self.lanes[lane].moved.clear();
        self.lanes[lane].up = true;
        self.lanes[lane].changed.notify_one();
    }

    /// A lane is lost. Returns whether a subscriber was told.
    pub(super) fn lose(&mut self, lane: Lane) -> bool {
        self.lanes[lane].up = false;
        self.lanes[lane].touched.clear();
        self.lanes[lane].moved.clear();
        let mut told = false;
        self.wanted.retain(|pattern, wanted| {
            if wanted.lane != lane {
                return true;
            }
            told |= wanted.interrupt(pattern, wanted.is_confirmed(), &mut self.subscribers);
            wanted.standing = Standing::Unasked;
            !wanted.hearers.is_empty()
        });
        told
    }
}
