//! Why a socket is closed: the contract's close codes and their words.

use std::borrow::Cow;

use proto::fields::Invalid;

/// A WebSocket close code that the edge sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CloseCode {
    /// The server restarts: reconnect at once.
    GoingAway,
    /// The client broke RFC 6455.
    Protocol,
    /// A text frame was not UTF-8.
    NotUtf8,
    /// A frame over the limit.
    TooBig,
    /// Something behind the edge is down: reconnect after a pause.
    TryLater,
    /// A field of the URL is wrong.
    BadRequest,
    /// No token, or one that is unknown or over.
    NotSignedIn,
    /// Another's name.
    NotAllowed,
    /// No such room.
    NoSuchRoom,
    /// The client did not drain its socket, or fell silent: reconnect with `after_seq`.
    TooSlow,
    /// Too many connections.
    TooMany,
}

impl CloseCode {
    /// The number on the wire.
    pub(crate) fn number(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::Protocol => 1002,
            Self::NotUtf8 => 1007,
            Self::TooBig => 1009,
            Self::TryLater => 1013,
            Self::BadRequest => 4400,
            Self::NotSignedIn => 4401,
            Self::NotAllowed => 4403,
            Self::NoSuchRoom => 4404,
            Self::TooSlow => 4408,
            Self::TooMany => 4429,
        }
    }

    /// Words for a person.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "the server restarts",
            Self::Protocol => "the frame breaks RFC 6455",
            Self::NotUtf8 => "a text frame has to be UTF-8",
            Self::TooBig => "the frame is too big",
            Self::TryLater => "the service is unavailable, reconnect later",
            Self::BadRequest => "the request is not valid",
            Self::NotSignedIn => "not signed in",
            Self::NotAllowed => "not allowed under this name",
            Self::NoSuchRoom => "no such room",
            Self::TooSlow => "too slow, reconnect with after_seq",
            Self::TooMany => "too many connections",
        }
    }
}

/// Why a client is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The close code.
    pub(crate) code: CloseCode,
    /// Words for a person; they name the field that is wrong, where one is.
    pub(crate) reason: Cow<'static, str>,
}

impl From<CloseCode> for Refused {
    fn from(code: CloseCode) -> Self {
        Self {
            code,
            reason: code.reason().into(),
        }
    }
}

impl From<wire::Close> for CloseCode {
    fn from(close: wire::Close) -> Self {
        match close {
            wire::Close::Protocol => Self::Protocol,
            wire::Close::NotUtf8 => Self::NotUtf8,
            wire::Close::TooBig => Self::TooBig,
        }
    }
}

impl From<Invalid> for Refused {
    fn from(invalid: Invalid) -> Self {
        Self {
            code: CloseCode::BadRequest,
            reason: invalid.to_string().into(),
        }
    }
}
