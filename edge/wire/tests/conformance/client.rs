//! A client that can say anything, also what no client should.

use std::{
    fmt::{self, Write as _},
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::OnceLock,
    thread,
    time::Duration,
};

use flate2::{Decompress, FlushDecompress};
use wire::Limits;

use crate::server;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// As first byte: the last frame of its message.
pub(crate) const FIN: u8 = 0x80;

/// As first byte: the message is compressed.
pub(crate) const RSV1: u8 = 0x40;

pub(crate) const NORMAL: u16 = 1000;
pub(crate) const PROTOCOL: u16 = 1002;
pub(crate) const NOT_UTF8: u16 = 1007;

/// How long anything may take. Nothing is measured by it.
const DEADLINE: Duration = Duration::from_mins(1);

/// What the server said.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
    /// The end of the stream.
    End,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, payload) = match self {
            Self::Text(payload) => ("text", payload),
            Self::Binary(payload) => ("binary", payload),
            Self::Pong(payload) => ("pong", payload),
            Self::Close(code) => return write!(f, "close {code:?}"),
            Self::End => return write!(f, "end"),
        };
        let shown = String::from_utf8_lossy(&payload[..payload.len().min(40)]);
        write!(f, "{kind} of {} bytes: {shown:?}", payload.len())
    }
}

pub(crate) struct Client {
    stream: TcpStream,
    /// The extension that the server agreed on.
    pub(crate) extension: Option<String>,
    /// Messages that came compressed.
    pub(crate) compressed: usize,
}

/// The one server of this process.
fn address() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits {
            message_bytes: 16 * 1024 * 1024,
        };
        thread::spawn(move || server::serve(&listener, limits));
        address
    })
}

/// A frame that begins with this byte, masked. Its length takes the shortest form.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x9A, 0x01, 0xFE, 0x5C];
    let mut bytes = Vec::with_capacity(14 + payload.len());
    bytes.push(first);
    match u16::try_from(payload.len()) {
        Ok(short @ 0..=125) => bytes.push(0x80 | u8::try_from(short).unwrap()),
        Ok(medium) => {
            bytes.push(0xFE);
            bytes.extend(medium.to_be_bytes());
        }
        Err(_) => {
            bytes.push(0xFF);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    bytes
}

/// A text message in fragments.
pub(crate) fn fragments<'a>(payloads: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut frames: Vec<Vec<u8>> = Vec::new();
    for payload in payloads {
        let opcode = if frames.is_empty() { TEXT } else { 0 };
        frames.push(frame(opcode, payload));
    }
    if let Some(last) = frames.last_mut() {
        last[0] |= FIN;
    }
    frames
}

pub(crate) fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

impl Client {
    pub(crate) fn connect() -> Self {
        Self::offering(None)
    }

    /// Connects with this `Sec-WebSocket-Extensions`.
    pub(crate) fn offering(extensions: Option<&str>) -> Self {
        let stream = TcpStream::connect(address()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        let mut client = Self {
            stream,
            extension: None,
            compressed: 0,
        };
        let mut request =
            "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                           Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                .to_owned();
        if let Some(extensions) = extensions {
            write!(request, "Sec-WebSocket-Extensions: {extensions}\r\n").unwrap();
        }
        client.send(format!("{request}\r\n").as_bytes());
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.stream.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        assert!(
            answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
            "{answer}"
        );
        client.extension = answer
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "))
            .map(str::to_owned);
        client
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends in pieces of so many bytes.
    pub(crate) fn send_chopped(&mut self, bytes: &[u8], size: usize) {
        for piece in bytes.chunks(size) {
            // A server that has closed may reset: what it said before is still there.
            if self.stream.write_all(piece).is_err() {
                break;
            }
        }
    }

    /// What the server says next.
    pub(crate) fn event(&mut self) -> Event {
        self.read().unwrap_or_else(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Event::End,
            _ => panic!("the server says nothing: {error}"),
        })
    }

    fn read(&mut self) -> io::Result<Event> {
        let mut start = [0; 2];
        self.stream.read_exact(&mut start)?;
        let [first, short] = start;
        assert_eq!(first & 0xB0, FIN, "fragmented, or a reserved bit");
        assert!(short < 128, "masked");
        let len = match short {
            126 => {
                let mut len = [0; 2];
                self.stream.read_exact(&mut len)?;
                u64::from(u16::from_be_bytes(len))
            }
            127 => {
                let mut len = [0; 8];
                self.stream.read_exact(&mut len)?;
                u64::from_be_bytes(len)
            }
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(len).unwrap()];
        self.stream.read_exact(&mut payload)?;
        if first & RSV1 != 0 {
            assert!(self.extension.is_some(), "compressed without agreement");
            self.compressed += 1;
            payload = inflate(&payload);
        }
        Ok(match first & 0x0F {
            TEXT => Event::Text(payload),
            BINARY => Event::Binary(payload),
            PONG => Event::Pong(payload),
            CLOSE => Event::Close(payload.first_chunk().map(|&code| u16::from_be_bytes(code))),
            other => panic!("no such opcode: {other}"),
        })
    }

    pub(crate) fn hears(&mut self, text: &[u8]) {
        assert_eq!(self.event(), Event::Text(text.to_vec()));
    }

    pub(crate) fn hears_pong(&mut self, payload: &[u8]) {
        assert_eq!(self.event(), Event::Pong(payload.to_vec()));
    }

    /// The server closes, with this code, and says nothing before.
    pub(crate) fn closed_with(mut self, code: Option<u16>) {
        assert_eq!(self.event(), Event::Close(code));
        assert_eq!(self.event(), Event::End);
    }

    /// Nothing else was to come: the client closes, and so does the server.
    pub(crate) fn leaves(mut self) {
        self.send(&close(NORMAL, b""));
        self.closed_with(Some(NORMAL));
    }
}

fn inflate(packed: &[u8]) -> Vec<u8> {
    let mut inflater = Decompress::new(false);
    let mut plain = Vec::new();
    let packed = [packed, &[0, 0, 0xFF, 0xFF]].concat();
    while inflater.total_in() < packed.len() as u64 || plain.len() == plain.capacity() {
        plain.reserve(64 * 1024);
        let from = usize::try_from(inflater.total_in()).unwrap();
        inflater
            .decompress_vec(&packed[from..], &mut plain, FlushDecompress::Sync)
            .unwrap();
    }
    plain
}
