//! The short way to a socket: a handshake that nothing is wrong with is read, checked and answered right behind `accept`.
//! Everything else takes the long way, through HTTP server and router, which also say what is wrong with a handshake.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
    http::{StatusCode, header},
};
use bytes::Bytes;
use runtime::{request_id, trace::Span};
use tokio::net::TcpStream;

use super::{
    Sockets,
    admission::{self, Visitor},
    stream::Stream,
    upgrade::{self, Answer},
};
use crate::{
    layers::{address::ClientAddress, origin::AllowedOrigins, rate::Rate, request::Asked},
    preread::Preread,
    serve::{HEAD_BYTES, HEADERS, Place},
};

/// How every handshake begins that takes the short way.
const BEGIN: &[u8] = b"GET /ws";

/// Read at first, in bytes: most handshakes are shorter.
const FIRST: usize = 1024;

/// What a request has to pass before it is answered.
#[derive(Debug, Clone)]
pub struct Guards {
    /// Websites that may connect.
    pub origins: AllowedOrigins,
    /// Requests per address.
    pub rate: Rate,
    /// Proxies of ours in front.
    pub proxy_hops: usize,
}

/// Answers handshakes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handshakes {
    sockets: Sockets,
    guards: Arc<Guards>,
}

/// The target of a handshake, as far as its path tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target<'a> {
    Room { room: &'a str, user: &'a str },
    Multiplexed,
}

impl Target<'_> {
    /// The template of its path, as the router has it.
    fn route(self) -> &'static str {
        match self {
            Self::Room { .. } => "/ws/{room_id}/{user_id}",
            Self::Multiplexed => "/ws",
        }
    }
}

/// A handshake with all that its answer needs.
struct Accepted {
    response: Vec<u8>,
    visitor: Visitor,
    asked: Asked,
    span: Span,
}

/// What a connection turned out to be.
pub(crate) enum Greeted {
    /// A socket, whose handshake was answered.
    Socket(Box<Arrived>),
    /// Anything else, as if nothing had been read of it.
    Other(Preread),
}

/// A socket that may be let in.
pub(crate) struct Arrived {
    stream: Stream,
    /// Read behind the handshake.
    early: Bytes,
    visitor: Visitor,
}

impl Handshakes {
    /// For `sockets`, behind `guards`.
    pub fn new(sockets: Sockets, guards: Guards) -> Self {
        let guards = Arc::new(guards);
        Self { sockets, guards }
    }

    /// Answers a connection whose handshake nothing is wrong with.
    ///
    /// # Errors
    /// Where the connection breaks.
    pub(crate) async fn greet(&self, stream: TcpStream, peer: SocketAddr) -> io::Result<Greeted> {
        let mut head = Vec::with_capacity(FIRST);
        let accepted = loop {
            stream.readable().await?;
            let before = head.len();
            match stream.try_read_buf(&mut head) {
                Ok(0) => break None,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            }
            let common = head.len().min(BEGIN.len());
            if head[..common] != BEGIN[..common] || head.len() > HEAD_BYTES {
                break None;
            }
            // Not parsed again for each byte of one that drips.
            if !ends(&head[before.saturating_sub(3)..]) {
                continue;
            }
            match parse(&head) {
                Ok(None) => {}
                Ok(Some((request, end))) => break self.accept(request, peer).map(|it| (it, end)),
                Err(Other) => break None,
            }
        };
        let Some((accepted, end)) = accepted else {
            return Ok(Greeted::Other(Preread::new(stream, head.into())));
        };
        let Accepted {
            response,
            visitor,
            asked,
            span,
        } = accepted;
        // A new socket has room for that.
        if stream.try_write(&response)? < response.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        asked.record(StatusCode::SWITCHING_PROTOCOLS, 0, &span);
        let early = Bytes::from(head).slice(end..);
        Ok(Greeted::Socket(Box::new(Arrived {
            stream: Stream::from_tcp(stream)?,
            early,
            visitor,
        })))
    }

    /// Lets a socket in, or tells it why not.
    pub(crate) async fn admit(&self, arrived: Box<Arrived>, place: Place) {
        let Arrived {
            stream,
            early,
            mut visitor,
        } = *arrived;
        visitor.place = Some(place);
        admission::admit(self.sockets.clone(), visitor, stream, early).await;
    }

