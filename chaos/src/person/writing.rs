//! What people write, when, and what of it they change or take back later.

use std::time::Duration;

use rand::Rng as _;
use tokio::time::Instant;

use super::{Ends, Life, Talk, frames, say};
use crate::{history::Person, recorder::Mention};

/// How much of what they write people name others in, change later, or take back.
const MENTIONS: f64 = 0.1;
const EDITS: f64 = 0.04;
const DELETES: f64 = 0.02;

impl Life {
    pub(super) fn after_writing(&mut self) -> Instant {
        let mean = self.resident.writes_every.unwrap_or(Duration::from_hours(24));
        Instant::now() + self.about(mean)
    }

    pub(super) async fn write_due(&mut self, talk: &mut Talk, now: Instant) -> Result<(), Ends> {
        if now < self.next_write {
            return Ok(());
        }
        self.next_write = self.after_writing();
        if self.resident.writes_every.is_none() || !self.desk.has_room() {
            return Ok(());
        }
        let room = self.any_room();
        let name = self.shared.recorder.name();
        let mut content = self.content(name.0);
        if self.random.random_bool(MENTIONS) {
            let whom = Person(self.random.random_range(0..self.shared.people));
            let author = self.resident.person;
            content = format!("{content} @{}", whom.user_id());
            // Nobody is told of what they wrote themselves.
            if whom != author {
                self.shared.recorder.note_mention(Mention {
                    room,
                    author,
                    name,
                    whom,
                });
            }
        }
        if self.random.random_bool(0.2) && talk.joined.contains(&room) {
            let room = self.resident.multiplexed.then_some(room);
            say(talk, frames::typing(room)).await?;
        }
        self.desk.write(room, name, content);
        self.change_something();
        Ok(())
    }

    /// Changes or takes back one of the own messages, now and then.
    fn change_something(&mut self) {
        let draw: f64 = self.random.random();
        if self.own.is_empty() || draw > EDITS + DELETES {
            return;
        }
        let (room, id) = self.own.swap_remove(self.random.random_range(0..self.own.len()));
        let person = self.resident.person;
        if draw < EDITS {
            let content = format!("better said {}", self.random.random::<u32>());
            self.shared.errands.edit(person, room, id, &content);
        } else {
            self.shared.errands.delete(person, room, id);
        }
    }

    fn content(&mut self, number: u32) -> String {
        let words = ["tea", "naïve", "🦊", "\"quoted\"", "deploy", "第二", "<b>", "ok"];
        let mut content = format!("m{number}");
        for _ in 0..self.random.random_range(0..12) {
            content.push(' ');
            content.push_str(words[self.random.random_range(0..words.len())]);
        }
        // A long one now and then, which no single packet holds.
        if self.random.random_bool(0.02) {
            content.push_str(&" long".repeat(self.random.random_range(500..2500)));
        }
        content
    }
}
