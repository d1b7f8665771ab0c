//! What a subscriber says to Redis.

use std::sync::Arc;

use bytes::{BufMut as _, BytesMut};
use redis::RedisConnectionInfo;

/// How a command about channels is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Names,
    Patterns,
}

impl Kind {
    /// By what a name means to Redis.
    pub(super) fn of(name: &str) -> Self {
        if name.ends_with('*') {
            Self::Patterns
        } else {
            Self::Names
        }
    }

    pub(super) fn subscribe(self) -> &'static str {
        match self {
            Self::Names => "SUBSCRIBE",
            Self::Patterns => "PSUBSCRIBE",
        }
    }

    pub(super) fn unsubscribe(self) -> &'static str {
        match self {
            Self::Names => "UNSUBSCRIBE",
            Self::Patterns => "PUNSUBSCRIBE",
        }
    }
}

/// Writes the first commands of a connection. Returns how many answers they get.
pub(super) fn greet(out: &mut BytesMut, settings: &RedisConnectionInfo) -> usize {
    let mut hello = vec!["HELLO", "3"];
    if let Some(password) = settings.password() {
        hello.extend(["AUTH", settings.username().unwrap_or("default"), password]);
    }
    write(out, &hello);
    if settings.db() == 0 {
        return 1;
    }
    write(out, &["SELECT", &settings.db().to_string()]);
    2
}

/// Writes a command about channels.
pub(super) fn about(out: &mut BytesMut, command: &str, names: &[Arc<str>]) {
    let names = names.iter().map(|name| &**name);
    write(out, &std::iter::once(command).chain(names).collect::<Vec<_>>());
}

/// Writes a command.
pub(super) fn write(out: &mut BytesMut, words: &[&str]) {
    out.put_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.put_slice(format!("${}\r\n", word.len()).as_bytes());
        out.put_slice(word.as_bytes());
        out.put_slice(b"\r\n");
    }
}
