//! One WebSocket connection of a person: opened with a deadline, and never waited for without one.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

/// How long a connection may take to open.
const OPEN_WITHIN: Duration = Duration::from_secs(3);

/// How long a frame may take to be written.
const WRITE_WITHIN: Duration = Duration::from_secs(2);

/// What a client may be told to wait before it reconnects, at most.
const HINT_MAX: Duration = Duration::from_secs(30);

/// An open connection.
pub(crate) struct Line(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What a connection gives next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A text frame.
    Text(String),
    /// A ping or a pong: somebody is there.
    Sign,
    /// Anything else: the contract knows no binary frames.
    Odd,
    /// The connection is over: the close code, if there was one, and how long to wait before the next.
    Over(Option<u16>, Option<Duration>),
}

impl Line {
    /// Opens a connection; `None` where that is refused or takes too long.
    pub(crate) async fn open(url: &str) -> Option<Self> {
        let config = WebSocketConfig::default()
            .read_buffer_size(8 * 1024)
            .write_buffer_size(0);
        let opening = connect_async_with_config(url, Some(config), true);
        let (stream, _) = timeout(OPEN_WITHIN, opening).await.ok()?.ok()?;
        Some(Self(stream))
    }

    /// What comes next. Nothing is lost where this is dropped while it waits.
    pub(crate) async fn hear(&mut self) -> Heard {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Heard::Text(text.as_str().to_owned()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Heard::Sign,
            Some(Ok(Message::Close(frame))) => frame.map_or(Heard::Over(None, None), |frame| {
                Heard::Over(Some(frame.code.into()), hint(&frame.reason))
            }),
            Some(Ok(Message::Binary(_) | Message::Frame(_))) => Heard::Odd,
            Some(Err(_)) | None => Heard::Over(None, None),
        }
    }

    /// Writes a text frame; tells whether the connection took it.
    pub(crate) async fn say(&mut self, text: String) -> bool {
        matches!(
            timeout(WRITE_WITHIN, self.0.send(Message::text(text))).await,
            Ok(Ok(()))
        )
    }

    /// Closes in good order, as far as the other side takes part in it soon.
    pub(crate) async fn close(mut self) {
        let _ = timeout(Duration::from_millis(500), self.0.close(None)).await;
    }
}

/// How long the server asks to wait: `reconnect_after_ms=850` in the reason of a close frame.
fn hint(reason: &str) -> Option<Duration> {
    let (_, rest) = reason.split_once("reconnect_after_ms=")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let wait = Duration::from_millis(digits.parse().ok()?);
    Some(wait.min(HINT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_found_and_bounded() {
        let told = "the server restarts; reconnect_after_ms=850";
        assert_eq!(hint(told), Some(Duration::from_millis(850)));
        assert_eq!(hint("reconnect_after_ms=99999999 "), Some(HINT_MAX));
        assert_eq!(hint("the server restarts"), None);
        assert_eq!(hint("reconnect_after_ms=soon"), None);
    }
}
