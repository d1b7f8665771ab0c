//! What a subscriber says to Redis.

use std::sync::Arc;

use bytes::{BufMut as _, BytesMut};
use redis::RedisConnectionInfo;

use super::cluster::slot_of;
use crate::is_sharded;

/// How a command about channels is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Names,
    Patterns,
    /// Names of one slot of a cluster.
    Slot(u16),
}

impl Kind {
    /// By what a name means to Redis, or to a cluster of it.
    pub(super) fn of(name: &str, is_cluster: bool) -> Self {
        if name.ends_with('*') {
            Self::Patterns
        } else if is_cluster && is_sharded(name) {
            Self::Slot(slot_of(name))
        } else {
            Self::Names
        }
    }

    pub(super) fn subscribe(self) -> &'static str {
        match self {
            Self::Names => "SUBSCRIBE",
            Self::Patterns => "PSUBSCRIBE",
            Self::Slot(_) => "SSUBSCRIBE",
        }
    }

    pub(super) fn unsubscribe(self) -> &'static str {
        match self {
            Self::Names => "UNSUBSCRIBE",
            Self::Patterns => "PUNSUBSCRIBE",
            Self::Slot(_) => "SUNSUBSCRIBE",
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
