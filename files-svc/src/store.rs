//! The table of files: what exists, because it has a row.

mod database;
mod schema;

use futures_util::future::BoxFuture;
use uuid::Uuid;

pub(crate) use database::SqlFiles;

use crate::{file::File, objects::Key};

/// Short for results of the store.
pub(crate) type Result<T> = sql::Result<T>;

/// The rows. Every method fails with [`sql::Error::Unavailable`] while the database does not answer.
pub(crate) trait FileStore: Send + Sync + 'static {
    /// Does the database answer?
    fn check(&self) -> BoxFuture<'_, Result<()>>;

    /// Makes a file exist. After an error it is not known whether it does.
    fn insert(&self, file: File) -> BoxFuture<'_, Result<()>>;

    /// One file, `None` where there is none.
    fn get(&self, id: Uuid) -> BoxFuture<'_, Result<Option<File>>>;

    /// Up to `limit` files of one room, or of all, newest first.
    fn list(&self, room_id: Option<String>, limit: u32) -> BoxFuture<'_, Result<Vec<File>>>;

    /// Makes a file not exist; nothing happens where it does not.
    fn delete(&self, id: Uuid) -> BoxFuture<'_, Result<()>>;

    /// Those of `keys` (at most 1,000) that belong to a file.
    fn known<'a>(&'a self, keys: &[Key]) -> BoxFuture<'a, Result<Vec<Key>>>;
}
