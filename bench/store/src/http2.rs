//! A gRPC connection that makes one call over and over, for next to nothing: its frames are written by hand, and its
//! headers are encoded once.

use std::{
    collections::HashMap,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The window of a connection before anybody enlarges it, in bytes (RFC 9113).
const FIRST_WINDOW: i64 = 65_535;

/// So much may we be sent in all: more than any measurement needs.
const RECEIVE_WINDOW: u32 = 0x7fff_ffff - 65_535;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A connection to one method.
pub(crate) struct Connection {
    stream: TcpStream,
    /// What is to be written.
    out: Vec<u8>,
    /// What was read, of which the last frame may be incomplete.
    input: Vec<u8>,
    next_id: u32,
    /// How many bytes of bodies the server takes.
    window: i64,
    path: String,
    /// Whether the headers that repeat are in the server's table.
    told: bool,
    /// Calls that have not ended, by their stream.
    waiting: HashMap<u32, Call>,
}

struct Call {
    name: usize,
    /// What has come of it, of which no message is complete.
    body: Vec<u8>,
}

/// What has come of a call.
pub(crate) enum Event {
    /// A message.
    Answer { call: usize, message: Vec<u8> },
    /// No more. Whether it was refused is told by what is missing.
    End { call: usize },
}

impl Connection {
    /// To `/service/method`.
    pub(crate) fn open(address: SocketAddr, path: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream,
            out: PREFACE.to_vec(),
            input: Vec::new(),
            next_id: 1,
            window: FIRST_WINDOW,
            path: path.to_owned(),
            told: false,
            waiting: HashMap::new(),
        };
        connection.frame(SETTINGS, 0, 0, &[]);
        connection.frame(WINDOW_UPDATE, 0, 0, &RECEIVE_WINDOW.to_be_bytes());
        Ok(connection)
    }

    /// Whether the server takes a message of so many bytes now.
    pub(crate) fn has_room(&self, message: usize) -> bool {
        i64::try_from(message + 5).is_ok_and(|bytes| bytes <= self.window)
    }

    /// Begins a call by a name; it is sent with the next [`Connection::flush`]. `id` is its `x-request-id`.
    pub(crate) fn call(&mut self, name: usize, id: &str, message: &[u8]) {
        let stream = self.next_id;
        self.next_id += 2;
        let headers = self.headers(id);
        self.frame(HEADERS, END_HEADERS, stream, &headers);
        let mut body = vec![0];
        body.extend(u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
        body.extend(message);
        self.window -= i64::try_from(body.len()).unwrap_or(i64::MAX);
        self.frame(DATA, END_STREAM, stream, &body);
        let body = Vec::new();
        self.waiting.insert(stream, Call { name, body });
    }

    /// Writes what was begun.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// How many calls have not ended.
    pub(crate) fn in_flight(&self) -> usize {
        self.waiting.len()
    }

    /// Waits for something to come, and tells what that is of which call.
    pub(crate) fn read(&mut self, events: &mut Vec<Event>) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        let count = self.stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut input = std::mem::take(&mut self.input);
        input.extend(buffer.get(..count).unwrap_or_default());
        let mut at = 0;
        while let Some((head, rest)) = input.get(at..).and_then(<[u8]>::split_first_chunk::<9>) {
            let [a, b, c, kind, flags, stream @ ..] = *head;
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            let Some(payload) = rest.get(..length) else { break };
            self.take(kind, flags, u32::from_be_bytes(stream), payload, events)?;
            at += 9 + length;
        }
        input.drain(..at);
        self.input = input;
        Ok(())
    }

    fn take(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        match kind {
            SETTINGS if flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, &[]),
            PING if flags & ACK == 0 => self.frame(PING, ACK, 0, payload),
            WINDOW_UPDATE if stream == 0 => {
                let more = payload.try_into().map(u32::from_be_bytes).unwrap_or_default();
                self.window += i64::from(more);
            }
            GOAWAY => return Err(io::Error::other("the server closes the connection")),
            DATA => {
                if let Some(call) = self.waiting.get_mut(&stream) {
                    call.body.extend(payload);
                    call.take_messages(events);
                }
            }
            _ => {}
        }
        let ends = match kind {
            DATA | HEADERS => flags & END_STREAM != 0,
            RST_STREAM => true,
            _ => false,
        };
        if ends && let Some(call) = self.waiting.remove(&stream) {
            events.push(Event::End { call: call.name });
        }
        Ok(())
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
        self.out.extend(length.get(1..).unwrap_or_default());
        self.out.extend([kind, flags]);
        self.out.extend(stream.to_be_bytes());
        self.out.extend(payload);
    }

    /// The headers as HPACK (RFC 7541): those that repeat are given to the server's table by the first call, and named
    /// by their places afterwards, as every client does it.
    fn headers(&mut self, id: &str) -> Vec<u8> {
        let mut block = vec![0x83, 0x86];
        if std::mem::replace(&mut self.told, true) {
            block.extend([65, 64, 63, 62].map(|place| 0x80 | place));
        } else {
            // With their names from the static table: :path, :authority, content-type; and one that has none.
            block.push(0x40 | 4);
            string(&mut block, &self.path);
            block.push(0x40 | 1);
            string(&mut block, "localhost");
            block.push(0x40 | 31);
            string(&mut block, "application/grpc");
            block.push(0x40);
            string(&mut block, "te");
            string(&mut block, "trailers");
        }
        for (name, value) in [("grpc-timeout", "9998m"), ("x-request-id", id)] {
            block.push(0);
            string(&mut block, name);
            string(&mut block, value);
        }
        block
    }
}

impl Call {
    /// Each is led by a byte (0: it is not compressed) and its length.
    fn take_messages(&mut self, events: &mut Vec<Event>) {
        while let Some(([0, length @ ..], rest)) = self.body.split_first_chunk::<5>() {
            let length = u32::from_be_bytes(*length) as usize;
            let Some(message) = rest.get(..length) else { return };
            events.push(Event::Answer {
                call: self.name,
                message: message.to_vec(),
            });
            self.body.drain(..5 + length);
        }
    }
}

/// A short string, as it is.
fn string(block: &mut Vec<u8>, text: &str) {
    debug_assert!(text.len() < 127, "longer ones have a longer length");
    block.push(u8::try_from(text.len()).unwrap_or(0));
    block.extend(text.as_bytes());
}
