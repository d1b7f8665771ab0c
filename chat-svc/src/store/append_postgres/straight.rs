//! The commit of new messages only, none of which is expected to be known: one statement, which is a transaction of its
//! own, and so one round trip.

use std::collections::{BTreeMap, HashMap};

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::{DatabaseErrorKind, Error as Diesel},
    sql_types::{Array, BigInt, Nullable, Text},
};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use sql::{Millis, Moment, Postgres};
use uuid::Uuid;

use super::super::{append::Failure, number, outbox::MENTION};
use crate::{
    error::{Error, Result},
    mentions,
    message::{Committed, NewMessage, TEXT},
};

/// Commits new messages; what became of each. [`Failure::Repeats`] where the database knows one of them: then nothing was
/// stored.
pub(super) async fn commit(connection: &mut Postgres, batch: &[NewMessage]) -> Result<Vec<Outcome>, Failure> {
    let mut plan = Plan::default();
    for (at, new) in batch.iter().enumerate() {
        plan.add(at, new);
    }
    let (rooms, counts) = plan.counts.iter().unzip();
    let statement = Append {
        rooms,
        counts,
        rows: &plan.rows,
    };
    let advanced: QueryResult<Vec<(String, i64, Millis)>> = RunQueryDsl::load(statement, connection).await;
    match advanced {
        Ok(advanced) => Ok(plan.outcomes(&advanced)),
        Err(Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Err(Failure::Repeats),
        Err(error) => Err(error.into()),
    }
}

/// What became of a message.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is stored.
    Stored { id: String, seq: u64, at: Timestamp },
    /// It is a repeat of an earlier one, which stands here in the batch.
    Repeats(usize),
    /// Its room does not exist.
    NoSuchRoom,
}

impl Outcome {
    /// The answer for `new`, where `earlier` are those for the messages before it.
    pub(super) fn answer(self, new: NewMessage, earlier: &[Result<Committed>]) -> Result<Committed> {
        let (message, repeated) = match self {
            Self::Stored { id, seq, at } => (new.stored(id, seq, at), false),
            Self::Repeats(at) => match earlier.get(at) {
                Some(Ok(first)) => (first.message.clone(), true),
                _ => return Err(Error::NoSuchRoom),
            },
            Self::NoSuchRoom => return Err(Error::NoSuchRoom),
        };
        Ok(Committed { message, repeated })
    }
}

/// A batch on its way to rows.
#[derive(Debug, Default)]
struct Plan<'a> {
    rows: Rows<'a>,
    /// Of each message: `None` for the next row, or where the earlier one stands of which it is a repeat.
    repeats: Vec<Option<usize>>,
    /// Where the first message of a room, a user and a name stands.
    named: HashMap<[&'a str; 3], usize>,
    /// How many seqs each room gives.
    counts: BTreeMap<&'a str, i64>,
}

/// New rows, column by column. Each column costs the database time for each row, so what most messages lack is left off at
/// the end: it takes what is missing for NULL.
#[derive(Debug, Default)]
struct Rows<'a> {
    ids: Vec<String>,
    rooms: Vec<&'a str>,
    users: Vec<&'a str>,
    usernames: Vec<&'a str>,
    contents: Vec<&'a str>,
    /// `None` for [`TEXT`].
    types: Vec<Option<&'a str>>,
    file_urls: Vec<Option<&'a str>>,
    names: Vec<Option<&'a str>>,
    /// Which one of its room's new messages each is, from 1.
    nths: Vec<i64>,
    mentions: Mentions<'a>,
}

/// People to notify, column by column.
#[derive(Debug, Default)]
struct Mentions<'a> {
    messages: Vec<String>,
    rooms: Vec<&'a str>,
    users: Vec<String>,
}

impl<'a> Plan<'a> {
    fn add(&mut self, at: usize, new: &'a NewMessage) {
        let name = new.client_msg_id.as_deref();
        let first = name.map(|name| *self.named.entry([&new.room_id, &new.user_id, name]).or_insert(at));
        let repeats = first.filter(|first| *first != at);
        self.repeats.push(repeats);
        if repeats.is_none() {
            let nth = self.counts.entry(&new.room_id).or_default();
            *nth += 1;
            self.rows.add(new, *nth);
        }
    }

