//! Where presence and typing are kept until they expire: the rules that both members of the pair follow.
//!
//! - A user is *present* from the first beat until [`Store::leave`] or [`Store::sweep`] reports that they went: a beat
//!   that comes after the expiry but before the sweep renews, and nobody is told anything.
//! - A change is reported to exactly one caller, also when many processes share the store.
//! - A server that does not answer is told as [`Unavailable`] within [`DEADLINE`].

mod memory;
mod redis;
mod source;

use std::{collections::HashSet, time::Duration};

use futures_util::future::BoxFuture;
use jiff::Timestamp;

pub use memory::{Clock, MemoryStore};
pub use redis::RedisStore;
pub use source::StoreSource;

/// How long one question to a server may take; a call about thousands of users asks several.
pub const DEADLINE: Duration = Duration::from_secs(1);

/// Most users, and most runs of typing, that one [`Store::sweep`] reports.
pub const SWEEP_MAX: usize = 500;

/// How long things last without renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// Being online; whole milliseconds.
    pub online: Duration,
    /// Typing; whole milliseconds.
    pub typing: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            online: Duration::from_secs(30),
            typing: Duration::from_secs(5),
        }
    }
}

/// The store does not answer; the text is for logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// An answer under way.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Unavailable>>;

/// A user as others see them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct User {
    /// The id.
    pub id: String,
    /// The shown name.
    pub name: String,
}

/// One sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// Whose.
    pub user: User,
    /// The rooms the user is in; empty keeps what is known.
    pub rooms: Vec<String>,
    /// When, for people to read; expiry goes by the store's own clock.
    pub at: Timestamp,
}

/// Somebody who is online.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Online {
    /// Who.
    pub user: User,
    /// Their last beat.
    pub last_seen: Timestamp,
}

/// Somebody who came or went, and the rooms that hear of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Who.
    pub user: User,
    /// Their rooms.
    pub rooms: Vec<String>,
}

/// Somebody who types, or typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typist {
    /// Who.
    pub user: User,
    /// Where.
    pub room_id: String,
}

/// What has expired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Users who went, at most [`SWEEP_MAX`].
    pub gone: Vec<Change>,
    /// Runs of typing that ended, at most [`SWEEP_MAX`].
    pub stopped: Vec<Typist>,
}

/// See the module's rules.
pub trait Store: Send + Sync + 'static {
    /// Renews; reports who was not present before, each user once.
    fn beat(&self, beats: Vec<Beat>) -> Answer<'_, Vec<Change>>;

    /// All who are online, by user id.
    fn online(&self) -> Answer<'_, Vec<Online>>;

    /// One user, where online.
    fn user<'a>(&'a self, user_id: &'a str) -> Answer<'a, Option<Online>>;

    /// Which of these users are present.
    fn present<'a>(&'a self, user_ids: &'a [&'a str]) -> Answer<'a, HashSet<String>>;

    /// Ends a user's presence; reports them where they were present.
    fn leave<'a>(&'a self, user_id: &'a str) -> Answer<'a, Option<Change>>;

    /// Begins a run of typing, or renews it.
    fn start_typing<'a>(&'a self, typist: &'a Typist) -> Answer<'a, ()>;

    /// Ends a run of typing; reports who typed, where there was one.
    fn stop_typing<'a>(&'a self, room_id: &'a str, user_id: &'a str) -> Answer<'a, Option<Typist>>;

    /// Who types in a room, by user id.
    fn typing<'a>(&'a self, room_id: &'a str) -> Answer<'a, Vec<User>>;

    /// Removes what has expired and reports it.
    fn sweep(&self) -> Answer<'_, Swept>;

    /// Whether it answers.
    fn ping(&self) -> Answer<'_, ()>;
}
