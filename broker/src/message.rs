//! What a subscriber gets of a publication: its channel and its payload, in one piece of shared memory.

use std::{fmt, str};

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::Publication;

/// A publication that arrived. Cheap to clone.
#[derive(Clone)]
pub struct Message {
    /// The channel, what may stand in between, and the payload.
    bytes: Bytes,
    /// Where the channel ends.
    channel: u32,
    /// Where the payload begins.
    payload: u32,
}

impl Message {
    /// The channel, such as `room:general`.
    pub fn channel(&self) -> &str {
        let channel = self.bytes.get(..self.channel as usize);
        // What is no text was not taken in.
        channel
            .and_then(|channel| str::from_utf8(channel).ok())
            .unwrap_or_default()
    }

    /// The payload as it was published.
    pub fn payload(&self) -> &[u8] {
        self.bytes.get(self.payload as usize..).unwrap_or_default()
    }

    /// Bytes of memory that it needs of its own.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl From<Message> for Publication {
    fn from(message: Message) -> Self {
        Self {
            channel: message.channel().to_owned(),
            payload: message.bytes.slice(message.payload as usize..),
        }
    }
}

impl From<Publication> for Message {
    fn from(publication: Publication) -> Self {
        let mut bytes = BytesMut::new();
        let part = Part::append(&mut bytes, &publication.channel, &publication.payload);
        part.of(&bytes.freeze())
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        (self.channel(), self.payload()) == (other.channel(), other.payload())
    }
}

impl Eq for Message {}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("channel", &self.channel())
            .field("payload", &self.payload().escape_ascii().to_string())
            .finish()
    }
}

/// Where in a larger piece of memory a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// Where the channel begins.
    pub(crate) start: usize,
    /// How long the channel is.
    pub(crate) channel: usize,
    /// How far behind its begin the payload begins.
    pub(crate) payload: usize,
    /// Where the payload ends.
    pub(crate) end: usize,
}

impl Part {
    /// Writes a message behind what is there.
    pub(crate) fn append(bytes: &mut BytesMut, channel: &str, payload: &[u8]) -> Self {
        let start = bytes.len();
        bytes.put_slice(channel.as_bytes());
        bytes.put_slice(payload);
        Self {
            start,
            channel: channel.len(),
            payload: channel.len(),
            end: bytes.len(),
        }
    }

    pub(crate) fn len(self) -> usize {
        self.end - self.start
    }

    /// The message, sharing the memory.
    pub(crate) fn of(self, bytes: &Bytes) -> Message {
        self.within(bytes.slice(self.start..self.end))
    }

    /// The message with memory that holds it alone.
    pub(crate) fn within(self, bytes: Bytes) -> Message {
        let short = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Message {
            bytes,
            channel: short(self.channel),
            payload: short(self.payload),
        }
    }
}
