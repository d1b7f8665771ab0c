//! HTTP by hand on a plain TCP connection, for what no proper client would send.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// A plain connection.
pub struct Raw(TcpStream);

impl Raw {
    /// Connects to `host:port`.
    pub async fn connect(authority: &str) -> Self {
        Self(
            TcpStream::connect(authority)
                .await
                .expect("the server takes connections"),
        )
    }

    /// Opens a WebSocket without any client that would answer pings. Panics where the handshake is not answered 101.
    pub async fn websocket(authority: &str, path: &str) -> Self {
        let mut raw = Self::connect(authority).await;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        raw.write(request.as_bytes()).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = timeout(Duration::from_secs(10), raw.0.read_u8()).await;
            head.push(byte.expect("an answer in time").expect("an answer"));
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        raw
    }

    /// Waits until the server answers on this WebSocket: it has taken the socket into its room.
    pub async fn settle(&mut self) {
        self.write_frame(0x81, br#"{"type":"ping"}"#).await;
        let answered = timeout(Duration::from_secs(10), async {
            while let Some((_, payload)) = self.frame().await {
                if payload == br#"{"type":"pong"}"# {
                    return;
                }
            }
            panic!("the socket ended");
        });
        answered.await.expect("a pong in time");
    }

    /// Sends bytes; a connection that is gone takes none.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// Sends one masked client frame with this first byte (FIN and opcode) and a payload below 126 bytes.
    pub async fn write_frame(&mut self, first: u8, payload: &[u8]) {
        let length = u8::try_from(payload.len()).expect("a short payload");
        // A mask of zeros leaves the payload as it is.
        let mut frame = vec![first, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(payload);
        self.write(&frame).await;
    }

    /// Ends our direction, as a client that is cut off half-way.
    pub async fn finish(&mut self) {
        let _ = self.0.shutdown().await;
    }

    /// All that comes until the server ends the connection; `None` where it is still open after `deadline`.
    pub async fn read_to_end(&mut self, deadline: Duration) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        match timeout(deadline, self.0.read_to_end(&mut bytes)).await {
            Ok(_) => Some(bytes),
            Err(_) => None,
        }
    }

    /// The code of the first close frame that comes; `None` where the connection ends or `deadline` passes without one.
    pub async fn close_code(&mut self, deadline: Duration) -> Option<u16> {
        timeout(deadline, async {
            loop {
                let (opcode, payload) = self.frame().await?;
                if opcode == 8 {
                    return Some(u16::from_be_bytes([*payload.first()?, *payload.get(1)?]));
                }
            }
        })
        .await
        .ok()
        .flatten()
    }

    /// The next server frame: its opcode and payload.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.0.read_u8().await.ok()?;
        let length = match self.0.read_u8().await.ok()? & 0x7f {
            126 => u64::from(self.0.read_u16().await.ok()?),
            127 => self.0.read_u64().await.ok()?,
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).ok()?];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((first & 0x0f, payload))
    }
}
