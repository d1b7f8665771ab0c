//! The messages of an upload: `start`, once, then chunks.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use proto::{
    fields::{self, Invalid},
    files::{UploadRequest, UploadStart, upload_request::Part},
};
use runtime::Shutdown;
use tonic::{Code, Status, Streaming};

use crate::{
    error::{Error, Result},
    file::NewFile,
    name,
    upload::grace,
};

/// The largest chunk, in bytes.
const CHUNK_MAX: usize = 1 << 20;

/// Reads the first message.
///
/// # Errors
/// It is no `start`, a field of it breaks its rule, it does not come within `stall`, or the process stops.
pub(super) async fn start(
    messages: &mut Streaming<UploadRequest>,
    stall: Duration,
    shutdown: &Shutdown,
) -> Result<NewFile> {
    let first = tokio::select! {
        first = tokio::time::timeout(stall, messages.message()) => first.map_err(|_| Error::Stalled(stall))?,
        () = grace(shutdown) => return Err(Error::CutOff),
    };
    let first = first.map_err(|status| broken(&status))?;
    match first.and_then(|message| message.part) {
        Some(Part::Start(start)) => Ok(new_file(start)?),
        Some(Part::Chunk(_)) => Err(Invalid::new("start", "must come before the first chunk").into()),
        None => Err(Invalid::new("start", "must be the first message").into()),
    }
}

/// The messages after the first.
pub(super) fn chunks(
    messages: Streaming<UploadRequest>,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    messages.map(|message| match message.map_err(|status| broken(&status))?.part {
        Some(Part::Chunk(chunk)) if chunk.len() > CHUNK_MAX => Err(too_large()),
        Some(Part::Chunk(chunk)) => Ok(chunk),
        Some(Part::Start(_)) => Err(Invalid::new("start", "must come once").into()),
        None => Err(Invalid::new("chunk", "must be set").into()),
    })
}

fn new_file(start: UploadStart) -> Result<NewFile, Invalid> {
    fields::id("room_id", &start.room_id)?;
    fields::id("user_id", &start.user_id)?;
    Ok(NewFile {
        original_name: name::shown("original_name", &start.original_name)?,
        room_id: start.room_id,
        user_id: start.user_id,
    })
}

fn too_large() -> Error {
    Invalid::new("chunk", format!("must have up to {CHUNK_MAX} bytes")).into()
}

fn broken(status: &Status) -> Error {
    // The decoder's word for a message far above the limit.
    if status.code() == Code::OutOfRange {
        too_large()
    } else {
        Error::BrokenOff
    }
}
