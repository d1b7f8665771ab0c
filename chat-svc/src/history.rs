//! Reading a room's log: pages of its history, and what changed since.

mod of_rooms;

use bytes::Bytes;

pub use self::of_rooms::changes_of_rooms;
use crate::{
    error::{Error, Result},
    message::Message,
    store::{Head, Log, Rooms, Span},
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

/// Which changes of a room a caller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// Those after this seq.
    pub seq: u64,
    /// The message whose change the caller saw there.
    pub id: Option<String>,
    /// Those up to this seq.
    pub up_to: Option<u64>,
    /// So many at most.
    pub limit: u32,
    /// None more once their frames have so many bytes.
    pub max_bytes: u32,
}

/// What a caller gets who asks for changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What came after what it saw.
    Changes(Changes),
    /// What it saw is not in this log, which was set back and ends here.
    Forked(Head),
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
    let head = head(store, room_id).await?;
    let messages = store.history(room_id, span, &head, limit).await?;
    let last_seq = head.last_seq;
    Ok(Page { messages, last_seq })
}

/// Reads what changed since.
///
/// # Errors
/// [`Error::NoSuchRoom`].
pub async fn changes_since<S: Rooms + Log>(store: &S, room_id: &str, since: Since) -> Result<Answer> {
    let head = head(store, room_id).await?;
    answer(store, &head, since).await
}

async fn answer<S: Log>(store: &S, head: &Head, since: Since) -> Result<Answer> {
    let is_ours = head.last_seq >= since.seq
        && match &since.id {
            Some(id) => store.was_of(&head.room_id, since.seq, id).await?,
            None => true,
        };
    Ok(if is_ours {
        Answer::Changes(changes(store, &since, head).await?)
    } else {
        Answer::Forked(head.clone())
    })
}

async fn head<S: Rooms>(store: &S, room_id: &str) -> Result<Head> {
    let heads = store.heads(vec![room_id.to_owned()]).await?;
    heads.into_iter().next().ok_or(Error::NoSuchRoom)
}

async fn changes<S: Log>(store: &S, since: &Since, head: &Head) -> Result<Changes> {
    let last_seq = head.last_seq;
    let max_bytes = since.max_bytes as usize;
    let bound = since
        .up_to
        .map_or(last_seq, |bound| bound.max(since.seq).min(last_seq));
    let mut page = Changes {
        frames: Vec::new(),
        complete_to: bound,
        last_seq,
    };
    let (mut at, mut bytes) = (since.seq, 0);
    while at < bound {
        let left = since
            .limit
            .saturating_sub(u32::try_from(page.frames.len()).unwrap_or(u32::MAX));
        if left == 0 || bytes >= max_bytes {
            page.complete_to = at;
            break;
        }
        let wanted = left.min(CHUNK);
        let rows = store.changes(&head.room_id, (at, bound), head, wanted).await?;
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
