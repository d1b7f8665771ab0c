//! What Redis says to a subscriber, read from bytes in place: RESP3, bounded, without a copy.

use std::{ops::Range, str};

/// The longest payload that is taken in; longer ones could not wait for any subscriber.
pub(super) const LONGEST: usize = crate::INBOX_BYTES;

/// The longest line: a length, or what a server says about an error.
const LINE: usize = 16 * 1024;

/// The longest name of a channel or a pattern, and the longest text in an answer.
const NAME: usize = 64 * 1024;

/// Values in one answer, such as the one to HELLO.
const VALUES: usize = 1024;

/// One thing that was said, and where it ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said<'a> {
    pub(super) what: What<'a>,
    /// Bytes up to its end.
    pub(super) length: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum What<'a> {
    /// A publication.
    Message {
        /// What it was received for: a pattern, or the channel itself.
        pattern: &'a [u8],
        channel: Range<usize>,
        payload: Range<usize>,
    },
    /// A publication whose payload is longer than [`LONGEST`]. `length` is up to the payload, which is still to come.
    TooLong {
        pattern: &'a [u8],
        channel: &'a [u8],
        /// Bytes of the payload and its end.
        payload: usize,
    },
    /// Something is subscribed to.
    Subscribed(&'a [u8]),
    /// Something is no longer subscribed to.
    Unsubscribed(&'a [u8]),
    /// A command was answered.
    Answer,
    /// A command was refused, and why.
    Refused(&'a [u8]),
    /// Nothing of interest.
    Other,
}

/// Why nothing could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is not all there: so many bytes are needed at least.
    Incomplete(usize),
    /// This is not what Redis would say.
    Malformed,
}

/// Reads what begins with the first byte.
pub(super) fn read(bytes: &[u8]) -> Result<Said<'_>, Stop> {
    let mut cursor = Cursor {
        bytes,
        at: 0,
        values: VALUES,
    };
    let what = cursor.said()?;
    Ok(Said {
        what,
        length: cursor.at,
    })
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// How many more values it may hold.
    values: usize,
}

