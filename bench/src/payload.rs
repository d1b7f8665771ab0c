//! The message that everything carries: its content tells when it was sent, so that whoever receives it knows how long it took.

use memchr::memmem::Finder;
use proto::frame::{MessageFrame, ServerFrame};

use crate::clock;

/// What stands before the time.
pub(crate) const MARK: &[u8] = b"~t=";

/// The digits of the time.
const DIGITS: usize = 19;

/// The length of a message's content, in bytes.
pub(crate) const CONTENT: usize = 120;

/// A content of [`CONTENT`] bytes that tells the time of now.
pub(crate) fn content() -> String {
    let now = clock::now();
    let mut content = format!("~t={now:019} ");
    while content.len() < CONTENT {
        content.push_str("the quick brown fox jumps over the lazy dog ");
    }
    content.truncate(CONTENT);
    content
}

/// What is published for a server that is not ChatFlow: the frame that ChatFlow would send.
pub(crate) fn frame(room: &str, seq: u64) -> Vec<u8> {
    let content = content();
    let frame = ServerFrame::Message(MessageFrame {
        id: "01994a9e-7c3f-7f10-8a52-3f5d6c1b2a90",
        room_id: room,
        user_id: "sender",
        username: "sender",
        content: &content,
        message_type: "text",
        file_url: None,
        timestamp: jiff::Timestamp::now(),
        seq,
        client_msg_id: None,
        edited_at: None,
    });
    frame.encode().to_vec()
}

/// How many messages there are in these bytes.
pub(crate) fn count(finder: &Finder<'_>, bytes: &[u8]) -> u64 {
    finder.find_iter(bytes).count() as u64
}

/// When each message in these bytes was sent.
pub(crate) fn times<'a>(finder: &'a Finder<'_>, bytes: &'a [u8]) -> impl Iterator<Item = u64> + 'a {
    finder.find_iter(bytes).filter_map(|at| {
        let digits = bytes.get(at + MARK.len()..at + MARK.len() + DIGITS)?;
        str::from_utf8(digits).ok()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use memchr::memmem::Finder;

    use super::*;

    #[test]
    fn a_frame_tells_when_it_was_sent() {
        let before = clock::now();
        let frame = frame("r0", 7);
        let finder = Finder::new(MARK);
        assert_eq!(count(&finder, &frame), 1);
        let times: Vec<u64> = times(&finder, &frame).collect();
        assert!(before <= times[0] && times[0] <= clock::now());
        assert_eq!(content().len(), CONTENT);
    }
}
