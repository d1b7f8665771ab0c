//! Reading a room's log: pages of its history, and what changed since.

use bytes::Bytes;

use crate::{
    error::{Error, Result},
    message::Message,
    store::{Log, Rooms, Span},
};

/// Most bytes of frames after which a page of changes is closed.
pub const PAGE_BYTES: u32 = 1024 * 1024;

/// Rows read from the store at once: sixteen-thousand-character messages by the thousand would be too much memory.
const CHUNK: u32 = 200;

/// A page of a room's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Oldest first, without tombstones.
    pub messages: Vec<Message>,
    /// The room's last seq when it was read.
    pub last_seq: u64,
}

/// A page of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Seqs and frames, ascending.
    pub frames: Vec<(u64, Bytes)>,
    /// Everything up to this seq is in this page or before it.
    pub complete_to: u64,
    /// The room's last seq when it was read.
    pub last_seq: u64,
}

/// Reads a page of history.
///
/// # Errors
/// [`Error::NoSuchRoom`].
pub async fn page<S: Rooms + Log>(store: &S, room_id: &str, span: Span, limit: u32) -> Result<Page> {
    // The head first: what is committed meanwhile belongs to the next page.
    let last_seq = store.room(room_id).await?.ok_or(Error::NoSuchRoom)?.last_seq;
    let messages = store.history(room_id, span, last_seq, limit).await?;
    Ok(Page { messages, last_seq })
}

/// Reads what changed after `after`, up to `up_to` if given: `limit` changes at most, and none more once their frames
/// have `max_bytes`.
///
/// # Errors
/// [`Error::NoSuchRoom`].
pub async fn changes_since<S: Rooms + Log>(
    store: &S,
    room_id: &str,
    after: u64,
    up_to: Option<u64>,
    limit: u32,
    max_bytes: u32,
) -> Result<Changes> {
    let max_bytes = max_bytes as usize;
    let last_seq = store.room(room_id).await?.ok_or(Error::NoSuchRoom)?.last_seq;
    // Behind `after` there is nothing, and before it everything is known, unless the log itself ends earlier.
    let bound = up_to.map_or(last_seq, |bound| bound.max(after).min(last_seq));
    let mut page = Changes {
        frames: Vec::new(),
        complete_to: bound,
        last_seq,
    };
    let (mut at, mut bytes) = (after, 0);
    while at < bound {
        let left = limit.saturating_sub(u32::try_from(page.frames.len()).unwrap_or(u32::MAX));
        if left == 0 || bytes >= max_bytes {
            page.complete_to = at;
            break;
        }
        let wanted = left.min(CHUNK);
        let rows = store.changes(room_id, at, bound, wanted).await?;
        let all = rows.len() < wanted as usize;
        for message in rows {
            if bytes >= max_bytes {
                page.complete_to = at;
                return Ok(page);
            }
            let frame = message.frame();
            at = message.change_seq;
            bytes += frame.len();
            page.frames.push((at, frame));
        }
        if all {
            break;
        }
    }
    Ok(page)
}
