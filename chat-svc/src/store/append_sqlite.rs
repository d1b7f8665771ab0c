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

/// Messages in one statement. Few enough that the rest of a batch, row by row, is no burden.
const ROWS: usize = 16;

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
        for (id, count) in rooms {
            let head = diesel::update(rooms::table.find(&id))
                .set(rooms::last_seq.eq(rooms::last_seq + count))
                .returning(rooms::last_seq)
                .get_result(self)
                .optional()?;
            if let Some(head) = head {
                advanced.heads.insert(id, head);
            }
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
        let (together, alone) = rows.as_chunks::<ROWS>();
        let mut count = 0;
        for rows in together {
            count += Insert(rows).execute(self)?;
        }
        for row in alone {
            count += Insert(std::array::from_ref(row)).execute(self)?;
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

/// Inserts new messages except repeats. Of a fixed number, so that the statement is parsed once per connection.
#[derive(Debug)]
struct Insert<'a, const N: usize>(&'a [MessageRow; N]);

impl<const N: usize> QueryId for Insert<'_, N> {
    type QueryId = Insert<'static, N>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Connection, const N: usize> RunQueryDsl<Connection> for Insert<'_, N> {}

impl<const N: usize> QueryFragment<Sqlite> for Insert<'_, N> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO messages (id, room_id, user_id, username, content, message_type, file_url, created_at, \
             seq, change_seq, client_msg_id) VALUES ",
        );
        for (at, row) in self.0.iter().enumerate() {
            out.push_sql(if at == 0 { "(" } else { ", (" });
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
            out.push_sql(")");
        }
        out.push_sql(" ON CONFLICT (room_id, user_id, client_msg_id) DO NOTHING");
        Ok(())
    }
}
