//! The end of a WebSocket: the close frame out, the client's in, then the stream.

use std::{io, time::Duration};

use bytes::{Buf as _, Bytes};
use tokio::time::timeout;

use super::{close::CloseCode, connection::Connection, encode, stream::Stream};

/// How long a client may take to take in what is left for it.
const FLUSH: Duration = Duration::from_secs(2);

/// How long a client may take to close after it was told.
const LINGER: Duration = Duration::from_millis(500);

/// Tells a client that was not let in why not.
pub(super) async fn refuse(stream: &Stream, code: CloseCode) {
    let mut frame = encode::close(code.number(), code.reason());
    let told = timeout(FLUSH, async {
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
pub(super) async fn part(connection: &Connection) {
    let flushed = timeout(FLUSH, async {
        while connection.has_waiting() {
            if connection.stream.writable().await.is_err() {
                return;
            }
            connection.flush();
        }
    });
    if flushed.await.is_ok() && !connection.is_dead() {
        // Closing with unread bytes would reset the connection and take the close frame away from the client.
        let _ = timeout(LINGER, read_out(&connection.stream)).await;
    }
}

/// Answers the client's close frame.
pub(super) fn answer(code: Option<u16>) -> Bytes {
    code.map_or_else(encode::bare_close, |code| encode::close(code, ""))
}

async fn read_out(stream: &Stream) {
    let mut unread = [0; 1024];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut unread) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
