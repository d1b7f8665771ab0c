//! Takes the messages of subscriptions out of what a Redis sends in RESP3, however it was cut into chunks.

/// No header line of Redis is near as long: whoever sends one speaks another protocol.
const LONGEST_LINE: usize = 64 * 1024;

/// Follows the frames of one connection from its first byte on.
#[derive(Default)]
pub(super) struct Pushes {
    /// The line that is not whole yet.
    line: Vec<u8>,
    /// How many bytes of a string are still to come, with its line end.
    string: u64,
    /// How many elements each open aggregate still lacks, the outermost first.
    lacking: Vec<u64>,
    frame: Frame,
}

/// What becomes of the frame that is being read.
#[derive(Default, PartialEq)]
enum Frame {
    /// It has not begun.
    #[default]
    Next,
    /// It is a push, held until its kind is known: its bytes so far, and whether the kind is the string that follows.
    Push { held: Vec<u8>, kind: bool },
    /// It is passed on.
    Kept,
    /// It is lost.
    Dropped,
    /// What came is no RESP: all the rest is passed on.
    Foreign,
}

impl Pushes {
    /// Appends to `kept` what is to be passed on of `bytes`. With `lose`, the messages that begin in them are not.
    pub(super) fn feed(&mut self, mut bytes: &[u8], lose: bool, kept: &mut Vec<u8>) {
        while !bytes.is_empty() {
            if self.frame == Frame::Foreign {
                kept.extend_from_slice(bytes);
                return;
            }
            if self.string > 0 {
                let length = bytes
                    .len()
                    .min(usize::try_from(self.string).unwrap_or(usize::MAX));
                let (piece, rest) = bytes.split_at(length);
                bytes = rest;
                self.string -= length as u64;
                self.pass(piece, kept);
                if self.string == 0 {
                    self.string_ended(lose, kept);
                }
                continue;
            }
            let end = bytes
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(bytes.len(), |at| at + 1);
            let (piece, rest) = bytes.split_at(end);
            bytes = rest;
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.line_ended(&line, lose, kept);
                // Its memory is used again.
                self.line = line;
                self.line.clear();
            } else if self.line.len() > LONGEST_LINE {
                let line = std::mem::take(&mut self.line);
                self.give_up(&line, kept);
            }
        }
    }

    fn pass(&mut self, bytes: &[u8], kept: &mut Vec<u8>) {
        match &mut self.frame {
            Frame::Push { held, .. } => held.extend_from_slice(bytes),
            Frame::Dropped => {}
            Frame::Next | Frame::Kept | Frame::Foreign => kept.extend_from_slice(bytes),
        }
    }

    fn give_up(&mut self, line: &[u8], kept: &mut Vec<u8>) {
        self.pass(line, kept);
        if let Frame::Push { held, .. } = std::mem::replace(&mut self.frame, Frame::Foreign) {
            kept.extend_from_slice(&held);
        }
    }

    fn line_ended(&mut self, line: &[u8], lose: bool, kept: &mut Vec<u8>) {
        let Some(header) = Header::parse(line) else {
            return self.give_up(line, kept);
        };
        if self.frame == Frame::Next {
            self.frame = match header {
                Header::Push(1..) => Frame::Push {
                    held: Vec::new(),
                    kind: false,
                },
                _ => Frame::Kept,
            };
            self.pass(line, kept);
        } else {
            self.pass(line, kept);
            match (&mut self.frame, &header) {
                (Frame::Push { kind, .. }, Header::String(_)) => *kind = true,
                // The kind is a simple string, or what Redis never sends.
                (Frame::Push { .. }, _) => self.decide(&line[1..], lose, kept),
                _ => {}
            }
        }
        match header {
            Header::Line | Header::Aggregate(0) | Header::Push(0) => self.value_ended(),
            Header::String(length) => self.string = length.saturating_add(2),
            Header::Aggregate(lacking) | Header::Push(lacking) => self.lacking.push(lacking),
            // The value that it describes follows, and is the element.
            Header::Attribute(0) => {}
            Header::Attribute(lacking) => self.lacking.push(lacking + 1),
        }
    }

    fn string_ended(&mut self, lose: bool, kept: &mut Vec<u8>) {
        if let Frame::Push { held, kind: true } = &self.frame {
            // The header line is before it, and `held` ends with its line end.
            let text = held.strip_suffix(b"\r\n").unwrap_or(held);
            let begin = text
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            let kind = text[begin..].to_vec();
            self.decide(&kind, lose, kept);
        }
        self.value_ended();
    }

    /// The kind of the push is known.
    fn decide(&mut self, kind: &[u8], lose: bool, kept: &mut Vec<u8>) {
        let message = matches!(kind.trim_ascii_end(), b"message" | b"pmessage" | b"smessage");
        let frame = if lose && message {
            Frame::Dropped
        } else {
            Frame::Kept
        };
        if let Frame::Push { held, .. } = std::mem::replace(&mut self.frame, frame)
            && self.frame == Frame::Kept
        {
            kept.extend_from_slice(&held);
        }
    }

    fn value_ended(&mut self) {
        while let Some(lacking) = self.lacking.last_mut() {
            *lacking -= 1;
            if *lacking > 0 {
                return;
            }
            self.lacking.pop();
        }
        self.frame = Frame::Next;
    }
}

