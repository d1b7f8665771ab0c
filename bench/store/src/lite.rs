//! What SQLite does by itself with the same rows, in this process: the better of one insert of many rows and of a
//! prepared insert for each row.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use diesel::{
    Connection as _, Insertable, RunQueryDsl as _, SqliteConnection, connection::SimpleConnection as _, table,
};
use sql::{DatabaseUrl, Db};

use crate::{
    callers,
    rows::{Rows, USERS},
};

table! {
    messages (id) {
        id -> Text,
        room_id -> Text,
        user_id -> Text,
        username -> Text,
        content -> Text,
        message_type -> Text,
        created_at -> BigInt,
        seq -> BigInt,
        change_seq -> BigInt,
        client_msg_id -> Text,
    }
}

#[derive(Insertable)]
#[diesel(table_name = messages)]
struct Row {
    id: String,
    room_id: String,
    user_id: String,
    username: String,
    content: String,
    message_type: &'static str,
    created_at: i64,
    seq: i64,
    change_seq: i64,
    client_msg_id: String,
}

/// How rows are inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// One statement for all rows of a transaction.
    Together,
    /// The same prepared statement for each row.
    OneByOne,
}

/// A database with chat-svc's tables, set as chat-svc sets its own.
pub(crate) struct Bare {
    connection: SqliteConnection,
    next: usize,
}

impl Bare {
    /// Makes it, with so many rooms.
    pub(crate) async fn new(file: &Path, rooms: usize) -> Self {
        let url = DatabaseUrl::Sqlite(file.to_owned());
        let db = Db::open(&url, "bench", 1).expect("a store");
        db.migrate(&chat_svc::store::MIGRATIONS).await.expect("tables");
        let path = file.to_str().expect("a path in UTF-8");
        let mut connection = SqliteConnection::establish(path).expect("a connection");
        connection.batch_execute(sql::LITE_SETTINGS).expect("settings");
        for room in 0..rooms {
            let room = format!(
                "INSERT INTO rooms (id, name, created_at) VALUES ('{}', '', 0)",
                callers::room(room)
            );
            connection.batch_execute(&room).expect("a room");
        }
        Self { connection, next: 1 }
    }

    /// Rows per second where each transaction inserts `rows`, for so long.
    pub(crate) fn rows_per_second(&mut self, way: Way, rows: Rows, how_long: Duration) -> f64 {
        let (began, mut count) = (Instant::now(), 0);
        while began.elapsed() < how_long {
            self.insert(way, rows);
            count += rows.batch;
        }
        crate::figures::rate(count, began.elapsed())
    }

    /// How long each of so many transactions of one row took, one after the other.
    pub(crate) fn lone(&mut self, count: usize, rows: Rows) -> Vec<Duration> {
        let one = |_| {
            let began = Instant::now();
            self.insert(Way::OneByOne, Rows { batch: 1, ..rows });
            began.elapsed()
        };
        (0..count).map(one).collect()
    }

    fn insert(&mut self, way: Way, rows: Rows) {
        let rows: Vec<Row> = (0..rows.batch).map(|_| self.row(rows)).collect();
        self.connection
            .immediate_transaction(|connection| -> diesel::QueryResult<()> {
                let into = || diesel::insert_into(messages::table);
                match way {
                    Way::Together => {
                        into().values(&rows).execute(connection)?;
                    }
                    Way::OneByOne => {
                        for row in &rows {
                            into().values(row).execute(connection)?;
                        }
                    }
                }
                Ok(())
            })
            .expect("rows are inserted");
    }

    fn row(&mut self, rows: Rows) -> Row {
        let n = self.next;
        self.next += 1;
        let user = format!("user-0-{}", n / rows.rooms % USERS);
        let seq = i64::try_from(n).expect("fewer rows than 2^63");
        Row {
            id: format!("0192{n:08x}-7000-8000-000000000000"),
            room_id: callers::room(n % rows.rooms),
            username: user.clone(),
            user_id: user,
            content: "x".repeat(rows.characters),
            message_type: "text",
            created_at: 1_795_428_000_123 + seq,
            seq,
            change_seq: seq,
            client_msg_id: format!("run-{n}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use diesel::{QueryDsl as _, dsl::sql, sql_types::Text};
    use tempfile::TempDir;

    use super::*;

    /// What a message has none of when it is sent, unless it is a file.
    const EMPTY: [&str; 3] = ["file_url", "edited_at", "deleted_at"];

    #[tokio::test(flavor = "multi_thread")]
    async fn rows_have_the_columns_of_new_messages() {
        let folder = TempDir::new().unwrap();
        let mut bare = Bare::new(&folder.path().join("bare.db"), 1).await;
        let names = sql::<Text>("SELECT name FROM pragma_table_info('messages')");
        let names: Vec<String> = names.load(&mut bare.connection).unwrap();
        let ours = messages::table.select(messages::all_columns);
        let ours = diesel::debug_query::<diesel::sqlite::Sqlite, _>(&ours).to_string();
        assert!(names.len() > EMPTY.len());
        for name in names {
            let is_ours = ours.contains(&format!("`messages`.`{name}`"));
            assert_ne!(is_ours, EMPTY.contains(&name.as_str()), "{name}");
        }
    }
}
