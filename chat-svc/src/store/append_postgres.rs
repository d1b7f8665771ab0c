//! The statements of a commit at PostgreSQL. Rows travel as arrays, so that a batch of any size is one prepared
//! statement and one round trip.

mod straight;

use std::collections::BTreeMap;

use diesel::{
    ExpressionMethods as _, QueryDsl as _, QueryResult, SelectableHelper as _,
    dsl::sql as sql_literal,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{Array, BigInt, Bool, Nullable, Text},
};
use diesel_async::{AsyncConnection as _, RunQueryDsl, pooled_connection::deadpool::Pool};
use sql::{Millis, Moment, Postgres};

use super::{
    append::{self, Advanced, Failure, Key, Statements, Way},
    outbox::OutboxRow,
    rows::MessageRow,
    schema::{messages, outbox},
};
use crate::{
    clock::Clock,
    error::Result,
    message::{Change, Committed, NewMessage},
};

/// Commits a batch: straight where it holds new messages only, carefully where it does not, or where one of them turns out
/// to be known.
pub(super) async fn commit(
    pool: &Pool<Postgres>,
    batch: Vec<Change>,
    clock: &Clock,
) -> sql::Result<Vec<Result<Committed>>> {
    let mut connection = sql::checkout_postgres(pool).await?;
    let answers = match only_new(batch) {
        Ok(new) => {
            let work = straight::commit(&mut connection, &new);
            match sql::within(sql::TRANSACTION, work).await? {
                Ok(outcomes) => Ok(answers(new, outcomes)),
                Err(Failure::Repeats) => {
                    let batch: Vec<Change> = new.into_iter().map(Change::Send).collect();
                    carefully(&mut connection, &batch, clock).await?
                }
                Err(Failure::Store(error)) => Err(error),
            }
        }
        Err(batch) => carefully(&mut connection, &batch, clock).await?,
    };
    connection.give_back();
    answers
}

/// The messages of a batch that holds nothing else.
fn only_new(batch: Vec<Change>) -> Result<Vec<NewMessage>, Vec<Change>> {
    if !batch.iter().all(|change| matches!(change, Change::Send(_))) {
        return Err(batch);
    }
    let new = |change| match change {
        Change::Send(new) => Some(new),
        Change::Edit { .. } | Change::Delete(_) => None,
    };
    Ok(batch.into_iter().filter_map(new).collect())
}

fn answers(new: Vec<NewMessage>, outcomes: Vec<straight::Outcome>) -> Vec<Result<Committed>> {
    let mut answers = Vec::with_capacity(new.len());
    for (new, outcome) in new.into_iter().zip(outcomes) {
        let answer = outcome.answer(new, &answers);
        answers.push(answer);
    }
    answers
}

/// The outer error is that of a server that hangs.
async fn carefully(
    connection: &mut Postgres,
    batch: &[Change],
    clock: &Clock,
) -> sql::Result<sql::Result<Vec<Result<Committed>>>> {
    let work = connection.transaction(async |connection: &mut Postgres| {
        append::commit(connection, batch, Way::Careful, clock).await
    });
    Ok(match sql::within(sql::TRANSACTION, work).await? {
        Ok(answers) => Ok(answers),
        Err(Failure::Repeats) => Err(sql::Error::RolledBack),
        Err(Failure::Store(error)) => Err(error),
    })
}

impl Statements for Postgres {
    async fn advance(&mut self, rooms: BTreeMap<String, i64>) -> QueryResult<Advanced> {
        let (rooms, counts) = rooms.into_iter().unzip();
        let rows: Vec<(String, i64, Millis)> = RunQueryDsl::load(Advance { rooms, counts }, self).await?;
        let mut advanced = Advanced::default();
        for (room, head, at) in rows {
            advanced.heads.insert(room, head);
            // The last one that was locked: later than whatever was stored in any of these rooms.
            advanced.at = advanced.at.max(Some(at.into()));
        }
        Ok(advanced)
    }

    async fn sent_as(&mut self, names: Vec<Key>) -> QueryResult<Vec<MessageRow>> {
        let (mut rooms, mut users, mut client_msg_ids) = (Vec::new(), Vec::new(), Vec::new());
        for Key {
            room_id,
            user_id,
            name,
        } in names
        {
            rooms.push(room_id);
            users.push(user_id);
            client_msg_ids.push(name);
        }
        // Row by row: three lists, each of any of its values, would be looked up in all their combinations.
        let named = sql_literal::<Bool>(
            "(messages.room_id, messages.user_id, messages.client_msg_id) IN (SELECT * FROM unnest(",
        )
        .bind::<Array<Text>, _>(rooms)
        .sql(", ")
        .bind::<Array<Text>, _>(users)
        .sql(", ")
        .bind::<Array<Text>, _>(client_msg_ids)
        .sql("))");
        let query = messages::table.filter(named).select(MessageRow::as_select());
        RunQueryDsl::load(query, self).await
    }

