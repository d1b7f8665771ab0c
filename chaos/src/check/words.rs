//! How violations speak of times, messages and frames.

use std::time::Duration;

use crate::history::{Seen, StoredMessage};

/// A time of the run, such as `12.345 s`.
pub(super) fn time(at: Duration) -> String {
    format!("{:.3} s", at.as_secs_f64())
}

/// A message as it is stored.
pub(super) fn stored(message: &StoredMessage) -> String {
    let StoredMessage {
        id,
        seq,
        change_seq,
        content,
        ..
    } = message;
    let (author, name) = (message.author.user_id(), message.name.client_msg_id());
    let state = if message.deleted {
        "deleted".to_owned()
    } else {
        format!("content {:016x}", content.0)
    };
    let change = if change_seq == seq {
        String::new()
    } else {
        format!(", changed with seq {change_seq}")
    };
    format!("{id} ({name} of {author}, made with seq {seq}{change}, {state})")
}

/// What a frame said.
pub(super) fn seen(change: &Seen) -> String {
    match change {
        Seen::Text {
            author,
            name,
            content,
        } => format!(
            "{} of {}, content {:016x}",
            name.client_msg_id(),
            author.user_id(),
            content.0
        ),
        Seen::Deleted => "deleted".to_owned(),
    }
}
