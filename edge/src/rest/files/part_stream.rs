//! The stream of an upload to files-svc, made so that it can only end well on purpose.

use bytes::Bytes;
use futures_util::{Stream, stream};
use proto::files::{UploadRequest, UploadStart, upload_request::Part};
use tokio::sync::mpsc;

/// Chunks under way between the client's connection and files-svc's.
const UNDER_WAY: usize = 4;

/// What is put into the stream.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Bytes of the file.
    Chunk(Bytes),
    /// The file is whole.
    Whole,
}

/// A stream that begins with `start`. Where its sender is dropped without [`Piece::Whole`] (the client went away, a
/// task was cancelled), the stream does not just end, which files-svc would have to take for the end of the file: it
/// ends with a part that files-svc must refuse.
pub(crate) fn open(
    start: UploadStart,
) -> (
    mpsc::Sender<Piece>,
    impl Stream<Item = UploadRequest> + Send + 'static,
) {
    let (sender, receiver) = mpsc::channel(UNDER_WAY);
    let first = UploadRequest {
        part: Some(Part::Start(start)),
    };
    let rest = stream::unfold(Some(receiver), async |receiver| {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Piece::Chunk(bytes)) => {
                let part = Some(Part::Chunk(bytes));
                Some((UploadRequest { part }, Some(receiver)))
            }
            Some(Piece::Whole) => None,
            None => Some((UploadRequest { part: None }, None)),
        }
    });
    (sender, stream::StreamExt::chain(stream::iter([first]), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt as _;

    async fn parts(pieces: Vec<Piece>) -> Vec<Option<Part>> {
        let (sender, stream) = open(UploadStart::default());
        tokio::spawn(async move {
            for piece in pieces {
                sender.send(piece).await.unwrap();
            }
        });
        stream.map(|request| request.part).collect().await
    }

    #[tokio::test]
    async fn a_whole_file_ends_and_a_broken_one_is_spoilt() {
        let start = Some(Part::Start(UploadStart::default()));
        let chunk = Some(Part::Chunk(Bytes::from_static(b"1")));
        assert_eq!(
            parts(vec![Piece::Chunk(Bytes::from_static(b"1")), Piece::Whole]).await,
            [start.clone(), chunk.clone()]
        );
        assert_eq!(
            parts(vec![Piece::Chunk(Bytes::from_static(b"1"))]).await,
            [start, chunk, None]
        );
    }
}
