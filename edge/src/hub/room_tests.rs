//! What a room gives to those who come back from memory, while its stream goes on or is set back.

use std::{io::Read as _, os::unix::net::UnixStream};

use tokio::sync::oneshot;

use super::*;
use crate::{
    beat::{Named, Roster},
    hub::frame::{Class, Frame},
    recovery::tail::Page,
    socket::{connection::Kind, home::Home},
};

const BOUND: usize = 1024 * 1024;

/// A room, the shelf of its shard, and members with what they hear.
struct Stage {
    room: Room,
    shelf: Shelf,
    home: Arc<Home>,
    now: Instant,
    members: u32,
}

struct Member {
    connection: Arc<Connection>,
    generation: u32,
    heard: UnixStream,
}

impl Stage {
    fn at(seq: u64) -> Self {
        Self {
            room: Room::new("general".into(), Seen::at(seq)),
            shelf: Shelf::default(),
            home: Arc::new(Home::new(BOUND, Roster::default()).unwrap()),
            now: Instant::now(),
            members: 0,
        }
    }

    fn member(&mut self) -> Member {
        self.members += 1;
        let (ours, heard) = UnixStream::pair().unwrap();
        heard.set_nonblocking(true).unwrap();
        let name = format!("member-{}", self.members);
        let connection = Arc::new(Connection::new(
            u64::from(self.members),
            Kind::Room,
            Arc::new(Named::new(&name, &name)),
            ours.into(),
            None,
            Arc::clone(&self.home),
        ));
        connection.subscribing(&self.room.id, self.members);
        Member {
            connection,
            generation: self.members,
            heard,
        }
    }

    /// A member whose replay has begun.
    fn approaching(&mut self) -> Member {
        let member = self.member();
        self.room
            .approach(Arc::clone(&member.connection), member.generation);
        member
    }

    /// The member's replay has brought the whole log from behind `from` in one page.
    fn meet(&mut self, member: &Member, from: u64, to: u64) -> Option<u64> {
        let page = Page {
            frames: (from + 1..=to).map(|seq| (Seen::at(seq), change(seq))).collect(),
            complete_to: to,
            head: Seen::at(to),
            forked: false,
        };
        let meeting = Meeting {
            room: Arc::clone(&self.room.id),
            connection: member.connection.id,
            generation: member.generation,
            after: to,
            brought: Some(Brought {
                from: Seen::at(from),
                page: Arc::new(page),
            }),
            reply: oneshot::channel().0,
        };
        self.room.meet(&meeting, &mut self.shelf, self.now)
    }

    async fn say(&mut self, seq: u64) {
        let batch = Arc::new(Batch::of(&[change(seq)]));
        self.room.push(batch, Seen::at(seq), None, None);
        self.room.flush(BOUND).await;
    }

    /// What somebody who comes back is given from memory.
    fn missed(&mut self, after: u64) -> Option<Vec<u64>> {
        let (batch, _) = self.room.missed(Seen::at(after), self.now)?;
        let seqs = batch.parts.iter().filter_map(|part| match part.class {
            Class::Logged(seq) => Some(seq),
            _ => None,
        });
        Some(seqs.collect())
    }
}

impl Member {
    fn hears(&mut self) -> String {
        let mut heard = [0; 4096];
        let read = self.heard.read(&mut heard).unwrap_or(0);
        String::from_utf8_lossy(&heard[..read]).into_owned()
    }
}

fn change(seq: u64) -> Frame {
    let json = format!(r#"{{"type":"message","seq":{seq}}}"#);
    Frame::text(json.as_bytes(), Class::Logged(seq))
}

#[tokio::test]
async fn what_came_while_a_replay_was_under_way_is_kept_with_it() {
    let mut stage = Stage::at(3);
    let mut first = stage.approaching();
    assert_eq!(stage.missed(1), None, "nobody has brought it");
    stage.say(4).await;
    assert_eq!(stage.meet(&first, 0, 3), None);
    assert!(first.hears().ends_with(":4}"));
    assert_eq!(stage.missed(1), Some(vec![2, 3, 4]));
    stage.say(5).await;
    assert!(first.hears().ends_with(":5}"), "it is live");
    assert_eq!(stage.missed(4), Some(vec![5]));
}

#[tokio::test]
async fn a_replay_that_has_to_go_on_leaves_nothing() {
    let mut stage = Stage::at(3);
    let first = stage.approaching();
    let batch = Arc::new(Batch::of(&[change(4)]));
    stage.room.push(batch, Seen::at(4), None, None);
    stage.room.flush(1).await;
    assert_eq!(stage.meet(&first, 0, 3), Some(4), "too much came to be held");
    assert_eq!(stage.missed(1), None);
}

#[tokio::test]
async fn a_log_that_was_set_back_is_given_to_nobody() {
    let mut stage = Stage::at(3);
    let first = stage.approaching();
    let second = stage.approaching();
    assert_eq!(stage.meet(&first, 0, 3), None);
    assert!(stage.missed(1).is_some());
    stage.room.reset(Seen::at(2));
    assert_eq!(stage.missed(1), None);
    // A replay that began before brings the old log.
    assert_eq!(stage.meet(&second, 0, 3), None);
    assert_eq!(stage.missed(1), None);
}

#[tokio::test]
async fn more_is_kept_rather_than_less() {
    let mut stage = Stage::at(9);
    let members = [stage.approaching(), stage.approaching(), stage.approaching()];
    assert_eq!(stage.meet(&members[0], 5, 9), None);
    assert_eq!(stage.meet(&members[1], 2, 9), None);
    assert_eq!(stage.meet(&members[2], 7, 9), None);
    assert_eq!(stage.missed(2).map(|seqs| seqs.len()), Some(7));
}
