//! A WebSocket client for both sockets of the contract.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message,
        client::{ClientRequestBuilder, IntoClientRequest},
        http::Uri,
        protocol::frame::{CloseFrame, coding::CloseCode},
    },
};

use crate::wait;

/// What a socket gives next.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// A text frame that holds JSON.
    Json(Value),
    /// Any other text.
    Text(String),
    /// A binary frame.
    Binary(Bytes),
    /// The server closed with this code and reason (1005: without a code).
    Closed(u16, String),
    /// The connection ended without a closing handshake.
    Lost,
}

/// One connection. WebSocket pings are answered while frames are read.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    protocol: Option<String>,
    ended: Option<Frame>,
}

impl Socket {
    /// Connects. Panics where the handshake is refused.
    pub async fn connect(url: &str) -> Self {
        Self::connect_with(url, &[]).await
    }

    /// Connects and offers subprotocols. Panics where the handshake is refused.
    pub async fn connect_with(url: &str, subprotocols: &[&str]) -> Self {
        Self::try_connect(url, subprotocols)
            .await
            .unwrap_or_else(|status| panic!("{url} answered {status:?}"))
    }

    /// Connects; where the handshake is refused, the HTTP status of the refusal, or `None` where there was no answer.
    pub async fn try_connect(url: &str, subprotocols: &[&str]) -> Result<Self, Option<u16>> {
        let uri: Uri = url.parse().unwrap_or_else(|error| panic!("{url}: {error}"));
        let mut request = ClientRequestBuilder::new(uri);
        for protocol in subprotocols {
            request = request.with_sub_protocol(*protocol);
        }
        let request = request
            .into_client_request()
            .unwrap_or_else(|error| panic!("{url}: {error}"));
        match timeout(wait::SOON, connect_async(request)).await {
            Ok(Ok((stream, answer))) => {
                let protocol = answer.headers().get("sec-websocket-protocol");
                let protocol = protocol.and_then(|value| value.to_str().ok()).map(str::to_owned);
                Ok(Self {
                    stream,
                    protocol,
                    ended: None,
                })
            }
            Ok(Err(Error::Http(answer))) => Err(Some(answer.status().as_u16())),
            Ok(Err(_)) | Err(_) => Err(None),
        }
    }

    /// The subprotocol that the server chose.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// Sends a JSON text frame. Panics where the connection is gone.
    pub async fn send_json(&mut self, frame: &Value) {
        self.send_text(frame.to_string()).await;
    }

    /// Sends any text. Panics where the connection is gone.
    pub async fn send_text(&mut self, text: impl Into<String>) {
        self.send_raw(Message::text(text.into()))
            .await
            .expect("the socket takes a text frame");
    }

    /// Sends a binary frame. Panics where the connection is gone.
    pub async fn send_binary(&mut self, bytes: impl Into<Bytes>) {
        self.send_raw(Message::binary(bytes.into()))
            .await
            .expect("the socket takes a binary frame");
    }

    /// Sends any frame, also ones that the protocol forbids, on a connection that may be gone.
    pub async fn send_raw(&mut self, message: Message) -> Result<(), Error> {
        timeout(wait::SOON, self.stream.send(message))
            .await
            .unwrap_or(Err(Error::AlreadyClosed))
    }

    /// The next frame. Panics where none comes within `deadline`. After the end it gives the end again.
    pub async fn next_frame(&mut self, deadline: Duration) -> Frame {
        self.frame_until(Instant::now() + deadline)
            .await
            .unwrap_or_else(|| panic!("no frame within {deadline:?}"))
    }

    /// The next frame of this `type`, all others left out. Panics with what came instead where it does not come within
    /// `deadline` or the connection ends.
    pub async fn wait_for(&mut self, kind: &str, deadline: Duration) -> Value {
        self.wait_where(&format!("a {kind:?} frame"), deadline, |frame| {
            frame["type"] == kind
        })
        .await
    }

    /// The next frame for which `wanted` holds, all others left out. Panics as [`Self::wait_for`].
    pub async fn wait_where(
        &mut self,
        what: &str,
        deadline: Duration,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Value {
        let end = Instant::now() + deadline;
        let mut others = Vec::new();
        loop {
            match self.frame_until(end).await {
                Some(Frame::Json(frame)) if wanted(&frame) => return frame,
                Some(Frame::Closed(code, reason)) => {
                    panic!("closed with {code} {reason:?} before {what}; came: {others:#?}")
                }
                Some(Frame::Lost) => panic!("lost before {what}; came: {others:#?}"),
                Some(other) => others.push(other),
                None => panic!("not within {deadline:?}: {what}; came: {others:#?}"),
            }
        }
    }

    /// The next `count` frames of this `type`, in order. Panics as [`Self::wait_for`].
    pub async fn collect(&mut self, kind: &str, count: usize, deadline: Duration) -> Vec<Value> {
        let end = Instant::now() + deadline;
        let mut frames = Vec::with_capacity(count);
        while frames.len() < count {
            let left = end.saturating_duration_since(Instant::now());
            frames.push(self.wait_for(kind, left).await);
        }
        frames
    }

    /// All frames that come within `time`, for asserting what must not come.
    pub async fn collect_for(&mut self, time: Duration) -> Vec<Frame> {
        let end = Instant::now() + time;
        let mut frames = Vec::new();
        while let Some(frame) = self.frame_until(end).await {
            let is_end = matches!(frame, Frame::Closed(..) | Frame::Lost);
            frames.push(frame);
            if is_end {
                break;
            }
        }
        frames
    }

    /// The code with which the server closes; `None` where the connection just ends. Frames before are left out. Panics
    /// where it is still open after `deadline`.
    pub async fn close_code(&mut self, deadline: Duration) -> Option<u16> {
        let end = Instant::now() + deadline;
        loop {
            match self.frame_until(end).await {
                Some(Frame::Closed(code, _)) => return Some(code),
                Some(Frame::Lost) => return None,
                Some(_) => {}
                None => panic!("still open after {deadline:?}"),
            }
        }
    }

    /// Closes with 1000 and waits for the server's answer.
    pub async fn close(mut self) {
        let frame = CloseFrame {
            code: CloseCode::Normal,
            reason: "".into(),
        };
        let _ = timeout(wait::SOON, self.stream.close(Some(frame))).await;
        self.close_code(wait::SOON).await;
    }

    /// Ends the connection without a closing handshake, as a lost network does to the server's eyes.
    pub fn abandon(self) {
        drop(self.stream);
    }

    async fn frame_until(&mut self, end: Instant) -> Option<Frame> {
        if let Some(ended) = &self.ended {
            return Some(ended.clone());
        }
        loop {
            let frame = match timeout_at(end, self.stream.next()).await.ok()? {
                Some(Ok(Message::Text(text))) => serde_json::from_str(&text)
                    .map_or_else(|_| Frame::Text(text.as_str().to_owned()), Frame::Json),
                Some(Ok(Message::Binary(bytes))) => Frame::Binary(bytes),
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) = frame.map_or((1005, String::new()), |frame| {
                        (frame.code.into(), frame.reason.as_str().to_owned())
                    });
                    self.ended(Frame::Closed(code, reason))
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(_)) | None => self.ended(Frame::Lost),
            };
            return Some(frame);
        }
    }

    fn ended(&mut self, end: Frame) -> Frame {
        self.ended = Some(end.clone());
        end
    }
}
