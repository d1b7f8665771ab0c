//! What is kept, and by which rules: traits that the rest of the crate speaks to, and their one implementation over
//! [`sql::Db`] for both backends. Only here is diesel.
//!
//! A missing thing is `Ok(None)` (or an error that names it, where the trait says so), never [`sql::Error::NotFound`].
//! An [`Error::Store`](crate::error::Error::Store) leaves open whether the work was done: all methods may be repeated.

mod append;
mod append_postgres;
mod append_sqlite;
mod identities;
mod knows;
mod log;
mod number;
mod outbox;
mod partitions;
mod read_marks;
mod replicas;
mod rooms;
mod rows;
mod schema;

use std::future::Future;

use jiff::Timestamp;
use sql::{Db, Migrations};

pub use partitions::{FEWEST as FEWEST_PARTITIONS, MOST as MOST_PARTITIONS, Partitioned, Progress};
pub use replicas::Replicas;

use crate::{
    clock::Clock,
    error::Result,
    message::{Change, Committed, Message},
    room::{NewRoom, Room},
};

/// The tables of both backends.
pub static MIGRATIONS: Migrations = Migrations {
    postgres: diesel_migrations::embed_migrations!("migrations/postgres"),
    sqlite: diesel_migrations::embed_migrations!("migrations/sqlite"),
};

/// The store over a database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SqlStore {
    db: Db,
    replicas: Replicas,
}

impl SqlStore {
    /// Over `db`, whose migrations may still have to run: until then everything is [`Error::Store`](crate::error::Error::Store).
    pub fn new(db: Db) -> Self {
        Self {
            db,
            replicas: Replicas::default(),
        }
    }

    /// With replicas of that database, to which reads of messages may go.
    #[must_use]
    pub fn with_replicas(self, replicas: Replicas) -> Self {
        Self { replicas, ..self }
    }
}

/// Rooms.
pub trait Rooms: Clone + Send + Sync + 'static {
    /// Makes a room; [`Error::RoomExists`](crate::error::Error::RoomExists) where the id is taken.
    fn create_room(&self, room: NewRoom, now: Timestamp) -> impl Future<Output = Result<Room>> + Send;
    /// One room.
    fn room(&self, id: &str) -> impl Future<Output = Result<Option<Room>>> + Send;
    /// Rooms by age, oldest first, those of one moment by id; only those behind `after` in that order, if given.
    fn rooms(&self, after: Option<&Room>, limit: u32) -> impl Future<Output = Result<Vec<Room>>> + Send;
    /// The last change of each of these rooms that exists, in one query, in no order.
    fn heads(&self, ids: Vec<String>) -> impl Future<Output = Result<Vec<Head>>> + Send;
}

/// Where a room's log ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The room.
    pub room_id: String,
    /// Its last seq.
    pub last_seq: u64,
    /// The message whose change that is; `None` in an empty room.
    pub last_id: Option<String>,
}

/// Which messages of a room a page of its history holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// The newest ones before a seq.
    Before(u64),
    /// The oldest ones after a seq.
    After(u64),
}

