//! Uploads: object first, row after, and nothing left of what breaks off.
//!
//! An upload runs as a task of its own that the process waits for at its end: when its call is dropped (the client went
//! away, the deadline passed), the task notices and takes back what it wrote, also in the middle of a shutdown.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use runtime::{Shutdown, request_id};
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    file::{File, NewFile},
    limits::Limits,
    objects::{Key, ObjectStore, ObjectWriter},
    sniff,
    store::FileStore,
};

/// How long transfers go on once the shutdown has begun; what follows needs time within the drain too.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// How much is hashed before other tasks get a turn, in bytes.
const HASHED_AT_ONCE: usize = 64 * 1024;

/// How long an upload is tried to be taken back before it is left to the sweep.
const TAKE_BACK: Duration = Duration::from_mins(1);

/// Pause between tries to take an upload back.
const TAKE_BACK_EVERY: Duration = Duration::from_secs(1);

/// Takes uploads in. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Uploads {
    files: Arc<dyn FileStore>,
    objects: Arc<dyn ObjectStore>,
    limits: Limits,
    places: Arc<Semaphore>,
    shutdown: Shutdown,
}

/// The right to make one upload.
pub(crate) struct Place {
    _held: OwnedSemaphorePermit,
}

/// What is known of a file once its bytes have come.
struct Content {
    size_bytes: u64,
    media_type: &'static str,
    sha256: String,
}

impl Uploads {
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
            places: Arc::new(Semaphore::new(limits.uploads)),
            shutdown: shutdown.clone(),
        }
    }

    /// Takes one of the places for uploads.
    ///
    /// # Errors
    /// [`Error::Busy`] where all are taken.
    pub(crate) fn begin(&self) -> Result<Place> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place
            .map(|held| Place { _held: held })
            .map_err(|_| count(Error::Busy))
    }

    /// Stores the file that `chunks` make up.
    ///
    /// # Errors
    /// Then the file does not exist, and what was written is being removed. An `Err` among the chunks ends the upload
    /// with that error.
    pub(crate) async fn receive<C>(&self, place: Place, new: NewFile, chunks: C) -> Result<File>
    where
        C: Stream<Item = Result<Bytes>> + Send + 'static,
    {
        // Nothing is read for a row that can't be stored.
        self.files.check().await.map_err(|error| count(error.into()))?;
        let call = CancellationToken::new();
        let _hangs_up = call.clone().drop_guard();
        let task = self.clone().run(place, new, chunks, call);
        let id = request_id::current().unwrap_or_else(|| request_id::accept_or_make(None));
        let task = request_id::scope(id, task).in_current_span();
        match self.shutdown.spawn(task).await {
            Ok(Some(result)) => result,
            Ok(None) | Err(_) => Err(Error::CutOff),
        }
    }

    async fn run<C>(self, place: Place, new: NewFile, chunks: C, call: CancellationToken) -> Result<File>
    where
        C: Stream<Item = Result<Bytes>> + Send + 'static,
    {
        let key = Key::make();
        let mut object = self.objects.write(key);
        let content = match self.fill(&mut *object, chunks, &call).await {
            Ok(content) => content,
            Err(error) => {
                self.take_back(place, object, None);
                return Err(count(error));
            }
        };
        let file = File {
            id: Uuid::now_v7(),
            original_name: new.original_name,
            content_type: content.media_type.to_owned(),
            size_bytes: content.size_bytes,
            key,
            room_id: new.room_id,
            user_id: new.user_id,
            created_at: proto::time::now(),
            sha256: content.sha256,
        };
        let stored = self.files.insert(file.clone()).await.map_err(Error::from);
        // Nobody is left to be told of it: they will take it for broken off, and upload it again.
        let told = stored.and_then(|()| {
            if call.is_cancelled() {
                Err(Error::BrokenOff)
            } else {
                Ok(())
            }
        });
        if let Err(error) = told {
            self.take_back(place, object, Some(file.id));
            return Err(count(error));
        }
        metrics::counter!("chatflow_files_uploads_total", "result" => "stored").increment(1);
        Ok(file)
    }

    async fn fill<C>(
        &self,
        object: &mut dyn ObjectWriter,
        chunks: C,
        call: &CancellationToken,
    ) -> Result<Content>
    where
        C: Stream<Item = Result<Bytes>> + Send + 'static,
    {
        let limits = self.limits;
        let mut chunks = pin!(chunks);
        let mut too_slow = pin!(tokio::time::sleep(limits.upload_time));
        let mut stopping = pin!(grace(&self.shutdown));
        let (mut size_bytes, mut hash, mut head) = (0, Sha256::new(), Vec::new());
        loop {
            let chunk = tokio::select! {
                biased;
                () = call.cancelled() => return Err(Error::BrokenOff),
                () = &mut stopping => return Err(Error::CutOff),
                () = &mut too_slow => return Err(Error::TooSlow(limits.upload_time)),
                next = tokio::time::timeout(limits.stall, chunks.next()) => match next {
                    Ok(Some(chunk)) => chunk?,
                    Ok(None) => break,
                    Err(_) => return Err(Error::Stalled(limits.stall)),
                },
            };
            metrics::counter!("chatflow_files_bytes_total", "direction" => "in")
                .increment(chunk.len() as u64);
            size_bytes += chunk.len() as u64;
            if size_bytes > limits.max_upload_bytes {
                return Err(Error::TooLarge(limits.max_upload_bytes));
            }
            let missing = sniff::HEAD - head.len();
            head.extend_from_slice(&chunk[..missing.min(chunk.len())]);
            for piece in chunk.chunks(HASHED_AT_ONCE) {
                hash.update(piece);
                tokio::task::yield_now().await;
            }
            object.write(chunk).await?;
        }
        object.finish().await?;
        Ok(Content {
            size_bytes,
            media_type: sniff::content_type(&head),
            sha256: hexadecimal(&hash.finalize()),
        })
    }

    /// Removes row and object, with more than one try where a store is down. The upload keeps its place until then, so that a store that is
    /// down does not gather more and more of this work.
    fn take_back(&self, place: Place, mut object: Box<dyn ObjectWriter>, row: Option<Uuid>) {
        let (files, shutdown) = (Arc::clone(&self.files), self.shutdown.clone());
        let task = async move {
            let _place = place;
            let end = Instant::now() + TAKE_BACK;
            while Instant::now() < end {
                // The row first: it must never point at nothing.
                let removed = async {
                    if let Some(row) = row {
                        files.delete(row).await?;
                    }
                    Ok::<_, Error>(object.remove().await?)
                };
                match removed.await {
                    Ok(()) => return,
                    Err(error) => tracing::debug!(%error, "an upload can't be taken back yet"),
                }
                tokio::select! {
                    () = tokio::time::sleep(TAKE_BACK_EVERY) => {}
                    () = shutdown.begun() => break,
                }
            }
            tracing::warn!("what is left of an upload is left to the sweep");
        };
        self.shutdown.spawn(task.in_current_span());
    }
}

/// Resolves when transfers have to end because the process does.
pub(crate) async fn grace(shutdown: &Shutdown) {
    shutdown.begun().await;
    tokio::time::sleep(GRACE).await;
}

fn count(error: Error) -> Error {
    metrics::counter!("chatflow_files_uploads_total", "result" => error.result()).increment(1);
    error
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