/// What a header line announces.
enum Header {
    /// Nothing: it is the whole value.
    Line,
    /// A string of that length.
    String(u64),
    /// That many values.
    Aggregate(u64),
    /// A push of that many values.
    Push(u64),
    /// That many values, which describe the next one.
    Attribute(u64),
}

impl Header {
    fn parse(line: &[u8]) -> Option<Self> {
        let (kind, rest) = line.strip_suffix(b"\r\n")?.split_first()?;
        let count = || std::str::from_utf8(rest).ok()?.parse::<i64>().ok();
        let some = |header: fn(u64) -> Self| {
            // A length below zero is how RESP2 says that there is nothing.
            Some(u64::try_from(count()?).map_or(Self::Line, header))
        };
        match kind {
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => Some(Self::Line),
            b'$' | b'!' | b'=' => some(Self::String),
            b'*' | b'~' => some(Self::Aggregate),
            b'>' => some(Self::Push),
            b'%' => some(|pairs| Self::Aggregate(pairs.saturating_mul(2))),
            b'|' => some(|pairs| Self::Attribute(pairs.saturating_mul(2))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$8\r\nline\r\n>2\r\n";
    const PATTERN: &str = ">4\r\n+pmessage\r\n$2\r\na*\r\n$1\r\na\r\n$0\r\n\r\n";
    const CONFIRMATION: &str = ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n";
    /// What Redis answers: lines, strings, nothing, nested aggregates, an attribute before its value.
    const ANSWERS: [&str; 8] = [
        "+PONG\r\n",
        "-ERR no\r\n",
        "$7\r\nmessage\r\n",
        "$-1\r\n",
        "*3\r\n*2\r\n:1\r\n$1\r\nx\r\n*0\r\n_\r\n",
        "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n#t\r\n",
        "|1\r\n+ttl\r\n:3600\r\n*2\r\n,1.5\r\n=7\r\ntxt:any\r\n",
        "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n",
    ];

    fn passed(chunks: &[&str], lose: bool) -> String {
        let (mut pushes, mut kept) = (Pushes::default(), Vec::new());
        for chunk in chunks {
            pushes.feed(chunk.as_bytes(), lose, &mut kept);
        }
        String::from_utf8(kept).unwrap()
    }

    #[test]
    fn messages_are_lost_wherever_the_stream_is_cut() {
        let (mut sent, mut expected) = (String::new(), String::new());
        for answer in ANSWERS.iter().chain([&CONFIRMATION]) {
            sent += &[MESSAGE, answer, PATTERN, MESSAGE].concat();
            expected += answer;
        }
        for at in 0..=sent.len() {
            let (first, second) = sent.split_at(at);
            assert_eq!(passed(&[first, second], true), expected, "cut at {at}");
            assert_eq!(passed(&[first, second], false), sent, "cut at {at}");
        }
        let single: Vec<&str> = sent.split_inclusive(|_| true).collect();
        assert_eq!(passed(&single, true), expected);
        assert_eq!(passed(&single, false), sent);
    }

    #[test]
    fn a_message_that_began_before_is_passed_on_whole() {
        for at in 0..MESSAGE.len() {
            let (first, second) = MESSAGE.split_at(at);
            let (mut pushes, mut kept) = (Pushes::default(), Vec::new());
            pushes.feed(first.as_bytes(), false, &mut kept);
            pushes.feed(second.as_bytes(), true, &mut kept);
            pushes.feed(MESSAGE.as_bytes(), true, &mut kept);
            let kept = String::from_utf8(kept).unwrap();
            assert!(kept.is_empty() || kept == MESSAGE, "cut at {at}: {kept:?}");
        }
    }

    #[test]
    fn another_protocol_is_passed_on() {
        let other = "HTTP/1.1 200 OK\r\n\r\n>3\r\n$7\r\nmessage\r\n";
        assert_eq!(passed(&[other, "more"], true), format!("{other}more"));
        let endless = "x".repeat(LONGEST_LINE + 1);
        assert_eq!(passed(&[&endless, MESSAGE], true), format!("{endless}{MESSAGE}"));
    }
}
