//! The end of a WebSocket: the close frame out, the client's in, then the stream.

use std::{io, time::Duration};

use bytes::{Buf as _, Bytes};
use runtime::Shutdown;
use tokio::time::{sleep, timeout};

use super::{
    close::{CloseCode, Refused},
    connection::Connection,
    decode::{Decoder, Incoming},
    encode,
    stream::Stream,
};

/// How long a client may take to take in what is left for it: megabytes, on a slow line, before its close code.
const FLUSH: Duration = Duration::from_secs(30);

/// The same, when the edge stops.
const LAST_FLUSH: Duration = Duration::from_millis(1500);

/// How long a client may take to close after it was told.
const LINGER: Duration = Duration::from_millis(500);

/// Longest message that is read to find the client's close frame behind it, in bytes.
const FRAME_MAX: usize = 64 * 1024;

/// Tells a client that was not let in why not.
pub(super) async fn refuse(stream: &Stream, refused: &Refused) {
    let mut frame = encode::close(refused.code.number(), &refused.reason);
    let told = timeout(LAST_FLUSH, async {
        while frame.has_remaining() {
            stream.writable().await?;
            match stream.try_write(&frame) {
                Ok(written) => frame.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    });
    if matches!(told.await, Ok(Ok(()))) {
        let _ = timeout(LINGER, read_out(stream)).await;
    }
    stream.end();
}

/// Sends what waits, with the close frame at its end, and lets the client close.
pub(super) async fn part(connection: &Connection, shutdown: &Shutdown) {
    let flushed = async {
        while connection.has_waiting() {
            if connection.stream.writable().await.is_err() {
                return;
            }
            connection.flush();
        }
    };
    let patience = async {
        tokio::select! {
            () = sleep(FLUSH) => {}
            () = async {
                shutdown.begun().await;
                sleep(LAST_FLUSH).await;
            } => {}
        }
    };
    tokio::select! {
        () = flushed => {}
        () = patience => return,
    }
    if !connection.is_dead() {
        let _ = timeout(LINGER, read_out(&connection.stream)).await;
    }
}

/// Tells a client that the edge stops, and when to be back. The reason of a close frame is the one place where clients
/// that know nothing of the hint are not disturbed by it.
pub(super) fn going_away(back_after_ms: u32) -> Bytes {
    let code = CloseCode::GoingAway;
    let reason = format!("{}; reconnect_after_ms={back_after_ms}", code.reason());
    encode::close(code.number(), &reason)
}

/// Answers the client's close frame.
pub(super) fn answer(code: Option<u16>) -> Bytes {
    code.map_or_else(encode::bare_close, |code| encode::close(code, ""))
}

/// Reads until the client has closed, too: closing with unread bytes would reset the connection and take the close frame
/// away from the client.
async fn read_out(stream: &Stream) {
    let (mut unread, mut decoder, mut incoming) = ([0; 1024], Decoder::default(), Vec::new());
    while stream.readable().await.is_ok() {
        let read = match stream.try_read(&mut unread) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        // Bytes that follow a broken frame, or the middle of one, make no sense: then the end of the stream tells.
        let made_sense = decoder.feed(&unread[..read], FRAME_MAX, &mut incoming);
        if made_sense.is_err() {
            decoder = Decoder::default();
        }
        if incoming
            .drain(..)
            .any(|message| matches!(message, Incoming::Close(_)))
        {
            return;
        }
    }
}
