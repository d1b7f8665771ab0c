//! The statements of a commit at SQLite. The whole transaction is one visit to a blocking thread: the fastest way.

use std::collections::BTreeMap;

use diesel::{
    ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, QueryResult, RunQueryDsl,
    SelectableHelper as _, SqliteConnection,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{BigInt, Nullable, Text},
    sqlite::Sqlite,
};
use diesel_async::pooled_connection::deadpool::Pool;
use futures_util::FutureExt as _;
use sql::{Lite, Moment};

use super::{
    append::{self, Advanced, Failure, Key, Statements, Way},
    outbox::OutboxRow,
    rows::MessageRow,
    schema::{messages, outbox, rooms},
};
use crate::{
    clock::Clock,
    error::Result,
    message::{Change, Committed},
};

/// Outbox rows in one statement: each binds four values, of which SQLite takes 32,766.
const OUTBOX_ROWS: usize = 1000;

pub(super) async fn commit(
    writer: &Pool<Lite>,
    batch: Vec<Change>,
    clock: Clock,
) -> sql::Result<Vec<Result<Committed>>> {
    let mut connection = sql::checkout_lite(writer).await?;
    let answers = connection
        .spawn_blocking(move |connection| Ok(commit_here(connection, &batch, &clock)))
        .await;
    connection.give_back();
    answers?
}

fn commit_here(
    connection: &mut SqliteConnection,
    batch: &[Change],
    clock: &Clock,
) -> sql::Result<Vec<Result<Committed>>> {
    let mut way = Way::first(batch);
    loop {
        #[expect(clippy::expect_used, reason = "none of the statements below ever waits")]
        let attempt = connection.immediate_transaction(|connection| {
            append::commit(connection, batch, way, clock)
                .now_or_never()
                .expect("SQLite's statements are synchronous")
        });
        match attempt {
            Ok(answers) => return Ok(answers),
            Err(Failure::Repeats) if way == Way::Straight => way = Way::Careful,
            Err(Failure::Repeats) => return Err(sql::Error::RolledBack),
            Err(Failure::Store(error)) => return Err(error),
        }
    }
}

impl Statements for SqliteConnection {
    async fn advance(&mut self, rooms: BTreeMap<String, i64>) -> QueryResult<Advanced> {
        let mut advanced = Advanced::default();
        // Not RETURNING, for which SQLite makes a table of its own each time. The transaction is immediate: nobody else
        // writes between the two.
        for (id, count) in rooms {
            let room = rooms::table.find(&id);
            let head: Option<i64> = room.select(rooms::last_seq).get_result(self).optional()?;
            let Some(head) = head.map(|head| head + count) else {
                continue;
            };
            if count > 0 {
                MoveHead { id: &id, head }.execute(self)?;
            }
            advanced.heads.insert(id, head);
        }
        Ok(advanced)
    }

    async fn sent_as(&mut self, names: Vec<Key>) -> QueryResult<Vec<MessageRow>> {
        let mut found = Vec::new();
        // One by one: three lists, each of any of its values, would be looked up in all their combinations.
        for Key {
            room_id,
            user_id,
            name,
        } in names
        {
            let row = messages::table
                .filter(messages::room_id.eq(room_id))
                .filter(messages::user_id.eq(user_id))
                .filter(messages::client_msg_id.eq(name))
                .select(MessageRow::as_select())
                .get_result(self)
                .optional()?;
            found.extend(row);
        }
        Ok(found)
    }

    async fn messages(&mut self, ids: Vec<String>) -> QueryResult<Vec<MessageRow>> {
        messages::table
            .filter(messages::id.eq_any(ids))
            .select(MessageRow::as_select())
            .load(self)
    }

    async fn insert(&mut self, rows: Vec<MessageRow>) -> QueryResult<usize> {
        let mut count = 0;
        // One by one: a statement that writes many rows has to be able to take all of them back, for which SQLite copies
        // every page before it changes it.
        for row in &rows {
            count += Insert(row).execute(self)?;
        }
        Ok(count)
    }

    async fn rewrite(&mut self, row: MessageRow) -> QueryResult<()> {
        super::log::rewrite(row).execute(self).map(|_| ())
    }

    async fn enqueue(&mut self, rows: Vec<OutboxRow>) -> QueryResult<()> {
        for rows in rows.chunks(OUTBOX_ROWS) {
            diesel::insert_into(outbox::table).values(rows).execute(self)?;
        }
        Ok(())
    }
}

/// Moves a room's head. diesel's own UPDATE is parsed anew each time.
#[derive(Debug)]
struct MoveHead<'a> {
    id: &'a str,
    head: i64,
}

impl QueryId for MoveHead<'_> {
    type QueryId = MoveHead<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Connection> RunQueryDsl<Connection> for MoveHead<'_> {}

impl QueryFragment<Sqlite> for MoveHead<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE rooms SET last_seq = ");
        out.push_bind_param::<BigInt, _>(&self.head)?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<Text, _>(self.id)
    }
}

/// Inserts a new message unless it is a repeat.
#[derive(Debug)]
struct Insert<'a>(&'a MessageRow);

impl QueryId for Insert<'_> {
    type QueryId = Insert<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Connection> RunQueryDsl<Connection> for Insert<'_> {}

impl QueryFragment<Sqlite> for Insert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let Self(row) = self;
        out.push_sql(
            "INSERT INTO messages (id, room_id, user_id, username, content, message_type, file_url, created_at, \
             seq, change_seq, client_msg_id) VALUES (",
        );
        let texts = [
            &row.id,
            &row.room_id,
            &row.user_id,
            &row.username,
            &row.content,
            &row.message_type,
        ];
        for text in texts {
            out.push_bind_param::<Text, _>(text)?;
            out.push_sql(", ");
        }
        out.push_bind_param::<Nullable<Text>, _>(&row.file_url)?;
        out.push_sql(", ");
        out.push_bind_param::<Moment, _>(&row.created_at)?;
        for seq in [&row.seq, &row.change_seq] {
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(seq)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&row.client_msg_id)?;
        out.push_sql(") ON CONFLICT (room_id, user_id, client_msg_id) DO NOTHING");
        Ok(())
    }
}
