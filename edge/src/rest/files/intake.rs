//! The body of an upload on its way in: how large it may be, how slow, and how much of it may wait in memory.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    extract::multipart::{Field, MultipartError},
    http::StatusCode,
};
use http_body::{Body as HttpBody, Frame};
use http_body_util::Limited;

use crate::rest::problem::Problem;

/// How long the client may take for the next bytes, and how far it may fall behind [`SLOWEST`].
const PATIENCE: Duration = Duration::from_secs(30);

/// The slowest upload that is borne, in bytes per second: a place for uploads is not held for less.
const SLOWEST: u64 = 1024;

/// What may be read of a form beyond what was taken out of its parts, in bytes. The form's reader looks for the end of a
/// part's head in memory, and knows no bound of its own.
const UNTAKEN_BYTES: u64 = 1024 * 1024;

/// How a form comes in.
pub(super) struct Pace {
    began: Instant,
    taken: Arc<AtomicU64>,
    /// The largest file, in bytes.
    max_bytes: u64,
}

impl Pace {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self {
            began: Instant::now(),
            taken: Arc::default(),
            max_bytes,
        }
    }

    /// The next bytes of a part.
    pub(super) async fn chunk(&self, field: &mut Field<'_>) -> Result<Option<Bytes>, Problem> {
        let chunk = self.on_time(field.chunk()).await?;
        let bytes = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        Ok(chunk)
    }

    /// The next step of the form's reader.
    pub(super) async fn on_time<T>(
        &self,
        step: impl Future<Output = Result<T, MultipartError>>,
    ) -> Result<T, Problem> {
        let due = Duration::from_secs(self.taken.load(Ordering::Relaxed) / SLOWEST);
        let left = (due + 2 * PATIENCE).saturating_sub(self.began.elapsed());
        match tokio::time::timeout(left.min(PATIENCE), step).await {
            Ok(Ok(step)) => Ok(step),
            Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Problem::too_large(self.max_bytes))
            }
            Ok(Err(_)) => Err(Problem::malformed("The form is cut off, or no multipart form.")),
            Err(_) => Err(Problem::too_slow()),
        }
    }
}

/// A form's body that ends in an error once too much of it waits in memory.
pub(super) struct Intake {
    inner: Limited<Body>,
    read: u64,
    taken: Arc<AtomicU64>,
}

impl Intake {
    /// Wraps a body that may have at most so many bytes.
    pub(super) fn body(inner: Body, most: usize, pace: &Pace) -> Body {
        Body::new(Self {
            inner: Limited::new(inner, most),
            read: 0,
            taken: Arc::clone(&pace.taken),
        })
    }
}

impl HttpBody for Intake {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            self.read += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        if self.read.saturating_sub(self.taken.load(Ordering::Relaxed)) > UNTAKEN_BYTES {
            let error = io::Error::other("too much beside the parts of a form");
            return Poll::Ready(Some(Err(error.into())));
        }
        Poll::Ready(frame)
    }
}
