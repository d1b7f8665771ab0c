//! The server itself: a thread for each connection, the handshake, and the echo.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wire::{
    Decoder, Incoming, Limits,
    deflate::{self, Deflate},
    encode,
};

/// Longest request for an upgrade, in bytes.
const REQUEST_MAX: usize = 16 * 1024;

/// How much is read at a time, in bytes.
const READ: usize = 64 * 1024;

/// How long a client that was told to go has to go.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves until the process ends.
pub(crate) fn serve(listener: &TcpListener, limits: Limits) {
    for stream in listener.incoming().flatten() {
        // An error of one connection is its client's to see.
        thread::spawn(move || converse(stream, limits).ok());
    }
}

fn converse(mut stream: TcpStream, limits: Limits) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (deflate, mut early) = handshake(&mut stream)?;
    let mut decoder = deflate.map_or_else(Decoder::new, |_| Decoder::with_deflate());
    let mut going = echo(&mut decoder, &mut early, deflate, limits, &mut stream)?;
    let mut buffer = vec![0; READ];
    while going {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        going = echo(&mut decoder, &mut buffer[..read], deflate, limits, &mut stream)?;
    }
    // With bytes unread, to close would be to reset, and the close frame could be lost.
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(FAREWELL))?;
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Says back what the bytes say, and tells whether the conversation goes on.
fn echo(
    decoder: &mut Decoder,
    bytes: &mut [u8],
    deflate: Option<Deflate>,
    limits: Limits,
    stream: &mut TcpStream,
) -> io::Result<bool> {
    let mut going = true;
    let mut answers: Vec<Bytes> = Vec::new();
    let compresses = |payload: &[u8]| deflate.is_some_and(|deflate| deflate.takes(payload.len()));
    let fed = decoder.feed(bytes, limits, &mut |incoming| match incoming {
        Incoming::Text(text) => {
            let payload = text.as_bytes();
            let packed = if compresses(payload) {
                deflate::compress_text(payload)
            } else {
                None
            };
            answers.push(packed.unwrap_or_else(|| encode::text(payload)));
        }
        Incoming::Binary(payload) => {
            let packed = if compresses(payload) {
                deflate::compress_binary(payload)
            } else {
                None
            };
            answers.push(packed.unwrap_or_else(|| encode::binary(payload)));
        }
        Incoming::Ping(payload) => answers.push(encode::pong(payload)),
        Incoming::Pong => {}
        Incoming::Close(code) => {
            going = false;
            answers.push(code.map_or_else(encode::bare_close, |code| encode::close(code, "")));
        }
    });
    if let Err(close) = fed {
        going = false;
        answers.push(encode::close(close.code(), &close.to_string()));
    }
    for answer in answers {
        stream.write_all(&answer)?;
    }
    Ok(going)
}

/// Accepts the request for an upgrade (RFC 6455 §4.2), and tells what was agreed on and the bytes that came behind it.
fn handshake(stream: &mut TcpStream) -> io::Result<(Option<Deflate>, Vec<u8>)> {
    let mut request = Vec::new();
    let end = loop {
        if let Some(at) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer)?;
        if read == 0 || request.len() > REQUEST_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        request.extend_from_slice(&buffer[..read]);
    };
    let early = request.split_off(end + 4);
    let head = String::from_utf8_lossy(&request[..end]);
    let values = |wanted: &'static str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim())
    };
    let Some(key) = values("sec-websocket-key").next() else {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n",
        derive_accept_key(key.as_bytes())
    );
    let agreed = deflate::negotiate(values("sec-websocket-extensions"));
    if let Some((_, extension)) = &agreed {
        answer.push_str("Sec-WebSocket-Extensions: ");
        answer.push_str(extension);
        answer.push_str("\r\n");
    }
    answer.push_str("\r\n");
    stream.write_all(answer.as_bytes())?;
    Ok((agreed.map(|(deflate, _)| deflate), early))
}
