//! How rooms begin to be served: their hints are listened to, then their heads are read, then those who wait are let in.

use std::{mem, sync::Arc, time::Instant};

use proto::frame::ErrorCode;

use super::Sequencer;
use crate::{
    hub::{RoomId, asks::Answer, interest::Interest},
    recovery::{log::Unread, seen::Seen},
};

impl Sequencer {
    /// What the broker is asked for.
    pub(in crate::hub) fn interest(&mut self) -> &mut Interest {
        &mut self.interest
    }

    /// A room's hints come from here on.
    pub(in crate::hub) fn added(&mut self, room: &str) {
        self.interest.added(room);
        self.may_read(room);
    }

    /// All hints come from here on: those of heads that are being read may have been lost.
    pub(in crate::hub) fn connected(&mut self) {
        self.interest.delivers(true);
        for entry in self.rooms.values_mut() {
            entry.is_unsure |= entry.is_asked && !entry.tail.has_started();
        }
    }

    /// Goes on without hints that don't come.
    pub(in crate::hub) fn without_hints(&mut self, now: Instant) {
        for room in self.interest.overdue(now) {
            let entry = self.rooms.get(&room);
            let has_started = entry.is_some_and(|entry| entry.tail.has_started());
            // While nothing is delivered, all that has started is compared anyway.
            if !(self.interest.is_interrupted() && has_started) {
                self.may_read(&room);
            }
        }
    }

    /// A room's log can be read; again, where that was done.
    fn may_read(&mut self, room: &str) {
        let Some(entry) = self.rooms.get_mut(room) else {
            return;
        };
        if entry.tail.has_started() {
            self.doubtful.insert(Arc::clone(&entry.id));
        } else if mem::replace(&mut entry.is_asked, true) {
            entry.is_unsure = true;
        } else {
            self.to_start.push((Arc::clone(&entry.id), entry.epoch));
            self.start_rooms();
        }
    }

    /// Asks for the heads of all rooms that wait for theirs, one question at a time.
    pub(super) fn start_rooms(&mut self) {
        if self.starting || self.to_start.is_empty() {
            return;
        }
        self.starting = true;
        let asked = mem::take(&mut self.to_start);
        let (log, answers) = (self.log.clone(), self.answers.clone());
        self.shutdown.spawn(async move {
            let rooms: Vec<RoomId> = asked.iter().map(|(room, _)| Arc::clone(room)).collect();
            let heads = log.heads(&rooms).await;
            let _ = answers.send(Answer::Started { asked, heads }).await;
        });
    }

    /// A room's head has come, or why it does not.
    pub(super) async fn started(&mut self, id: &RoomId, epoch: u64, head: Result<Seen, Unread>) {
        let Some(entry) = self.rooms.get_mut(id).filter(|entry| entry.epoch == epoch) else {
            return;
        };
        let waiting = entry.take_waiting();
        match head {
            Ok(head) => {
                if mem::take(&mut entry.is_unsure) {
                    self.doubtful.insert(Arc::clone(id));
                }
                let mut early = Vec::new();
                let next = entry.tail.start(head, &mut early);
                for one in waiting {
                    self.admit(id, one, head).await;
                }
                if let Some(entry) = self.rooms.get_mut(id) {
                    entry.due.extend(early);
                    self.dirty.push(Arc::clone(id));
                }
                self.follow(id, next).await;
            }
            Err(unread) => {
                self.rooms.remove(id);
                self.interest.leave(id, Instant::now());
                let code = match unread {
                    Unread::NoSuchRoom => ErrorCode::NoSuchRoom,
                    Unread::Unavailable => ErrorCode::Unavailable,
                };
                for one in waiting {
                    one.connection.refused(id, one.generation, code);
                }
            }
        }
    }
}