    async fn messages(&mut self, ids: Vec<String>) -> QueryResult<Vec<MessageRow>> {
        let query = messages::table
            .filter(messages::id.eq_any(ids))
            .select(MessageRow::as_select());
        RunQueryDsl::load(query, self).await
    }

    async fn insert(&mut self, rows: Vec<MessageRow>) -> QueryResult<usize> {
        RunQueryDsl::execute(Insert::from(rows), self).await
    }

    async fn rewrite(&mut self, row: MessageRow) -> QueryResult<()> {
        RunQueryDsl::execute(super::log::rewrite(row), self)
            .await
            .map(|_| ())
    }

    async fn enqueue(&mut self, rows: Vec<OutboxRow>) -> QueryResult<()> {
        let query = diesel::insert_into(outbox::table).values(&rows);
        RunQueryDsl::execute(query, self).await.map(|_| ())
    }
}

/// Locks rooms in the order of their ids, then moves their heads.
#[derive(Debug, QueryId)]
struct Advance {
    rooms: Vec<String>,
    counts: Vec<i64>,
}

impl Query for Advance {
    type SqlType = (Text, BigInt, Moment);
}

impl QueryFragment<Pg> for Advance {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push_locked(&mut out, &self.rooms, &self.counts)?;
        out.push_sql(", advanced AS (");
        push_advance(&mut out);
        out.push_sql(") SELECT id, last_seq, at FROM advanced");
        Ok(())
    }
}

/// `WITH … locked`: those of `rooms` that exist, locked in the order of their ids, each with how many seqs it is to give.
fn push_locked<'b, T>(
    out: &mut AstPass<'_, 'b, Pg>,
    rooms: &'b Vec<T>,
    counts: &'b Vec<i64>,
) -> QueryResult<()>
where
    Vec<T>: ToSql<Array<Text>, Pg>,
{
    out.push_sql("WITH given (id, count) AS (SELECT * FROM unnest(");
    out.push_bind_param::<Array<Text>, _>(rooms)?;
    out.push_sql(", ");
    out.push_bind_param::<Array<BigInt>, _>(counts)?;
    // Not FOR UPDATE: a read mark that refers to the room need not wait.
    out.push_sql(
        ")), locked AS MATERIALIZED (\
         SELECT rooms.id, given.count FROM rooms JOIN given ON given.id = rooms.id \
         ORDER BY rooms.id FOR NO KEY UPDATE OF rooms)",
    );
    Ok(())
}

/// Moves the heads of `locked` rooms. The time is taken behind the lock, so that points in time follow the order of seqs,
/// and it is the database's, on which all replicas agree.
fn push_advance(out: &mut AstPass<'_, '_, Pg>) {
    out.push_sql(
        "UPDATE rooms SET last_seq = rooms.last_seq + locked.count FROM locked WHERE rooms.id = locked.id \
         RETURNING rooms.id, rooms.last_seq, rooms.last_seq - locked.count AS before, \
         date_trunc('milliseconds', clock_timestamp()) AS at",
    );
}

/// Inserts new messages, column by column.
#[derive(Debug, Default, QueryId)]
struct Insert {
    ids: Vec<String>,
    rooms: Vec<String>,
    users: Vec<String>,
    usernames: Vec<String>,
    contents: Vec<String>,
    types: Vec<String>,
    file_urls: Vec<Option<String>>,
    created: Vec<Millis>,
    seqs: Vec<i64>,
    names: Vec<Option<String>>,
}

impl From<Vec<MessageRow>> for Insert {
    fn from(rows: Vec<MessageRow>) -> Self {
        let mut columns = Self::default();
        for row in rows {
            columns.ids.push(row.id);
            columns.rooms.push(row.room_id);
            columns.users.push(row.user_id);
            columns.usernames.push(row.username);
            columns.contents.push(row.content);
            columns.types.push(row.message_type);
            columns.file_urls.push(row.file_url);
            columns.created.push(row.created_at);
            columns.seqs.push(row.seq);
            columns.names.push(row.client_msg_id);
        }
        columns
    }
}

impl QueryFragment<Pg> for Insert {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO messages (id, room_id, user_id, username, content, message_type, file_url, created_at, \
             seq, change_seq, client_msg_id) \
             SELECT id, room_id, user_id, username, content, message_type, file_url, created_at, \
             seq, seq, client_msg_id FROM unnest(",
        );
        let texts = [
            &self.ids,
            &self.rooms,
            &self.users,
            &self.usernames,
            &self.contents,
            &self.types,
        ];
        for column in texts {
            out.push_bind_param::<Array<Text>, _>(column)?;
            out.push_sql(", ");
        }
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.file_urls)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Moment>, _>(&self.created)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.seqs)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.names)?;
        out.push_sql(
            ") AS new (id, room_id, user_id, username, content, message_type, file_url, created_at, seq, \
             client_msg_id) ON CONFLICT ON CONSTRAINT messages_once DO NOTHING",
        );
        Ok(())
    }
}
