//! The end of a WebSocket: the close frame out, the client's in, then the stream.

use std::{sync::Arc, time::Duration};

use bytes::{Buf as _, Bytes};
use runtime::Shutdown;
use tokio::time::{sleep, timeout};
use wire::{Decoder, Incoming, Limits, encode};

use super::{
    close::{CloseCode, Refused},
    connection::Connection,
    gate::Entered,
    shared::Shared,
    stream::{Stream, Watched},
};
use crate::hub::asks::Ask;

/// How long what is under way may take when the edge stops.
const LAST_ANSWERS: Duration = Duration::from_millis(1500);

/// How long a client may take to take in what is left for it: megabytes, on a slow line, before its close code.
const FLUSH: Duration = Duration::from_secs(30);

/// The same, when the edge stops.
const LAST_FLUSH: Duration = Duration::from_millis(1500);

/// How long a client may take to close after it was told.
const LINGER: Duration = Duration::from_millis(500);

/// Messages that are read to find the client's close frame behind them.
const LAST_MESSAGES: Limits = Limits {
    message_bytes: 64 * 1024,
};

/// Tells a client that was not let in why not.
pub(super) async fn refuse(stream: &Stream, refused: &Refused) {
    let mut frame = encode::close(refused.code.number(), &refused.reason);
    if let Ok(watched) = stream.watch() {
        let told = timeout(LAST_FLUSH, async {
            while frame.has_remaining() {
                frame.advance(watched.write(&frame).await?);
            }
            std::io::Result::Ok(())
        });
        if matches!(told.await, Ok(Ok(()))) {
            let _ = timeout(LINGER, read_out(&watched)).await;
        }
    }
    stream.end();
}

/// Takes a connection that its shard has let go of out of everything, and tells it. It counts until the end.
pub(crate) async fn see_off(shared: Shared, connection: Arc<Connection>, _entered: Entered) {
    if let Some(back_after_ms) = connection.leaving()
        && !connection.is_closing()
    {
        let _ = timeout(LAST_ANSWERS, connection.finished()).await;
        connection.close_with(going_away(back_after_ms));
    }
    // What it asked for comes before its end: else the hub would hold it for good.
    connection.all_asked().await;
    let rooms = connection.let_go();
    let gone = Ask::Gone {
        connection: Arc::clone(&connection),
        rooms,
    };
    shared.asker.ask(gone).await;
    shared.roster.disconnected(connection.user_id());
    part(&connection, &shared.shutdown).await;
    connection.end();
}

/// Sends what waits, with the close frame at its end, and lets the client close.
async fn part(connection: &Connection, shutdown: &Shutdown) {
    let Ok(watched) = connection.stream.watch() else {
        return;
    };
    let flushed = watched.write_out(|| {
        connection.flush();
        !connection.has_waiting()
    });
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
        _ = flushed => {}
        () = patience => return,
    }
    if !connection.is_dead() {
        let _ = timeout(LINGER, read_out(&watched)).await;
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
async fn read_out(stream: &Watched<'_>) {
    let (mut unread, mut decoder) = ([0; 1024], Decoder::with_deflate());
    while let Ok(read @ 1..) = stream.read(&mut unread).await {
        let mut closed = false;
        let mut hear = |message: Incoming<'_>| closed |= matches!(message, Incoming::Close(_));
        // Bytes that follow a broken frame, or the middle of one, make no sense: then the end of the stream tells.
        if decoder
            .feed(&mut unread[..read], LAST_MESSAGES, &mut hear)
            .is_err()
        {
            decoder = Decoder::with_deflate();
        }
        if closed {
            return;
        }
    }
}
