//! What the hub has to know of a frame that somebody else encoded, found without reading all of it where it can be.
//!
//! Most frames are messages as chat-svc writes them, which always have the same fields in the same order: of those only
//! the strings' ends are looked for. Everything else is read as JSON.

use std::borrow::Cow;

use serde::Deserialize;

/// Bytes that are looked at together.
const STRIDE: usize = size_of::<u64>();

/// What is read of a frame.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Peek<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    pub(super) seq: Option<u64>,
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) timestamp: Option<Cow<'a, str>>,
}

/// What is asked of a frame; `None` where it is not a JSON text that sockets could be given.
pub(super) fn peek(payload: &[u8]) -> Option<Peek<'_>> {
    let text = std::str::from_utf8(payload).ok()?;
    message(text).or_else(|| json(text))
}

/// Whether a frame of the log certainly is a new message, and changes none that came before.
pub(super) fn is_new_message(payload: &[u8]) -> bool {
    payload.starts_with(br#"{"type":"message","#)
}

fn json(text: &str) -> Option<Peek<'_>> {
    serde_json::from_str(text).ok()
}

/// Of a message in exactly the form in which chat-svc writes it; `None` says nothing about any other text.
fn message(text: &str) -> Option<Peek<'_>> {
    let rest = text.strip_prefix(r#"{"type":"message"#)?;
    let (kind, rest) = match rest.strip_prefix("_updated") {
        Some(rest) => ("message_updated", rest),
        None => ("message", rest),
    };
    let (id, rest) = plain(rest.strip_prefix(r#"","id":""#)?)?;
    let rest = behind(rest.strip_prefix(r#","room_id":""#)?)?;
    let rest = behind(rest.strip_prefix(r#","user_id":""#)?)?;
    let rest = behind(rest.strip_prefix(r#","username":""#)?)?;
    let rest = behind(rest.strip_prefix(r#","content":""#)?)?;
    let rest = behind(rest.strip_prefix(r#","message_type":""#)?)?;
    let rest = rest.strip_prefix(r#","file_url":"#)?;
    let rest = match rest.strip_prefix('"') {
        Some(rest) => behind(rest)?,
        None => rest.strip_prefix("null")?,
    };
    let (timestamp, rest) = plain(rest.strip_prefix(r#","timestamp":""#)?)?;
    let (seq, mut rest) = number(rest.strip_prefix(r#","seq":"#)?)?;
    for field in [r#","client_msg_id":""#, r#","edited_at":""#] {
        if let Some(value) = rest.strip_prefix(field) {
            rest = behind(value)?;
        }
    }
    (rest == "}").then_some(Peek {
        kind: Cow::Borrowed(kind),
        seq: Some(seq),
        id: Some(Cow::Borrowed(id)),
        timestamp: Some(Cow::Borrowed(timestamp)),
    })
}

/// A string that has begun, if nothing in it is escaped, and what stands behind it.
fn plain(text: &str) -> Option<(&str, &str)> {
    let end = special(text.as_bytes())?;
    let (string, rest) = text.split_at_checked(end)?;
    Some((string, rest.strip_prefix('"')?))
}

/// What stands behind a string that has begun.
fn behind(text: &str) -> Option<&str> {
    let mut rest = text.as_bytes();
    loop {
        rest = rest.get(special(rest)?..)?;
        rest = match rest {
            [b'"', ..] => return text.get(text.len() - rest.len() + 1..),
            [
                b'\\',
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                rest @ ..,
            ] => rest,
            [b'\\', b'u', b'0', b'0', high, low, rest @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                rest
            }
            _ => return None,
        };
    }
}

/// Where the next byte is that does not stand for itself in a string.
fn special(bytes: &[u8]) -> Option<usize> {
    let (strides, _) = bytes.as_chunks::<STRIDE>();
    let mut at = 0;
    for stride in strides {
        let found = specials(u64::from_le_bytes(*stride));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += STRIDE;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
    Some(at + bytes[at..].iter().position(is_special)?)
}

/// The lowest bit that is set is the highest of the first special byte. What is above says nothing.
fn specials(stride: u64) -> u64 {
    const EACH: u64 = u64::MAX / 0xff;
    let below = |bytes: u64, limit: u8| bytes.wrapping_sub(EACH * u64::from(limit)) & !bytes;
    let equal = |byte: u8| below(stride ^ (EACH * u64::from(byte)), 1);
    (below(stride, b' ') | equal(b'"') | equal(b'\\')) & (EACH << 7)
}

/// A number that certainly fits, and what stands behind it.
fn number(text: &str) -> Option<(u64, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = text.split_at_checked(end)?;
    if end > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::{option, prelude::*};
    use proto::frame::{MessageFrame, ServerFrame};

    use super::*;

    /// Characters that matter to the form of a text come often.
    const TEXT: &str = r#"(?s)(["\\{}:,\[\]/u0-9]|[\x00-\x1f]|[a-z ]{1,40}|.){0,30}"#;

    /// Pieces of which texts are made that nearly have the form.
    const NEARLY: &str = concat!(
        r#"\{"type":"message(_updated)?","id":"i","room_id":"r","user_id":"u","username":"(\\[nu/x"](00)?(1F)?)?","#,
        r#""content":"[ -~]{0,5}","message_type":"text","file_url":(null|"f"|1|nul),"timestamp":"t","#,
        r#""seq":(-?0?[0-9]{1,21}|null|"1"|1\.5|1e3)(,"client_msg_id":("c"|null))?(,"edited_at":"e")?,?(,"seq":2)?\}? ?"#,
    );

    #[derive(Debug)]
    struct Words {
        id: String,
        texts: [String; 5],
        file_url: Option<String>,
        client_msg_id: Option<String>,
        millis: i64,
        edited: Option<i64>,
        seq: u64,
        is_update: bool,
    }

    fn encoded(words: &Words) -> Vec<u8> {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let [room_id, user_id, username, content, message_type] = &words.texts;
        let frame = MessageFrame {
            id: &words.id,
            room_id,
            user_id,
            username,
            content,
            message_type,
            file_url: words.file_url.as_deref(),
            timestamp: at(words.millis),
            seq: words.seq,
            client_msg_id: words.client_msg_id.as_deref(),
            edited_at: words.edited.map(at),
        };
        let frame = if words.is_update {
            ServerFrame::MessageUpdated(frame)
        } else {
            ServerFrame::Message(frame)
        };
        frame.encode().to_vec()
    }

    fn words(id: &'static str) -> impl Strategy<Value = Words> {
        let millis = || 0..4_000_000_000_000_i64;
        (
            (id, [TEXT, TEXT, TEXT, TEXT, TEXT]),
            (option::of(TEXT), option::of(TEXT)),
            (millis(), option::of(millis()), any::<u64>(), any::<bool>()),
        )
            .prop_map(
                |((id, texts), (file_url, client_msg_id), (millis, edited, seq, is_update))| Words {
                    id,
                    texts,
                    file_url,
                    client_msg_id,
                    millis,
                    edited,
                    seq,
                    is_update,
                },
            )
    }

    /// Whatever the short way takes for a message, JSON says the same of it.
    fn agrees(text: &str) -> Result<(), TestCaseError> {
        if let Some(peek) = message(text) {
            prop_assert_eq!(Some(peek), json(text));
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn every_message_of_the_encoder_goes_the_short_way(words in words("[0-9a-f-]{36}")) {
            let frame = encoded(&words);
            let text = std::str::from_utf8(&frame).unwrap();
            prop_assert_eq!(is_new_message(&frame), !words.is_update);
            let short = message(text);
            prop_assert!(short.is_some(), "{text}");
            prop_assert_eq!(short, json(text));
        }

        #[test]
        fn whatever_the_id_nothing_else_is_told(words in words(TEXT)) {
            let frame = encoded(&words);
            agrees(std::str::from_utf8(&frame).unwrap())?;
            prop_assert_eq!(&*peek(&frame).unwrap().id.unwrap(), &*words.id);
        }

        #[test]
        fn a_damaged_message_is_told_as_json_tells_it(
            words in words("[0-9a-f-]{36}"),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            how in 0..4,
        ) {
            let mut frame = encoded(&words);
            let at = at.index(frame.len());
            match how {
                0 => frame[at] = byte,
                1 => frame.insert(at, byte),
                2 => { frame.remove(at); }
                _ => frame.truncate(at),
            }
            if let Ok(text) = std::str::from_utf8(&frame) {
                agrees(text)?;
            } else {
                prop_assert_eq!(peek(&frame), None);
            }
        }

        #[test]
        fn what_is_nearly_a_message_is_told_as_json_tells_it(text in NEARLY) {
            agrees(&text)?;
        }

        #[test]
        fn no_text_is_told_otherwise_than_json_tells_it(text in TEXT) {
            agrees(&text)?;
            prop_assert_eq!(peek(text.as_bytes()), json(&text));
        }
    }
}