    /// By those rooms that exist: the last seq that each has given, and when.
    fn outcomes(self, advanced: &[(String, i64, Millis)]) -> Vec<Outcome> {
        let heads: HashMap<&str, (i64, Timestamp)> = advanced
            .iter()
            .map(|(room, head, at)| (room.as_str(), (*head, Timestamp::from(*at))))
            .collect();
        let Self {
            rows,
            repeats,
            counts,
            ..
        } = self;
        let mut rows = rows.ids.into_iter().zip(rows.rooms).zip(rows.nths);
        let mut stored = || {
            let ((id, room), nth) = rows.next()?;
            let (head, at) = *heads.get(room)?;
            let seq = number::from_sql(head - counts.get(room)? + nth);
            Some(Outcome::Stored { id, seq, at })
        };
        let outcome = |repeats: Option<usize>| match repeats {
            Some(at) => Outcome::Repeats(at),
            None => stored().unwrap_or(Outcome::NoSuchRoom),
        };
        repeats.into_iter().map(outcome).collect()
    }
}

impl<'a> Rows<'a> {
    fn add(&mut self, new: &'a NewMessage, nth: i64) {
        let id = Uuid::now_v7().to_string();
        for user in mentions::mentioned(&new.content, &new.user_id) {
            self.mentions.messages.push(id.clone());
            self.mentions.rooms.push(&new.room_id);
            self.mentions.users.push(user);
        }
        let others = self.ids.len();
        self.ids.push(id);
        self.rooms.push(&new.room_id);
        self.users.push(&new.user_id);
        self.usernames.push(&new.username);
        self.contents.push(&new.content);
        let message_type = Some(new.message_type.as_str()).filter(|message_type| *message_type != TEXT);
        put(&mut self.types, others, message_type);
        put(&mut self.file_urls, others, new.file_url.as_deref());
        put(&mut self.names, others, new.client_msg_id.as_deref());
        self.nths.push(nth);
    }
}

/// Gives a column, which may have ended early, the value of the row behind so many others.
fn put<'a>(column: &mut Vec<Option<&'a str>>, others: usize, value: Option<&'a str>) {
    if value.is_some() {
        column.resize(others, None);
        column.push(value);
    }
}

/// Locks rooms in the order of their ids, moves their heads, inserts messages and outbox rows, and answers the heads.
#[derive(Debug)]
struct Append<'a> {
    rooms: Vec<&'a str>,
    counts: Vec<i64>,
    rows: &'a Rows<'a>,
}

impl QueryId for Append<'_> {
    type QueryId = Append<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Append<'_> {
    type SqlType = (Text, BigInt, Moment);
}

impl QueryFragment<Pg> for Append<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let rows = self.rows;
        super::push_locked(&mut out, &self.rooms, &self.counts)?;
        out.push_sql(", advanced AS (");
        super::push_advance(&mut out);
        out.push_sql(
            "), stored AS (INSERT INTO messages (id, room_id, user_id, username, content, message_type, file_url, \
             created_at, seq, change_seq, client_msg_id) \
             SELECT new.id, new.room_id, new.user_id, new.username, new.content, \
             COALESCE(new.message_type, ",
        );
        out.push_bind_param::<Text, _>(TEXT)?;
        out.push_sql(
            "), new.file_url, advanced.at, \
             advanced.before + new.nth, advanced.before + new.nth, new.client_msg_id FROM unnest(",
        );
        out.push_bind_param::<Array<Text>, _>(&rows.ids)?;
        for column in [&rows.rooms, &rows.users, &rows.usernames, &rows.contents] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Text>, _>(column)?;
        }
        for column in [&rows.types, &rows.file_urls, &rows.names] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<Text>>, _>(column)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&rows.nths)?;
        out.push_sql(
            ") AS new (id, room_id, user_id, username, content, message_type, file_url, client_msg_id, nth) \
             JOIN advanced ON advanced.id = new.room_id), \
             noted AS (INSERT INTO outbox (message_id, user_id, kind, due_at) \
             SELECT mention.message_id, mention.user_id, ",
        );
        out.push_bind_param::<Text, _>(MENTION)?;
        // Due at once, whatever any clock says.
        out.push_sql(", 'epoch' FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&rows.mentions.messages)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&rows.mentions.rooms)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&rows.mentions.users)?;
        out.push_sql(
            ") AS mention (message_id, room_id, user_id) JOIN advanced ON advanced.id = mention.room_id) \
             SELECT id, last_seq, at FROM advanced",
        );
        Ok(())
    }
}
