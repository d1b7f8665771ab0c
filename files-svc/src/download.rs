//! Downloads: a range of a file as pieces that are read no faster than they are taken.

use std::{ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use runtime::Shutdown;
use tokio::sync::{Semaphore, mpsc};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    file::File,
    limits::Limits,
    objects::{self, ObjectStore, Pieces},
    store::FileStore,
    upload::grace,
};

/// The largest chunk, in bytes.
const CHUNK: usize = 64 * 1024;

/// Chunks that are read ahead of the client.
const AHEAD: usize = 4;

/// How long the object store may take for the next piece.
const READ: Duration = Duration::from_secs(30);

/// Gives files out. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Downloads {
    files: Arc<dyn FileStore>,
    objects: Arc<dyn ObjectStore>,
    limits: Limits,
    places: Arc<Semaphore>,
    shutdown: Shutdown,
}

/// A download that has begun.
pub(crate) struct Download {
    /// The file.
    pub(crate) file: File,
    /// The first byte that follows.
    pub(crate) offset: u64,
    /// How many bytes follow.
    pub(crate) length: u64,
    /// Exactly those, or an error at the end.
    pub(crate) chunks: BoxStream<'static, Result<Bytes>>,
}

impl Downloads {
    pub(crate) fn new(
        files: &Arc<dyn FileStore>,
        objects: &Arc<dyn ObjectStore>,
        limits: Limits,
        shutdown: &Shutdown,
    ) -> Self {
        Self {
            files: Arc::clone(files),
            objects: Arc::clone(objects),
            limits,
            places: Arc::new(Semaphore::new(limits.downloads)),
            shutdown: shutdown.clone(),
        }
    }

    /// Begins to read up to `length` bytes (`None`: all) from `offset`.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::PastTheEnd`], [`Error::Busy`], [`Error::Lost`], or a store that is down.
    pub(crate) async fn open(&self, id: Uuid, offset: u64, length: Option<u64>) -> Result<Download> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Error::Busy)?;
        let file = self.files.get(id).await?.ok_or(Error::NotFound)?;
        let range = within(file.size_bytes, offset, length)?;
        let length = range.end - range.start;
        let chunks = if length == 0 {
            stream::empty().boxed()
        } else {
            let pieces = match self.objects.read(file.key, offset, length).await {
                Err(objects::Error::Missing) => return Err(lost(&file)),
                pieces => pieces?,
            };
            let (to_client, chunks) = mpsc::channel(AHEAD);
            let pump = Pump {
                file: file.clone(),
                pieces,
                to_client,
                length,
                stall: self.limits.stall,
                shutdown: self.shutdown.clone(),
            };
            let task = async move {
                pump.run().await;
                drop(place);
            };
            self.shutdown.spawn(task.in_current_span());
            whole(chunks, length)
        };
        Ok(Download {
            file,
            offset,
            length,
            chunks,
        })
    }
}

/// The bytes of a file of `size` that a request for `length` from `offset` gets.
fn within(size: u64, offset: u64, length: Option<u64>) -> Result<Range<u64>> {
    if offset > size || (offset == size && size > 0) {
        return Err(Error::PastTheEnd(size));
    }
    let end = length.map_or(size, |length| offset.saturating_add(length).min(size));
    Ok(offset..end)
}

/// Carries pieces from the store to the client.
struct Pump {
    file: File,
    pieces: Pieces,
    to_client: mpsc::Sender<Result<Bytes>>,
    length: u64,
    stall: Duration,
    shutdown: Shutdown,
}

impl Pump {
    async fn run(mut self) {
        let shutdown = self.shutdown.clone();
        tokio::select! {
            () = self.carry() => {}
            () = grace(&shutdown) => {}
        }
    }

    async fn carry(&mut self) {
        let mut missing = self.length;
        while missing > 0 {
            let mut piece = match tokio::time::timeout(READ, self.pieces.next()).await {
                Ok(Some(Ok(piece))) => piece,
                Ok(None | Some(Err(objects::Error::Missing))) => {
                    let end = Err(lost(&self.file));
                    return self.give(end).await;
                }
                Ok(Some(Err(error))) => return self.give(Err(error.into())).await,
                Err(_) => {
                    let silent = objects::Error::Unavailable("no bytes came in time".to_owned());
                    return self.give(Err(silent.into())).await;
                }
            };
            missing = missing.saturating_sub(piece.len() as u64);
            while !piece.is_empty() {
                let chunk = piece.split_to(piece.len().min(CHUNK));
                let bytes = chunk.len() as u64;
                // Gone, or asleep: either way it does not come for the rest.
                let sent = self.to_client.send_timeout(Ok(chunk), self.stall).await;
                if sent.is_err() {
                    return;
                }
                metrics::counter!("chatflow_files_bytes_total", "direction" => "out").increment(bytes);
            }
        }
    }

    async fn give(&mut self, end: Result<Bytes>) {
        // A client that is gone needs no reason.
        let _ = self.to_client.send_timeout(end, self.stall).await;
    }
}

/// The chunks, and an error where they end before `length` bytes: a cut file must never pass for a whole one.
fn whole(chunks: mpsc::Receiver<Result<Bytes>>, length: u64) -> BoxStream<'static, Result<Bytes>> {
    stream::unfold((chunks, length), |(mut chunks, missing)| async move {
        if missing == 0 {
            return None;
        }
        match chunks.recv().await {
            Some(Ok(chunk)) => {
                let missing = missing.saturating_sub(chunk.len() as u64);
                Some((Ok(chunk), (chunks, missing)))
            }
            Some(Err(error)) => Some((Err(error), (chunks, 0))),
            None => Some((Err(Error::CutOff), (chunks, 0))),
        }
    })
    .boxed()
}

fn lost(file: &File) -> Error {
    tracing::error!(file_id = %file.id, key = %file.key, "a file has a row, but its object is missing or too short");
    Error::Lost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_with_the_file() {
        for (size, offset, length, expected) in [
            (10, 0, None, Some(0..10)),
            (10, 3, Some(4), Some(3..7)),
            (10, 3, Some(u64::MAX), Some(3..10)),
            (10, 9, None, Some(9..10)),
            (10, 3, Some(0), Some(3..3)),
            (10, 10, None, None),
            (10, u64::MAX, Some(u64::MAX), None),
            (0, 0, None, Some(0..0)),
            (0, 1, None, None),
        ] {
            assert_eq!(
                within(size, offset, length).ok(),
                expected,
                "{size} {offset} {length:?}"
            );
        }
    }
}
