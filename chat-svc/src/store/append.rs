//! The commit of a batch, once for both backends: which statements, in which order, and what they mean for each change.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use diesel::QueryResult;
use jiff::Timestamp;
use sql::Millis;
use uuid::Uuid;

use super::{
    Head, Log, Span, SqlStore, append_postgres, append_sqlite, log, outbox::OutboxRow, rows::MessageRow,
};
use crate::{
    clock::Clock,
    error::{Error, Result},
    mentions,
    message::{Change, Committed, Message, NewMessage, Target},
};

/// The statements of a commit, inside a transaction of one backend.
pub(super) trait Statements: Send {
    /// Locks these rooms in the order of their ids and moves their heads forward by so much; the heads after that.
    /// Rooms that don't exist are left out.
    fn advance(&mut self, rooms: BTreeMap<String, i64>)
    -> impl Future<Output = QueryResult<Advanced>> + Send;
    /// The messages that were sent under these names.
    fn sent_as(&mut self, names: Vec<Key>) -> impl Future<Output = QueryResult<Vec<MessageRow>>> + Send;
    /// Messages by id.
    fn messages(&mut self, ids: Vec<String>) -> impl Future<Output = QueryResult<Vec<MessageRow>>> + Send;
    /// Inserts new messages except repeats; how many it inserted.
    fn insert(&mut self, rows: Vec<MessageRow>) -> impl Future<Output = QueryResult<usize>> + Send;
    /// Writes an edit or a deletion.
    fn rewrite(&mut self, row: MessageRow) -> impl Future<Output = QueryResult<()>> + Send;
    /// Adds to the outbox.
    fn enqueue(&mut self, rows: Vec<OutboxRow>) -> impl Future<Output = QueryResult<()>> + Send;
}

/// Rooms whose heads were moved.
#[derive(Debug, Default)]
pub(super) struct Advanced {
    /// Their last seqs.
    pub(super) heads: HashMap<String, i64>,
    /// When they were locked, by a clock that all replicas share; `None` where there is none.
    pub(super) at: Option<Timestamp>,
}

/// How much a commit knows beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Expects new messages only, none known before, and looks for none of them.
    Straight,
    /// Locks, looks, then writes.
    Careful,
}

impl Way {
    /// The one to try first.
    pub(super) fn first(batch: &[Change]) -> Self {
        if batch.iter().all(|change| matches!(change, Change::Send(_))) {
            Self::Straight
        } else {
            Self::Careful
        }
    }
}

/// Why a commit was rolled back.
#[derive(Debug)]
pub(super) enum Failure {
    /// Something that went straight is a repeat: go carefully.
    Repeats,
    /// The store failed.
    Store(sql::Error),
}

impl From<diesel::result::Error> for Failure {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Log for SqlStore {
    async fn commit(&self, batch: Vec<Change>, clock: &Clock) -> Result<Vec<Result<Committed>>> {
        match self.db.pools()? {
            sql::Pools::Postgres(pool) => append_postgres::commit(pool, batch, clock).await,
            sql::Pools::Lite { write, .. } => append_sqlite::commit(write, batch, clock.clone()).await,
        }
        .map_err(Error::Store)
    }

    async fn history(&self, room_id: &str, span: Span, head: &Head, limit: u32) -> Result<Vec<Message>> {
        log::history(&self.db, &self.replicas, room_id, span, head, limit).await
    }

    async fn changes(
        &self,
        room_id: &str,
        between: (u64, u64),
        head: &Head,
        limit: u32,
    ) -> Result<Vec<Message>> {
        log::changes(&self.db, &self.replicas, room_id, between, head, limit).await
    }

