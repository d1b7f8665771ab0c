//! One file on its way to files-svc, chunk by chunk.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use proto::files::{File as Stored, UploadStart};
use tokio::sync::mpsc;
use tonic::Status;
use tonic_types::StatusExt as _;

use super::part_stream::{self, Piece};
use crate::rest::{app::App, problem::Problem};

/// The largest chunk, in bytes.
pub(crate) const CHUNK: usize = 256 * 1024;

/// How long files-svc may take to take a chunk, and to answer after the last one.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long an upload may take in all: what bounds it is [`PATIENCE`] and the client's own.
const LONGEST: Duration = Duration::from_hours(6);

/// Dropped before [`Transfer::finish`], nothing is stored.
pub(crate) struct Transfer {
    pieces: mpsc::Sender<Piece>,
    answer: BoxFuture<'static, Result<Stored, Status>>,
    max_bytes: u64,
}

impl Transfer {
    /// Announces the file.
    pub(crate) fn begin(app: &App, start: UploadStart) -> Self {
        let (pieces, stream) = part_stream::open(start);
        let mut request = tonic::Request::new(stream);
        request.set_timeout(LONGEST);
        let mut files = app.upstream.files.clone();
        let answer = async move { files.upload(request).await.map(tonic::Response::into_inner) };
        Self {
            pieces,
            answer: answer.boxed(),
            max_bytes: app.max_upload_bytes,
        }
    }

    /// Sends bytes on, as fast as files-svc takes them.
    pub(crate) async fn send(&mut self, mut bytes: Bytes) -> Result<(), Problem> {
        while !bytes.is_empty() {
            let chunk = bytes.split_to(bytes.len().min(CHUNK));
            self.put(Piece::Chunk(chunk)).await?;
        }
        Ok(())
    }

    async fn put(&mut self, piece: Piece) -> Result<(), Problem> {
        tokio::select! {
            biased;
            // An answer before the end can only be a refusal.
            early = &mut self.answer => Err(self.refusal(early.err())),
            sent = tokio::time::timeout(PATIENCE, self.pieces.send(piece)) => match sent {
                Ok(Ok(())) => Ok(()),
                // The stream is gone: the call has failed, and its answer says why.
                Ok(Err(_)) => Err(match tokio::time::timeout(PATIENCE, &mut self.answer).await {
                    Ok(answer) => self.refusal(answer.err()),
                    Err(_) => Problem::unavailable(),
                }),
                Err(_) => Err(Problem::deadline_exceeded()),
            },
        }
    }

    /// Ends the file and waits until it is stored.
    pub(crate) async fn finish(mut self) -> Result<Stored, Problem> {
        self.put(Piece::Whole).await?;
        match tokio::time::timeout(PATIENCE, &mut self.answer).await {
            Ok(Ok(stored)) => Ok(stored),
            Ok(Err(status)) => Err(self.refusal(Some(status))),
            Err(_) => Err(Problem::deadline_exceeded()),
        }
    }

    fn refusal(&self, status: Option<Status>) -> Problem {
        match status {
            Some(status) if status.get_details_quota_failure().is_some() => {
                Problem::too_large(self.max_bytes)
            }
            Some(status) => status.into(),
            None => Problem::internal(),
        }
    }
}
