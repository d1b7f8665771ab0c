//! What the checker says at the end.

use std::fmt;

use super::Numbers;
use crate::history::{Person, Room};

/// How many violations of one kind are told in full.
const EXAMPLES: usize = 5;

/// What has to hold, one kind of violation each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// *Durable before ack.* Each ack's message is stored, by its sender, under its name, with the ack's id and seq.
    AckedIsStored,
    /// *Idempotent for good.* No author has two messages of one name in a room, and all acks of a name say the same.
    OneMessagePerName,
    /// *A durable, gapless log.* Every number up to a room's last seq is the last change of exactly one message, or was
    /// superseded by a later change of its message.
    StoredIsWhole,
    /// *A log of what people said.* Nothing is stored, shown, acknowledged or refused that was not sent.
    NothingFromNowhere,
    /// *Durable before the live frame.* Each frame that anybody saw tells of a stored change, and the same to everybody.
    SeenIsStored,
    /// *Sockets carry what was subscribed to.* No frame of a room comes before its subscription is confirmed.
    OnlyWhereJoined,
    /// *One order, no repeat.* On each connection a room's seqs ascend, from behind what the client said to have.
    Repeat,
    /// *One order, no gap.* No connection leaves out a number that was not superseded; so *any edge resumes any client*.
    Gap,
    /// *Redis is a hint.* In the end everybody who is there has the log to its end, whatever was lost on the way.
    EverythingReachesEverybody,
    /// *An ack means "in the log"*, for whoever reads it after that: an own message that was acknowledged before a page
    /// was asked for is in that page.
    ReadYourWrites,
    /// *One order*, also in a page of history: its messages are the stored ones, ascending, none left out.
    PagesAreStored,
    /// *Nothing is forgotten.* Every message that was sent is acknowledged once everything is healed.
    NothingIsForgotten,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::AckedIsStored,
        Self::OneMessagePerName,
        Self::StoredIsWhole,
        Self::NothingFromNowhere,
        Self::SeenIsStored,
        Self::OnlyWhereJoined,
        Self::Repeat,
        Self::Gap,
        Self::EverythingReachesEverybody,
        Self::ReadYourWrites,
        Self::PagesAreStored,
        Self::NothingIsForgotten,
    ];

    /// What holds where there is no violation, in a few words.
    pub fn promise(self) -> &'static str {
        match self {
            Self::AckedIsStored => "what is acknowledged is stored",
            Self::OneMessagePerName => "one name, one message",
            Self::StoredIsWhole => "the stored logs have no holes",
            Self::NothingFromNowhere => "nothing comes from nowhere",
            Self::SeenIsStored => "what anybody saw is stored",
            Self::OnlyWhereJoined => "frames come only after their subscription",
            Self::Repeat => "nothing comes twice or late",
            Self::Gap => "nothing is left out",
            Self::EverythingReachesEverybody => "everybody has everything in the end",
            Self::ReadYourWrites => "people read what they wrote",
            Self::PagesAreStored => "pages of history are as stored",
            Self::NothingIsForgotten => "everything that was sent is acknowledged",
        }
    }
}

/// Something that must not have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What it breaks.
    pub kind: Invariant,
    /// Where.
    pub room: Room,
    /// To whom, or by whom, where it is about somebody.
    pub person: Option<Person>,
    /// What happened, with seqs, ids and times.
    pub text: String,
}

/// What the checker found.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Everything that must not have happened.
    pub violations: Vec<Violation>,
    /// What there was to check.
    pub numbers: Numbers,
}

impl Verdict {
    /// Whether everything held.
    pub fn is_ok(&self) -> bool {
        self.violations.is_empty()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.room.id())?;
        if let Some(person) = self.person {
            write!(f, ", {}", person.user_id())?;
        }
        write!(f, ": {}", self.text)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.numbers)?;
        for kind in Invariant::ALL {
            let of_kind = || {
                self.violations
                    .iter()
                    .filter(move |violation| violation.kind == kind)
            };
            let count = of_kind().count();
            let told = match count {
                0 => "ok".to_owned(),
                1 => "BROKEN once".to_owned(),
                count => format!("BROKEN {count} times"),
            };
            write!(f, "\n{:<42} {told}", kind.promise())?;
            for violation in of_kind().take(EXAMPLES) {
                write!(f, "\n    {violation}")?;
            }
            if count > EXAMPLES {
                write!(f, "\n    and {} more", count - EXAMPLES)?;
            }
        }
        Ok(())
    }
}

/// Violations as they are found.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Violation>);

impl Findings {
    /// A room's log is wrong by itself.
    pub(super) fn in_room(&mut self, kind: Invariant, room: Room, text: String) {
        let person = None;
        self.0.push(Violation {
            kind,
            room,
            person,
            text,
        });
    }

    /// Somebody did or saw what they should not have.
    pub(super) fn of_person(&mut self, kind: Invariant, room: Room, person: Person, text: String) {
        let person = Some(person);
        self.0.push(Violation {
            kind,
            room,
            person,
            text,
        });
    }

    pub(super) fn into_violations(self) -> Vec<Violation> {
        self.0
    }
}