    fn accept(&self, mut request: Request, peer: SocketAddr) -> Option<Accepted> {
        request.extensions_mut().insert(ConnectInfo(peer));
        let target = target(request.uri().path())?;
        // From here on it takes time, as on the long way.
        let record = Asked::by(&request, Some(target.route().into()));
        let asked = match target {
            Target::Multiplexed => upgrade::asked(&request),
            Target::Room { room, user } => upgrade::of_room(&request, room.to_owned(), user.to_owned()),
        };
        let Answer { headers, deflate } = upgrade::answer(&request, &self.sockets.shared.limits).ok()?;
        let has_body = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING]
            .iter()
            .any(|name| request.headers().contains_key(name));
        let address = ClientAddress::of(&request, self.guards.proxy_hops);
        let passes = !has_body
            && self.guards.origins.admit(request.headers())
            && self.guards.rate.wait(address).is_none();
        if !passes {
            return None;
        }
        // Not before it is sure that there is no other: the long way begins one of its own.
        let span = record.span();
        let mut response = Vec::with_capacity(256);
        response.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
        let own = (request_id::HEADER, record.id.as_bytes());
        let headers = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()));
        for (name, value) in headers.chain([own]) {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                response.extend_from_slice(part);
            }
        }
        response.extend_from_slice(b"\r\n");
        Some(Accepted {
            response,
            visitor: Visitor {
                asked,
                ip: Some(peer.ip()),
                place: None,
                deflate,
            },
            asked: record,
            span,
        })
    }
}

/// Whether there may be the end of a head in what was read last.
fn ends(read: &[u8]) -> bool {
    read.windows(2).any(|two| two == b"\n\n") || read.windows(3).any(|three| three == b"\n\r\n")
}

/// Nothing for the short way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Other;

/// A request, and where what is behind its head begins, once all of the head is there.
fn parse(head: &[u8]) -> Result<Option<(Request, usize)>, Other> {
    let mut lines = [const { std::mem::MaybeUninit::uninit() }; HEADERS];
    let mut parsed = httparse::Request::new(&mut []);
    let end = match parsed.parse_with_uninit_headers(head, &mut lines) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Other),
    };
    if parsed.version != Some(1) {
        return Err(Other);
    }
    let mut request = Request::get(parsed.path.unwrap_or_default());
    for line in parsed.headers.iter() {
        request = request.header(line.name, line.value);
    }
    let request = request.body(Body::empty()).map_err(|_| Other)?;
    Ok(Some((request, end)))
}

/// Where a path leads; nowhere where it has to be looked at more closely.
fn target(path: &str) -> Option<Target<'_>> {
    if path == "/ws" {
        return Some(Target::Multiplexed);
    }
    let (room, user) = path.strip_prefix("/ws/")?.split_once('/')?;
    let plain = |part: &str| !part.is_empty() && !part.contains(['/', '%']);
    (plain(room) && plain(user)).then_some(Target::Room { room, user })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_take_the_short_way() {
        let room = Target::Room {
            room: "general",
            user: "alice",
        };
        assert_eq!(target("/ws/general/alice"), Some(room));
        assert_eq!(target("/ws"), Some(Target::Multiplexed));
        for other in [
            "/ws/",
            "/ws/general",
            "/ws/general/",
            "/ws//alice",
            "/ws/general/alice/",
            "/ws/general/al%69ce",
            "/wsx",
            "/",
        ] {
            assert_eq!(target(other), None, "{other}");
        }
    }

    #[test]
    fn a_head_is_taken_whole() {
        let whole = b"GET /ws?user_id=a HTTP/1.1\r\nHost: here\r\nX-Odd: \xff\r\n\r\nbehind";
        let head = whole.len() - b"behind".len();
        for end in 0..head {
            assert!(parse(&whole[..end]).unwrap().is_none(), "{end}");
        }
        let (request, end) = parse(whole).unwrap().unwrap();
        assert_eq!(end, head);
        assert_eq!(request.uri().query(), Some("user_id=a"));
        assert_eq!(request.headers()["x-odd"].as_bytes(), b"\xff");
        for other in [
            &b"GET /ws HTTP/1.0\r\n\r\n"[..],
            b"GET /ws HTTP/1.1\r\nno header\r\n\r\n",
            b"GET /ws\x00 HTTP/1.1\r\n\r\n",
        ] {
            assert!(parse(other).is_err(), "{other:?}");
        }
    }
}
