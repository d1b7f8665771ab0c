//! Where the bytes are: one trait, and two stores that its URL-like setting chooses between.

mod directory;
mod place;
mod s3;

use std::{
    fmt,
    future::Future,
    sync::Arc,
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use futures_util::{future::BoxFuture, stream::BoxStream};
use uuid::Uuid;

pub(crate) use place::Given;
pub use place::{BUCKET, DIRECTORY, Place, REGION, S3Place};

/// Short for results of an object store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an object store did not do what it should. Its text is for operators.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such object, or it ends before the range asked for.
    #[error("no such object")]
    Missing,
    /// The store does not answer, or refuses; the same call may succeed later.
    #[error("{0}")]
    Unavailable(String),
}

/// The name of an object: a UUID, and nothing that came from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Uuid);

impl Key {
    /// A new one.
    pub fn make() -> Self {
        Self(Uuid::now_v7())
    }

    /// Reads a key in the one form that we write; `None` for a name that is not ours.
    pub fn parse(name: &str) -> Option<Self> {
        let key = Self(Uuid::try_parse(name).ok()?);
        (key.to_string() == name).then_some(key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.as_hyphenated(), f)
    }
}

/// An object's bytes, in pieces of any size; fails where they end too early or the store stops answering.
pub type Pieces = BoxStream<'static, Result<Bytes>>;

/// Some keys, and where to go on.
#[derive(Debug, Default)]
pub struct Page {
    /// Any number, also none before the end.
    pub keys: Vec<Key>,
    /// Pass it to get the next page; `None` at the end.
    pub next: Option<String>,
}

/// A store of objects.
pub trait ObjectStore: Send + Sync + 'static {
    /// Does it answer, and would it take an object? Makes the bucket or folder where it is missing.
    fn check(&self) -> BoxFuture<'_, Result<()>>;

    /// Begins an object; nothing happens before its first byte, or its end.
    fn write(&self, key: Key) -> Box<dyn ObjectWriter>;

    /// `length` (at least 1) bytes from `offset`.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is no such object, or it has not so many bytes.
    fn read(&self, key: Key, offset: u64, length: u64) -> BoxFuture<'_, Result<Pieces>>;

    /// Removes an object; nothing happens where there is none.
    fn delete(&self, key: Key) -> BoxFuture<'_, Result<()>>;

    /// One page of the objects that were last changed before `before`. Names that are not ours are left out.
    fn older_than(&self, before: SystemTime, from: Option<String>) -> BoxFuture<'_, Result<Page>>;

    /// Removes what was begun, not finished, and left alone since `before`; tells how many.
    fn remove_unfinished(&self, before: SystemTime) -> BoxFuture<'_, Result<usize>>;
}

/// An object on its way in. It holds at most one part in memory, whatever the object's size.
pub trait ObjectWriter: Send {
    /// Takes the next bytes.
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>>;

    /// Makes the object whole and durable.
    fn finish(&mut self) -> BoxFuture<'_, Result<()>>;

    /// Leaves nothing of it, at whatever point, finished or not. May be tried again after an error.
    fn remove(&mut self) -> BoxFuture<'_, Result<()>>;
}

/// Opens the store at `place`.
///
/// # Errors
/// Where a directory can't be made. A server that does not answer is no error: [`ObjectStore::check`] tells.
pub fn open(place: &Place) -> Result<Arc<dyn ObjectStore>> {
    Ok(match place {
        Place::Directory(root) => Arc::new(directory::Directory::open(root)?),
        Place::S3(place) => Arc::new(s3::S3::new(place)),
    })
}

/// Times one call to a store.
async fn timed<T>(operation: &'static str, call: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let result = call.await;
    metrics::histogram!("chatflow_files_object_store_seconds", "operation" => operation)
        .record(began.elapsed().as_secs_f64());
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_keys() {
        let key = Key::make();
        assert_eq!(Key::parse(&key.to_string()), Some(key));
        for other in [
            "",
            "../../etc/passwd",
            "0193e6a0-7c5b-7c00-8000-00000000000G",
            "0193E6A0-7C5B-7C00-8000-000000000000",
            "0193e6a07c5b7c008000000000000000",
            "{0193e6a0-7c5b-7c00-8000-000000000000}",
        ] {
            assert_eq!(Key::parse(other), None, "{other}");
        }
    }
}
