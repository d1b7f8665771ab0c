//! A subscription to `room:*`, read in large pieces, and as much of Redis' protocol as its messages need.

use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
};

use crate::fault::{Doing, Result};

/// Connects and subscribes. The answers come among the messages.
pub(super) fn subscribe(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).doing("connecting to Redis")?;
    stream.set_nodelay(true).doing("connecting to Redis")?;
    stream
        .write_all(b"*2\r\n$10\r\nPSUBSCRIBE\r\n$6\r\nroom:*\r\n")
        .doing("subscribing")?;
    stream.set_nonblocking(true).doing("connecting to Redis")?;
    Ok(stream)
}

/// A message: its room and its payload.
pub(super) type Message<'a> = (&'a [u8], &'a [u8]);

/// The next push at the beginning of `bytes`: the message, if it is one, and how long it is. `None` until it is whole.
pub(super) fn next(bytes: &[u8]) -> Option<(Option<Message<'_>>, usize)> {
    let mut reader = Reader { bytes, at: 0 };
    let items = reader.number(b'*')?;
    let mut last = [&[][..]; 2];
    for _ in 0..items {
        let item = if *reader.bytes.get(reader.at)? == b'$' {
            reader.bulk()?
        } else {
            reader.number(b':')?;
            &[]
        };
        last = [last[1], item];
    }
    let message = last[0]
        .strip_prefix(b"room:")
        .filter(|_| items == 4)
        .map(|room| (room, last[1]));
    Some((message, reader.at))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn number(&mut self, kind: u8) -> Option<usize> {
        let rest = self.bytes.get(self.at..)?;
        if *rest.first()? != kind {
            return None;
        }
        let end = memchr::memchr(b'\r', rest)?;
        let digits = rest.get(1..end)?;
        rest.get(end + 1)?;
        self.at += end + 2;
        Some(
            digits
                .iter()
                .fold(0, |sum, digit| sum * 10 + usize::from(digit.wrapping_sub(b'0'))),
        )
    }

    fn bulk(&mut self) -> Option<&'a [u8]> {
        let length = self.number(b'$')?;
        let bulk = self.bytes.get(self.at..self.at + length)?;
        self.at += length + 2;
        (self.at <= self.bytes.len()).then_some(bulk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_once_they_are_whole() {
        let subscribed = b"*3\r\n$10\r\npsubscribe\r\n$6\r\nroom:*\r\n:1\r\n";
        let message = b"*4\r\n$8\r\npmessage\r\n$6\r\nroom:*\r\n$7\r\nroom:r1\r\n$2\r\nhi\r\n";
        let both = [&subscribed[..], &message[..]].concat();
        let (first, at) = next(&both).unwrap();
        assert_eq!((first, at), (None, subscribed.len()));
        assert_eq!(
            next(&both[at..]),
            Some((Some((&b"r1"[..], &b"hi"[..])), message.len()))
        );
        for end in 0..message.len() {
            assert_eq!(next(&message[..end]), None, "{end}");
        }
    }
}