impl<'a> Cursor<'a> {
    fn said(&mut self) -> Result<What<'a>, Stop> {
        match self.peek()? {
            b'>' => self.push(),
            b'-' => Ok(What::Refused(self.line(b'-')?)),
            b'!' => {
                let length = self.length(b'!')?;
                let text = self.text(length.ok_or(Stop::Malformed)?)?;
                Ok(What::Refused(&self.bytes[text]))
            }
            b'|' => {
                self.pairs(b'|')?;
                Ok(What::Other)
            }
            _ => {
                self.skip()?;
                Ok(What::Answer)
            }
        }
    }

    fn push(&mut self) -> Result<What<'a>, Stop> {
        let count = self.length(b'>')?.ok_or(Stop::Malformed)?;
        if !(1..=VALUES).contains(&count) {
            return Err(Stop::Malformed);
        }
        let kind = self.name()?;
        match (&self.bytes[kind], count) {
            (b"message" | b"smessage", 3) => {
                let channel = self.name()?;
                self.message(channel.clone(), channel)
            }
            (b"pmessage", 4) => {
                let pattern = self.name()?;
                let channel = self.name()?;
                self.message(pattern, channel)
            }
            (b"subscribe" | b"psubscribe" | b"ssubscribe", 3) => {
                let name = self.name()?;
                self.skip()?;
                Ok(What::Subscribed(&self.bytes[name]))
            }
            (b"unsubscribe" | b"punsubscribe" | b"sunsubscribe", 3) if self.peek()? == b'$' => {
                let name = self.name()?;
                self.skip()?;
                Ok(What::Unsubscribed(&self.bytes[name]))
            }
            _ => {
                for _ in 1..count {
                    self.skip()?;
                }
                Ok(What::Other)
            }
        }
    }

    fn message(&mut self, pattern: Range<usize>, channel: Range<usize>) -> Result<What<'a>, Stop> {
        let length = self.length(b'$')?.ok_or(Stop::Malformed)?;
        let pattern = &self.bytes[pattern];
        if length > LONGEST {
            return Ok(What::TooLong {
                pattern,
                channel: &self.bytes[channel],
                payload: length.checked_add(2).ok_or(Stop::Malformed)?,
            });
        }
        Ok(What::Message {
            pattern,
            channel,
            payload: self.body(length)?,
        })
    }

    /// Passes over a value, whatever it is.
    fn skip(&mut self) -> Result<(), Stop> {
        // What is left to pass over: no recursion, so that no depth is too deep.
        let mut left = 1_usize;
        while left > 0 {
            left -= 1;
            self.values = self.values.checked_sub(1).ok_or(Stop::Malformed)?;
            let kind = self.peek()?;
            match kind {
                b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => {
                    self.line(kind)?;
                }
                b'$' | b'!' | b'=' => {
                    if let Some(length) = self.length(kind)? {
                        self.text(length)?;
                    }
                }
                b'*' | b'~' | b'>' => left += self.length(kind)?.unwrap_or_default(),
                b'%' => left += self.length(kind)?.unwrap_or_default().saturating_mul(2),
                b'|' => left += self.length(kind)?.unwrap_or_default().saturating_mul(2) + 1,
                _ => return Err(Stop::Malformed),
            }
            if left > VALUES {
                return Err(Stop::Malformed);
            }
        }
        Ok(())
    }

    fn pairs(&mut self, kind: u8) -> Result<(), Stop> {
        let count = self.length(kind)?.ok_or(Stop::Malformed)?;
        if count > VALUES {
            return Err(Stop::Malformed);
        }
        for _ in 0..count * 2 {
            self.skip()?;
        }
        Ok(())
    }

    fn name(&mut self) -> Result<Range<usize>, Stop> {
        let length = self.length(b'$')?.ok_or(Stop::Malformed)?;
        self.text(length)
    }

    fn text(&mut self, length: usize) -> Result<Range<usize>, Stop> {
        if length > NAME {
            return Err(Stop::Malformed);
        }
        self.body(length)
    }

    /// The bytes whose length was just read.
    fn body(&mut self, length: usize) -> Result<Range<usize>, Stop> {
        let (start, end) = (self.at, self.at + length);
        match self.bytes.get(end..end + 2) {
            None => Err(Stop::Incomplete(end + 2)),
            Some(b"\r\n") => {
                self.at = end + 2;
                Ok(start..end)
            }
            Some(_) => Err(Stop::Malformed),
        }
    }

    fn peek(&self) -> Result<u8, Stop> {
        self.bytes
            .get(self.at)
            .copied()
            .ok_or(Stop::Incomplete(self.at + 1))
    }

    /// A length behind its sign; `None` for what is not there.
    fn length(&mut self, kind: u8) -> Result<Option<usize>, Stop> {
        match self.line(kind)? {
            b"-1" => Ok(None),
            digits if digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit) => {
                let digits = str::from_utf8(digits).map_err(|_| Stop::Malformed)?;
                digits.parse().map(Some).map_err(|_| Stop::Malformed)
            }
            _ => Err(Stop::Malformed),
        }
    }

    /// A line behind its sign, without its end.
    fn line(&mut self, kind: u8) -> Result<&'a [u8], Stop> {
        if self.peek()? != kind {
            return Err(Stop::Malformed);
        }
        let rest = &self.bytes[self.at + 1..];
        let rest = &rest[..rest.len().min(LINE)];
        let Some(end) = rest.iter().position(|byte| *byte == b'\r') else {
            return match rest.len() {
                LINE => Err(Stop::Malformed),
                length => Err(Stop::Incomplete(self.at + 1 + length + 2)),
            };
        };
        match rest.get(end + 1) {
            None if end + 1 < LINE => Err(Stop::Incomplete(self.at + 1 + end + 2)),
            Some(b'\n') => {
                self.at += 1 + end + 2;
                Ok(&rest[..end])
            }
            _ => Err(Stop::Malformed),
        }
    }
}

#[cfg(test)]
#[path = "resp_tests.rs"]
mod tests;