    async fn was_of(&self, room_id: &str, seq: u64, id: &str) -> Result<bool> {
        log::was_of(&self.db, room_id, seq, id).await
    }
}

/// Runs the statements. The caller opens the transaction, and rolls it back at an error.
pub(super) async fn commit<S: Statements>(
    statements: &mut S,
    batch: &[Change],
    way: Way,
    clock: &Clock,
) -> Result<Vec<Result<Committed>>, Failure> {
    let mut wanted = demand(batch);
    if way == Way::Careful {
        for count in wanted.values_mut() {
            *count = 0;
        }
    }
    let Advanced { heads, at } = statements.advance(wanted.clone()).await?;
    let mut plan = Plan {
        heads,
        // Asked while the rooms are locked, so that points in time follow the order of seqs.
        now: at.unwrap_or_else(|| clock.now()),
        ..Plan::default()
    };
    match way {
        // The heads are already where they will be: begin to count where they were.
        Way::Straight => {
            for (room, head) in &mut plan.heads {
                *head -= wanted.get(room).copied().unwrap_or(0);
            }
        }
        Way::Careful => {
            let (names, ids) = questions(batch);
            if !names.is_empty() {
                for row in statements.sent_as(names).await? {
                    plan.remember(row);
                }
            }
            if !ids.is_empty() {
                let found = statements.messages(ids).await?;
                plan.targets = found.into_iter().map(|row| (row.id.clone(), row)).collect();
            }
        }
    }
    let answers: Vec<Result<Committed>> = batch.iter().map(|change| plan.apply(change)).collect();
    if way == Way::Careful && !plan.taken.is_empty() {
        statements.advance(std::mem::take(&mut plan.taken)).await?;
    }
    if !plan.new.is_empty() {
        let count = plan.new.len();
        if statements.insert(std::mem::take(&mut plan.new)).await? != count {
            return Err(Failure::Repeats);
        }
    }
    for id in std::mem::take(&mut plan.rewritten) {
        if let Some(row) = plan.targets.remove(&id) {
            statements.rewrite(row).await?;
        }
    }
    if !plan.outbox.is_empty() {
        statements.enqueue(std::mem::take(&mut plan.outbox)).await?;
    }
    Ok(answers)
}

/// How many seqs each room gives if everything is new; repeats within the batch count once.
fn demand(batch: &[Change]) -> BTreeMap<String, i64> {
    let mut rooms: BTreeMap<String, i64> = BTreeMap::new();
    let mut seen = HashSet::new();
    for change in batch {
        let count = rooms.entry(change.room_id().to_owned()).or_default();
        let repeated = match change {
            Change::Send(new) => Key::of_new(new).is_some_and(|key| !seen.insert(key)),
            Change::Edit { .. } | Change::Delete(_) => false,
        };
        *count += i64::from(!repeated);
    }
    rooms
}

/// What the careful way looks up.
fn questions(batch: &[Change]) -> (Vec<Key>, Vec<String>) {
    let (mut names, mut ids) = (HashSet::new(), BTreeSet::new());
    for change in batch {
        match change {
            Change::Send(new) => names.extend(Key::of_new(new)),
            Change::Edit { target, .. } | Change::Delete(target) => {
                ids.insert(target.message_id.clone());
            }
        }
    }
    (names.into_iter().collect(), ids.into_iter().collect())
}

/// What makes a message a repeat of another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) room_id: String,
    pub(super) user_id: String,
    pub(super) name: String,
}

impl Key {
    fn new(room_id: &str, user_id: &str, name: Option<&String>) -> Option<Self> {
        Some(Self {
            room_id: room_id.to_owned(),
            user_id: user_id.to_owned(),
            name: name?.clone(),
        })
    }

    fn of_new(new: &NewMessage) -> Option<Self> {
        Self::new(&new.room_id, &new.user_id, new.client_msg_id.as_ref())
    }

    fn of_row(row: &MessageRow) -> Option<Self> {
        Self::new(&row.room_id, &row.user_id, row.client_msg_id.as_ref())
    }
}

/// The message that has a name.
#[derive(Debug)]
enum Known {
    /// It is stored.
    Stored(Box<MessageRow>),
    /// It is new in this batch, and stands here among the new ones.
    New(usize),
}

/// A batch on its way from changes to rows.
#[derive(Debug, Default)]
struct Plan {
    now: Timestamp,
    heads: HashMap<String, i64>,
    taken: BTreeMap<String, i64>,
    known: HashMap<Key, Known>,
    targets: HashMap<String, MessageRow>,
    new: Vec<MessageRow>,
    rewritten: Vec<String>,
    outbox: Vec<OutboxRow>,
}

