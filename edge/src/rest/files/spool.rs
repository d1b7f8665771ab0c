//! A file that came before its room and user: kept in an unlinked temporary file until they are known.

use std::io::SeekFrom;

use bytes::BytesMut;
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _},
};

use super::transfer::{CHUNK, Transfer};
use crate::rest::problem::Problem;

/// Gone, with its disk space, when it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Spool(File);

impl Spool {
    /// An empty one.
    pub(crate) async fn new() -> Result<Self, Problem> {
        let made = tokio::task::spawn_blocking(tempfile::tempfile).await;
        let file = made.map_err(std::io::Error::other).and_then(|file| file);
        file.map(|file| Self(File::from_std(file)))
            .map_err(|e| no_room(&e))
    }

    /// Appends.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.0.write_all(bytes).await.map_err(|e| no_room(&e))
    }

    /// Sends all of it on.
    pub(crate) async fn send_to(mut self, transfer: &mut Transfer) -> Result<(), Problem> {
        self.0.flush().await.map_err(|e| no_room(&e))?;
        self.0.seek(SeekFrom::Start(0)).await.map_err(|e| no_room(&e))?;
        loop {
            let mut chunk = BytesMut::with_capacity(CHUNK);
            if self.0.read_buf(&mut chunk).await.map_err(|e| no_room(&e))? == 0 {
                return Ok(());
            }
            transfer.send(chunk.freeze()).await?;
        }
    }
}

fn no_room(error: &std::io::Error) -> Problem {
    tracing::error!(%error, "the temporary directory can't take an upload");
    Problem::unavailable()
}
