//! Where notifications lie: the rules of a store, and how one is opened.

mod database;
mod schema;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use runtime::{Shutdown, health::Part};
use sql::{DatabaseUrl, Db, Result};

use crate::Notification;

/// What became of an insertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Insertion {
    /// It was stored, and its transaction is durable.
    New(Notification),
    /// Its source was known: this is what lies under it, and nothing was stored.
    Known(Notification),
}

/// A store of notifications. Rules that every implementation keeps:
/// - a change is durable when its call returns; a call that fails with [`sql::Error::Unavailable`] may have changed the
///   store or not, and is safe to repeat (an insertion only with a source);
/// - `source` is unique among the stored ones: of any number of insertions with the same one, on any number of replicas at
///   once, exactly one is [`Insertion::New`]. It is free again once its notification is deleted or trimmed;
/// - "newest first" is by `created_at`, then by `id`, both descending;
/// - what isn't there, or is not `owner`'s, is `None` or `false`, never an error;
/// - arguments have been validated before.
pub trait Store: Send + Sync + 'static {
    /// Stores a notification, unless its source is known.
    fn insert(&self, notification: Notification, source: Option<String>) -> BoxFuture<'_, Result<Insertion>>;

    /// A user's, newest first, at most `limit`.
    fn list(&self, user_id: &str, unread_only: bool, limit: u32) -> BoxFuture<'_, Result<Vec<Notification>>>;

    /// How many of a user's are unread.
    fn unread_count(&self, user_id: &str) -> BoxFuture<'_, Result<u64>>;

    /// Marks one as read and returns it as it is now.
    fn mark_read(&self, id: &str, owner: Option<&str>) -> BoxFuture<'_, Result<Option<Notification>>>;

    /// Marks all of a user's as read; how many changed.
    fn mark_all_read(&self, user_id: &str) -> BoxFuture<'_, Result<u64>>;

    /// Deletes one; whether it was there.
    fn delete(&self, id: &str, owner: Option<&str>) -> BoxFuture<'_, Result<bool>>;

    /// Deletes all but a user's newest `kept`, in short statements; how many went.
    fn trim(&self, user_id: &str, kept: u32) -> BoxFuture<'_, Result<u64>>;
}

/// Opens the store that `url` names. A PostgreSQL that is down does not fail this: `part` says so, calls are
/// [`sql::Error::Unavailable`], and both heal when it is up.
///
/// # Errors
/// Where SQLite's folder can't be made.
pub async fn open(url: &DatabaseUrl, part: Part, shutdown: &Shutdown) -> Result<Arc<dyn Store>> {
    let db = Db::open(url, "notify-svc", database::CONNECTIONS)?;
    sql::bring_up(&db, &database::MIGRATIONS, part, shutdown).await;
    Ok(Arc::new(database::Database::new(db)))
}