impl Plan {
    fn remember(&mut self, row: MessageRow) {
        if let Some(key) = Key::of_row(&row) {
            self.known.insert(key, Known::Stored(Box::new(row)));
        }
    }

    /// The message with this name.
    fn first(&self, key: &Key) -> Option<&MessageRow> {
        match self.known.get(key)? {
            Known::Stored(row) => Some(row),
            Known::New(at) => self.new.get(*at),
        }
    }

    fn next_seq(&mut self, room_id: &str) -> Result<i64> {
        let head = self.heads.get_mut(room_id).ok_or(Error::NoSuchRoom)?;
        *head += 1;
        *self.taken.entry(room_id.to_owned()).or_default() += 1;
        Ok(*head)
    }

    fn apply(&mut self, change: &Change) -> Result<Committed> {
        match change {
            Change::Send(new) => self.send(new),
            Change::Edit { target, content } => self.edit(target, content),
            Change::Delete(target) => self.delete(target),
        }
    }

    fn send(&mut self, new: &NewMessage) -> Result<Committed> {
        let key = Key::of_new(new);
        if let Some(first) = key.as_ref().and_then(|key| self.first(key)) {
            return Ok(Committed {
                message: first.clone().into(),
                repeated: true,
            });
        }
        let seq = self.next_seq(&new.room_id)?;
        let row = MessageRow {
            id: Uuid::now_v7().to_string(),
            room_id: new.room_id.clone(),
            user_id: new.user_id.clone(),
            username: new.username.clone(),
            content: new.content.clone(),
            message_type: new.message_type.clone(),
            file_url: new.file_url.clone(),
            created_at: Millis::from(self.now),
            seq,
            change_seq: seq,
            client_msg_id: new.client_msg_id.clone(),
            edited_at: None,
            deleted_at: None,
        };
        let people = mentions::mentioned(&new.content, &new.user_id);
        self.outbox
            .extend(people.into_iter().map(|user| OutboxRow::mention(&row.id, user)));
        if let Some(key) = key {
            self.known.insert(key, Known::New(self.new.len()));
        }
        self.new.push(row.clone());
        Ok(Committed {
            message: row.into(),
            repeated: false,
        })
    }

    fn edit(&mut self, target: &Target, content: &str) -> Result<Committed> {
        if self.own(target)?.deleted_at.is_some() {
            return Err(Error::NoSuchMessage);
        }
        let now = Millis::from(self.now);
        self.rewrite(target, |row| {
            content.clone_into(&mut row.content);
            row.edited_at = Some(now);
        })
    }

    fn delete(&mut self, target: &Target) -> Result<Committed> {
        let row = self.own(target)?;
        if row.deleted_at.is_some() {
            return Ok(Committed {
                message: row.clone().into(),
                repeated: true,
            });
        }
        let now = Millis::from(self.now);
        self.rewrite(target, |row| {
            row.content.clear();
            row.file_url = None;
            row.deleted_at = Some(now);
        })
    }

    fn own(&self, target: &Target) -> Result<&MessageRow> {
        if !self.heads.contains_key(&target.room_id) {
            return Err(Error::NoSuchRoom);
        }
        let row = self.targets.get(&target.message_id);
        let row = row
            .filter(|row| row.room_id == target.room_id)
            .ok_or(Error::NoSuchMessage)?;
        if row.user_id == target.user_id {
            Ok(row)
        } else {
            Err(Error::NotYours)
        }
    }

    fn rewrite(&mut self, target: &Target, how: impl FnOnce(&mut MessageRow)) -> Result<Committed> {
        let seq = self.next_seq(&target.room_id)?;
        let row = self
            .targets
            .get_mut(&target.message_id)
            .ok_or(Error::NoSuchMessage)?;
        how(row);
        row.change_seq = seq;
        if !self.rewritten.contains(&target.message_id) {
            self.rewritten.push(target.message_id.clone());
        }
        Ok(Committed {
            message: row.clone().into(),
            repeated: false,
        })
    }
}
