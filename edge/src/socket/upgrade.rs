//! From an HTTP request to a WebSocket (RFC 6455 §4): what is malformed gets an HTTP status; what is refused for another
//! reason gets its close code, because a browser shows a page nothing else.

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::{ConnectInfo, Path, Query, Request, State, rejection::PathRejection},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header},
    response::{IntoResponse, Response},
};
use proto::fields;
use serde::Deserialize;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wire::deflate::{self, Deflate};

use super::{
    Sockets,
    admission::{self, Visitor},
    close::{CloseCode, Refused},
    limits::SocketLimits,
};
use crate::{recovery::seen::Seen, serve::OfConnection};

/// The subprotocol that is answered where it is offered.
const PROTOCOL: &str = "chatflow.v1";

/// What stands before a token among the subprotocols.
const TOKEN: &str = "chatflow.token.";

/// What a client asks for in its URL and headers.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The room of a room socket.
    pub(super) room: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) username: Option<String>,
    /// The last change that the client has of the room.
    pub(super) after: Option<Seen>,
    pub(super) token: Option<String>,
}

#[derive(Deserialize)]
struct Parameters {
    user_id: Option<String>,
    username: Option<String>,
    after_seq: Option<u64>,
    after_id: Option<String>,
}

/// `GET /ws/{room_id}/{user_id}`.
pub(super) async fn room(
    State(sockets): State<Sockets>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Response {
    let asked = path
        .map_err(|_| CloseCode::BadRequest.into())
        .and_then(|Path((room, user))| of_room(&request, room, user));
    upgrade(sockets, asked, request)
}

/// `GET /ws`.
pub(super) async fn multiplexed(State(sockets): State<Sockets>, request: Request) -> Response {
    let asked = asked(&request);
    upgrade(sockets, asked, request)
}

/// What the client of a room socket asks for.
pub(super) fn of_room(request: &Request, room: String, user: String) -> Result<Asked, Refused> {
    fields::id("room_id", &room)?;
    Ok(Asked {
        room: Some(room),
        user_id: Some(user),
        ..asked(request)?
    })
}

/// What the client of a multiplexed socket asks for.
pub(super) fn asked(request: &Request) -> Result<Asked, Refused> {
    let Query(parameters) =
        Query::<Parameters>::try_from_uri(request.uri()).map_err(|_| CloseCode::BadRequest)?;
    let token = protocols(request.headers()).find_map(|protocol| protocol.strip_prefix(TOKEN));
    Ok(Asked {
        room: None,
        user_id: parameters.user_id,
        username: parameters.username,
        after: Seen::by_client(parameters.after_seq, parameters.after_id.as_deref())?,
        token: token.map(str::to_owned),
    })
}

fn upgrade(sockets: Sockets, asked: Result<Asked, Refused>, mut request: Request) -> Response {
    let Answer { headers, deflate } = match answer(&request, &sockets.shared.limits) {
        Ok(answer) => answer,
        Err(malformed) => return malformed.into_response(),
    };
    let ip = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip());
    let visitor = Visitor {
        asked,
        ip,
        place: request
            .extensions()
            .get::<OfConnection>()
            .and_then(OfConnection::keep),
        deflate,
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let shutdown = sockets.shared.shutdown.clone();
    shutdown.spawn(admission::take_over(sockets, visitor, upgrade));

    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().extend(headers);
    response
}

/// How a handshake is answered that nothing is wrong with.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// What is agreed on about compression, if anything.
    pub(super) deflate: Option<Deflate>,
}

/// Checks a handshake, and tells how it is answered.
pub(super) fn answer(request: &Request, limits: &SocketLimits) -> Result<Answer, Malformed> {
    let mut headers = vec![
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, check(request)?),
    ];
    if protocols(request.headers()).any(|protocol| protocol == PROTOCOL) {
        headers.push((header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL)));
    }
    let agreed = compression(request, limits).map(|(deflate, answer)| {
        headers.push((header::SEC_WEBSOCKET_EXTENSIONS, answer));
        deflate
    });
    Ok(Answer {
        headers,
        deflate: agreed,
    })
}

/// What is agreed on with a client that offers compression, and the header that answers it.
fn compression(request: &Request, limits: &SocketLimits) -> Option<(Deflate, HeaderValue)> {
    if !limits.compression {
        return None;
    }
    let offers = request.headers().get_all(header::SEC_WEBSOCKET_EXTENSIONS);
    let offers = offers.iter().filter_map(|value| value.to_str().ok());
    let (deflate, answer) = deflate::negotiate(offers)?;
    Some((deflate, HeaderValue::try_from(answer).ok()?))
}