/// The rooms' logs.
pub trait Log: Clone + Send + Sync + 'static {
    /// Commits a batch of changes in one transaction. Answers stand in the order of the changes; an `Err` among them
    /// concerns that change alone. The outer `Err` concerns all of them, and leaves open whether they were stored.
    ///
    /// - Each change that is not an error or a repeat takes its room's next seq, in the order of the batch: no gaps.
    /// - A room's seqs are committed in their order, over all processes. Rooms are locked in the order of their ids.
    /// - A `Send` with a `client_msg_id` that its user used in that room before, or earlier in the batch, is a repeat:
    ///   the answer is the first one's message.
    /// - Only its sender changes a message. Editing a tombstone is [`Error::NoSuchMessage`](crate::error::Error::NoSuchMessage), deleting one a repeat.
    /// - Each person mentioned in a new message gets an outbox row in the same transaction.
    fn commit(
        &self,
        batch: Vec<Change>,
        clock: &Clock,
    ) -> impl Future<Output = Result<Vec<Result<Committed>>>> + Send;
    /// Up to `limit` messages of the log up to `head`, which its end was just now, oldest first, without tombstones. As they
    /// are then, or later.
    fn history(
        &self,
        room_id: &str,
        span: Span,
        head: &Head,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Message>>> + Send;
    /// Up to `limit` messages, tombstones included, whose last change is between these two seqs (after the first, up to the
    /// second), in the order of those changes. As they were when the log ended at `head`, or later.
    fn changes(
        &self,
        room_id: &str,
        between: (u64, u64),
        head: &Head,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Message>>> + Send;
    /// Whether the change at `seq` was one of the message `id`, as far as messages tell, which know only their last change.
    fn was_of(&self, room_id: &str, seq: u64, id: &str) -> impl Future<Output = Result<bool>> + Send;
}

/// How far users have read.
pub trait ReadMarks: Clone + Send + Sync + 'static {
    /// Moves a mark forward, never back; answers where it is now. The room has to exist.
    fn mark_read(&self, room_id: &str, user_id: &str, seq: u64) -> impl Future<Output = Result<u64>> + Send;
    /// A user's marks.
    fn read_marks(&self, user_id: &str) -> impl Future<Output = Result<Vec<(String, u64)>>> + Send;
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The id it owns.
    pub user_id: String,
    /// The shown name.
    pub username: String,
    /// A PHC string.
    pub password_hash: String,
}

/// An open session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// Whose it is.
    pub user_id: String,
    /// The shown name.
    pub username: String,
    /// Whether it is a guest's.
    pub guest: bool,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Accounts and sessions.
pub trait Identities: Clone + Send + Sync + 'static {
    /// Makes an account and ends the sessions of guests of that name; [`Error::AccountExists`](crate::error::Error::AccountExists) where the id is taken.
    fn create_account(&self, account: Account, now: Timestamp) -> impl Future<Output = Result<()>> + Send;
    /// One account.
    fn account(&self, user_id: &str) -> impl Future<Output = Result<Option<Account>>> + Send;
    /// Those of these ids that accounts own.
    fn owned(&self, user_ids: Vec<String>) -> impl Future<Output = Result<Vec<String>>> + Send;
    /// Opens a session.
    fn open_session(&self, session: StoredSession, now: Timestamp)
    -> impl Future<Output = Result<()>> + Send;
    /// The sessions with these tokens that have not ended by `now`, and whose user ids were not taken by an account since.
    fn sessions(
        &self,
        token_hashes: Vec<[u8; 32]>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<StoredSession>>> + Send;
    /// Ends a session, if there is one.
    fn end_session(&self, token_hash: [u8; 32]) -> impl Future<Output = Result<()>> + Send;
    /// Removes what ended before `now`; answers how many.
    fn sweep_sessions(&self, now: Timestamp) -> impl Future<Output = Result<usize>> + Send;
}

/// A notification to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The outbox row.
    pub id: i64,
    /// Who is to be notified.
    pub user_id: String,
    /// Why: `mention`.
    pub kind: String,
    /// How often it was claimed, this time included.
    pub attempts: u32,
    /// The message it is about; `None` where that was deleted meanwhile.
    pub message: Option<Message>,
}

/// Notifications that are still to be delivered.
pub trait Outbox: Clone + Send + Sync + 'static {
    /// The time that all replicas agree on: PostgreSQL's where that is the store, `clock`'s where nobody shares it. A
    /// replica whose own clock is wrong must not put a row off for the others.
    fn now(&self, clock: &Clock) -> impl Future<Output = Result<Timestamp>> + Send;
    /// Claims up to `limit` rows that are due, oldest first: nobody else gets them before `until`.
    fn claim(
        &self,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<Vec<Delivery>>> + Send;
    /// Removes delivered rows.
    fn delivered(&self, ids: Vec<i64>) -> impl Future<Output = Result<()>> + Send;
    /// Makes a row due at another time.
    fn postpone(&self, id: i64, due: Timestamp) -> impl Future<Output = Result<()>> + Send;
    /// How many rows there are.
    fn backlog(&self) -> impl Future<Output = Result<u64>> + Send;
}
