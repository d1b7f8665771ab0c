//! Frames on their way out: encoded once, shared by everybody who gets them.

use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use proto::frame::ServerFrame;

use wire::{deflate, encode};

use crate::recovery::seen::Seen;

/// What may happen to a frame on a connection that can't keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// A change of a room's log, at this seq.
    Logged(u64),
    /// Outside the log, and delivered.
    Kept,
    /// Typing, presence, joined, left: of no use later, dropped first.
    Ephemeral,
}

/// One frame, as it goes onto the wire.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// Header and payload.
    pub(crate) bytes: Bytes,
    /// What it is.
    pub(crate) class: Class,
}

impl Frame {
    /// From a JSON text, which has to be UTF-8.
    pub(crate) fn text(json: &[u8], class: Class) -> Self {
        Self {
            bytes: encode::text(json),
            class,
        }
    }

    /// The JSON text that it was made of.
    pub(crate) fn json(&self) -> &[u8] {
        // RFC 6455 §5.2: the second byte tells how many more have the payload's length.
        let header = match self.bytes.get(1) {
            Some(127) => 10,
            Some(126) => 4,
            _ => 2,
        };
        self.bytes.get(header..).unwrap_or_default()
    }
}

/// Frames in one shared buffer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Batch {
    /// All frames, one behind the other.
    pub(crate) bytes: Bytes,
    /// Where each ends, and what it is.
    pub(crate) parts: Vec<Part>,
    /// The longest frame that is compressed in it, in bytes before that; 0 where none is.
    pub(crate) compressed: usize,
    /// The same frames for who takes compressed ones, once somebody does; nothing where none gets shorter.
    shorter: OnceLock<Option<Arc<Batch>>>,
}

/// One frame of a [`Batch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its end in the buffer.
    pub(crate) end: usize,
    /// What it is.
    pub(crate) class: Class,
}

impl Batch {
    /// Takes frames together; a single one is not copied.
    pub(crate) fn of(frames: &[Frame]) -> Self {
        let mut end = 0;
        let parts = frames
            .iter()
            .map(|frame| {
                end += frame.bytes.len();
                Part {
                    end,
                    class: frame.class,
                }
            })
            .collect();
        let bytes = match frames {
            [frame] => frame.bytes.clone(),
            frames => {
                let mut joined = BytesMut::with_capacity(end);
                for frame in frames {
                    joined.extend_from_slice(&frame.bytes);
                }
                joined.freeze()
            }
        };
        Self {
            bytes,
            parts,
            ..Self::default()
        }
    }

    /// Takes batches together, which are not empty; a single one is not copied.
    pub(crate) fn join(batches: &[Arc<Self>]) -> Arc<Self> {
        match batches {
            [one] => Arc::clone(one),
            batches => {
                let mut bytes = BytesMut::with_capacity(batches.iter().map(|one| one.bytes.len()).sum());
                let mut parts = Vec::with_capacity(batches.iter().map(|one| one.parts.len()).sum());
                for batch in batches {
                    let begin = bytes.len();
                    bytes.extend_from_slice(&batch.bytes);
                    parts.extend(batch.parts.iter().map(|part| Part {
                        end: begin + part.end,
                        ..*part
                    }));
                }
                Arc::new(Self {
                    bytes: bytes.freeze(),
                    parts,
                    compressed: batches.iter().map(|one| one.compressed).max().unwrap_or(0),
                    ..Self::default()
                })
            }
        }
    }

    /// As [`Batch::join`], each frame compressed that gets shorter. However many shards ask, a batch is compressed once.
    pub(crate) fn join_compressed(batches: &[Arc<Self>]) -> Arc<Self> {
        let shorter: Vec<_> = batches.iter().map(Self::shorter).collect();
        Self::join(&shorter)
    }