/// What is wrong with a request for an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    NotAWebSocket,
    Host,
    Version,
    Key,
}

impl IntoResponse for Malformed {
    fn into_response(self) -> Response {
        let (status, code, detail) = match self {
            Self::NotAWebSocket => (
                StatusCode::UPGRADE_REQUIRED,
                "upgrade_required",
                "this address speaks WebSocket",
            ),
            Self::Host => (StatusCode::BAD_REQUEST, "bad_request", "there has to be one Host"),
            Self::Version => (
                StatusCode::UPGRADE_REQUIRED,
                "upgrade_required",
                "the version of WebSocket has to be 13, said once",
            ),
            Self::Key => (
                StatusCode::BAD_REQUEST,
                "bad_request",
                "there has to be one Sec-WebSocket-Key, of 16 bytes in Base64",
            ),
        };
        let problem = serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": detail,
            "code": code,
        });
        let headers = [
            (header::CONTENT_TYPE, "application/problem+json"),
            (header::CONNECTION, "Upgrade"),
            (header::UPGRADE, "websocket"),
            (header::SEC_WEBSOCKET_VERSION, "13"),
        ];
        (status, headers, problem.to_string()).into_response()
    }
}

/// Checks the request and tells the answer to its key.
fn check(request: &Request) -> Result<HeaderValue, Malformed> {
    let headers = request.headers();
    let is_websocket = request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && tokens(headers, header::CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"))
        && tokens(headers, header::UPGRADE).any(|token| token.eq_ignore_ascii_case("websocket"));
    if !is_websocket {
        return Err(Malformed::NotAWebSocket);
    }
    // Where one stands twice, a proxy in front may have gone by the other.
    only(headers, header::HOST).ok_or(Malformed::Host)?;
    let version = only(headers, header::SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version != "13") {
        return Err(Malformed::Version);
    }
    let key = only(headers, header::SEC_WEBSOCKET_KEY)
        .map(HeaderValue::as_bytes)
        .filter(|key| is_sixteen_bytes(key))
        .ok_or(Malformed::Key)?;
    HeaderValue::from_str(&derive_accept_key(key)).map_err(|_| Malformed::Key)
}

/// The value of a header that may stand there only once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Whether it is Base64 of 16 bytes: 22 characters and two of padding.
fn is_sixteen_bytes(key: &[u8]) -> bool {
    let alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.strip_suffix(b"==")
        .is_some_and(|digits| digits.len() == 22 && digits.iter().all(alphabet))
}

fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    tokens(headers, header::SEC_WEBSOCKET_PROTOCOL)
}

fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(changed: &[(&str, &str)]) -> Request {
        let mut headers = vec![
            ("host", "localhost"),
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        for (name, value) in changed {
            headers.retain(|(known, _)| known != name);
            headers.push((name, value));
        }
        let mut builder = http::Request::builder().uri("/ws");
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        builder.body(Body::empty()).unwrap()
    }

    #[test]
    fn the_key_is_answered_as_in_the_rfc() {
        assert_eq!(check(&request(&[])).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_is_malformed_is_told_apart() {
        let cases = [
            (("connection", "close"), Malformed::NotAWebSocket),
            (("upgrade", "h2c"), Malformed::NotAWebSocket),
            (("sec-websocket-version", "8"), Malformed::Version),
            (("sec-websocket-key", "short=="), Malformed::Key),
            (("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZ!=="), Malformed::Key),
        ];
        for (change, malformed) in cases {
            assert_eq!(check(&request(&[change])).unwrap_err(), malformed, "{change:?}");
        }
    }

    #[test]
    fn what_says_who_is_meant_and_how_stands_there_once() {
        for (name, malformed) in [
            (header::HOST, Malformed::Host),
            (header::SEC_WEBSOCKET_VERSION, Malformed::Version),
            (header::SEC_WEBSOCKET_KEY, Malformed::Key),
        ] {
            let mut request = request(&[]);
            let value = request.headers()[&name].clone();
            request.headers_mut().append(&name, value);
            assert_eq!(check(&request).unwrap_err(), malformed, "{name} twice");
            request.headers_mut().remove(&name);
            assert_eq!(check(&request).unwrap_err(), malformed, "no {name}");
        }
    }
}
