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
    next: i64,
}

impl Bare {
    /// Makes it.
    pub(crate) async fn new(file: &Path) -> Self {
        let url = DatabaseUrl::Sqlite(file.to_owned());
        let db = Db::open(&url, "bench", 1).expect("a store");
        db.migrate(&chat_svc::store::MIGRATIONS).await.expect("tables");
        let path = file.to_str().expect("a path in UTF-8");
        let mut connection = SqliteConnection::establish(path).expect("a connection");
        connection.batch_execute(sql::LITE_SETTINGS).expect("settings");
        Self { connection, next: 1 }
    }

    /// Rows per second in transactions of so many, for so long.
    pub(crate) fn rows_per_second(
        &mut self,
        way: Way,
        batch: usize,
        characters: usize,
        how_long: Duration,
    ) -> f64 {
        let (began, mut count) = (Instant::now(), 0);
        while began.elapsed() < how_long {
            self.insert(way, batch, characters);
            count += batch;
        }
        crate::figures::rate(count, began.elapsed())
    }

    /// How long each of so many transactions of one row took, one after the other.
    pub(crate) fn lone(&mut self, count: usize, characters: usize) -> Vec<Duration> {
        let one = |_| {
            let began = Instant::now();
            self.insert(Way::OneByOne, 1, characters);
            began.elapsed()
        };
        (0..count).map(one).collect()
    }

    fn insert(&mut self, way: Way, batch: usize, characters: usize) {
        let rows: Vec<Row> = (0..batch).map(|_| self.row(characters)).collect();
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

    fn row(&mut self, characters: usize) -> Row {
        let n = self.next;
        self.next += 1;
        let user = format!("user-0-{}", n % 128);
        Row {
            id: format!("0192{n:08x}-7000-8000-000000000000"),
            room_id: "general".to_owned(),
            username: user.clone(),
            user_id: user,
            content: "x".repeat(characters),
            message_type: "text",
            created_at: 1_795_428_000_123 + n,
            seq: n,
            change_seq: n,
            client_msg_id: format!("run-{n}"),
        }
    }
}