    fn shorter(self: &Arc<Self>) -> Arc<Self> {
        let shorter = self.shorter.get_or_init(|| {
            let (mut begin, mut longest) = (0, 0);
            let mut compress = |part: &Part| {
                let plain = self.bytes.slice(begin..part.end);
                begin = part.end;
                let compressed = deflate::compress_frame(&plain);
                if compressed.is_some() {
                    longest = longest.max(plain.len());
                }
                Frame {
                    bytes: compressed.unwrap_or(plain),
                    class: part.class,
                }
            };
            let frames: Vec<Frame> = self.parts.iter().map(&mut compress).collect();
            (longest > 0).then(|| {
                Arc::new(Self {
                    compressed: longest,
                    ..Self::of(&frames)
                })
            })
        });
        shorter.as_ref().map_or_else(|| Arc::clone(self), Arc::clone)
    }

    /// A single text frame that is delivered.
    pub(crate) fn kept(json: &[u8]) -> Self {
        Self::of(&[Frame::text(json, Class::Kept)])
    }

    /// A client has to forget what it has of a room, whose log ends with `last`.
    pub(crate) fn reset(room_id: &str, last: Seen) -> Self {
        let last_id = last.id_text();
        let frame = ServerFrame::Reset {
            room_id,
            last_seq: last.seq,
            last_id: last_id.as_deref(),
        };
        Self::kept(&frame.encode())
    }

    /// A frame of the WebSocket protocol itself.
    pub(crate) fn control(bytes: Bytes) -> Self {
        let class = Class::Kept;
        Self::of(&[Frame { bytes, class }])
    }

    /// Without the log's frames up to `seq`; the rest is shared where it is one piece.
    pub(crate) fn after(&self, seq: u64) -> Self {
        let known = |part: &Part| matches!(part.class, Class::Logged(at) if at <= seq);
        if !self.parts.iter().any(known) {
            return self.clone();
        }
        let mut start = 0;
        let mut left = Vec::new();
        for part in &self.parts {
            if !known(part) {
                left.push(Frame {
                    bytes: self.bytes.slice(start..part.end),
                    class: part.class,
                });
            }
            start = part.end;
        }
        Self::of(&left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_can_be_cut_behind_a_seq() {
        let frame = |json: &str, class| Frame::text(json.as_bytes(), class);
        let batch = Batch::of(&[
            frame("1", Class::Logged(1)),
            frame("t", Class::Ephemeral),
            frame("2", Class::Logged(2)),
            frame("3", Class::Logged(3)),
        ]);
        assert_eq!(batch.bytes, b"\x81\x011\x81\x01t\x81\x012\x81\x013".as_slice());
        let cut = batch.after(2);
        assert_eq!(cut.bytes, b"\x81\x01t\x81\x013".as_slice());
        assert_eq!(cut.parts.last().unwrap().end, cut.bytes.len());
        assert!(batch.after(0).parts.len() == 4 && batch.after(9).parts.len() == 1);
    }

    #[test]
    fn a_frame_gives_its_text_back() {
        for len in [1, 125, 126, 65_535, 65_536] {
            let json = vec![b'x'; len];
            assert!(Frame::text(&json, Class::Kept).json() == json, "{len}");
        }
    }

    #[test]
    fn what_gets_shorter_is_compressed_once_for_all() {
        let frame = |json: &str, class| Frame::text(json.as_bytes(), class);
        let long = "the same words for all, ".repeat(40);
        let first = Arc::new(Batch::of(&[
            frame("1", Class::Logged(1)),
            frame(&long, Class::Logged(2)),
            frame("t", Class::Ephemeral),
        ]));
        let second = Arc::new(Batch::of(&[frame("3", Class::Logged(3))]));
        let due = [first, second];
        let (plain, shorter) = (Batch::join(&due), Batch::join_compressed(&due));
        assert!(shorter.bytes.len() < plain.bytes.len() / 4);
        assert_eq!((plain.compressed, shorter.compressed), (0, long.len() + 4));
        let classes = |batch: &Batch| batch.parts.iter().map(|part| part.class).collect::<Vec<_>>();
        assert_eq!(classes(&shorter), classes(&plain));
        assert_eq!(shorter.bytes[..4], *b"\x81\x011\xC1");
        assert_eq!(shorter.parts[3].end, shorter.bytes.len());

        assert!(Arc::ptr_eq(&due[0].shorter(), &due[0].shorter()));
        assert!(Arc::ptr_eq(&due[1].shorter(), &due[1]));
    }
}
