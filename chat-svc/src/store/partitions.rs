//! The `messages` table, cut into hash partitions by room: once, in one transaction, by an operator.

mod catalogue;
mod progress;

use diesel_async::{AsyncConnection as _, SimpleAsyncConnection as _};
use sql::Postgres;

use self::catalogue::{Keys, Reference, Shape};
use super::SqlStore;

pub use progress::Progress;

/// Fewest partitions; one would be none.
pub const FEWEST: u16 = 2;

/// Most partitions: each has a table and five indexes, and every lookup by id alone asks each of them.
pub const MOST: u16 = 256;

/// Blocks of the table that are copied by one statement: half a gigabyte, after which progress is told.
const BLOCKS: i64 = 65_536;

/// What became of the wish for partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitioned {
    /// It has been done now, for so many messages.
    Now {
        /// How many messages were moved.
        messages: i64,
    },
    /// It was done before.
    Before {
        /// How many partitions there are.
        partitions: i64,
    },
}

impl SqlStore {
    /// Cuts `messages` into `into` partitions by room, and tells how far it is. All or nothing: one
    /// transaction, in which nobody else reads or writes messages. The tables have to be up to date.
    ///
    /// # Errors
    /// What the database says, at SQLite always; then nothing was changed.
    pub async fn partition_messages(
        &self,
        into: u16,
        mut tell: impl FnMut(Progress) + Send,
    ) -> sql::Result<Partitioned> {
        let sql::Pools::Postgres(pool) = self.db.pools()? else {
            return Err(sql::Error::Unavailable(
                "only PostgreSQL has partitions".to_owned(),
            ));
        };
        let mut connection = sql::checkout_postgres(pool).await?;
        // A statement may take minutes: a server that knows the setting gives it up soon after its caller is gone, with all its
        // locks. Set before the transaction, which has to lock before it looks at anything.
        connection
            .batch_execute(
                "SELECT set_config(name, '1s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'",
            )
            .await?;
        let work = async |connection: &mut Postgres| partition(connection, into, &mut tell).await;
        // The connection keeps its setting, so nobody else gets it.
        (*connection).transaction(work).await
    }
}

async fn partition(
    connection: &mut Postgres,
    into: u16,
    tell: &mut (impl FnMut(Progress) + Send),
) -> sql::Result<Partitioned> {
    lock(connection).await?;
    if let Some(partitions) = catalogue::partitions(connection).await? {
        return Ok(Partitioned::Before { partitions });
    }
    if let Some(owner) = catalogue::other_owner(connection).await? {
        return Err(sql::Error::Unavailable(format!(
            "messages belongs to {owner}, and the new table would not: run it as {owner}"
        )));
    }
    let shape = catalogue::shape(connection).await?;
    let before = catalogue::census(connection, "messages").await?;
    tell(Progress::Locked { rows: before.rows });
    make_tables(connection, into).await?;
    copy(connection, before.rows, tell).await?;
    let after = catalogue::census(connection, "messages_new").await?;
    if before != after {
        return Err(sql::Error::Unavailable(format!(
            "the copy differs ({after:?}, not {before:?}): nothing was changed"
        )));
    }
    tell(Progress::Compared {
        rows: after.rows,
        partitions: into,
    });
    take_its_place(connection, &shape).await?;
    build_indexes(connection, &shape, tell).await?;
    for grant in &shape.grants {
        connection.batch_execute(grant).await?;
    }
    connection.batch_execute("ANALYZE messages").await?;
    tell(Progress::Committing);
    Ok(Partitioned::Now { messages: after.rows })
}

/// Sees to it that nobody else reads or writes messages, and that what they wrote is seen: where transactions keep to one
/// snapshot by default, this one would take it before it has the locks. They are taken in the order in which a commit takes
/// them, so that neither waits for the other for ever. Whoever waits meanwhile is answered `unavailable` after its own
/// `statement_timeout`.
async fn lock(connection: &mut Postgres) -> sql::Result<()> {
    // A lock_timeout would count for each table anew.
    let before = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = 0; \
                  SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = '30s'";
    connection.batch_execute(before).await?;
    let locked = connection.batch_execute("LOCK TABLE rooms, messages, outbox IN ACCESS EXCLUSIVE MODE");
    locked
        .await
        .map_err(|error| sql::Error::Unavailable(format!("messages can't be locked: {error}")))?;
    Ok(connection
        .batch_execute("SET LOCAL statement_timeout = 0")
        .await?)
}

async fn make_tables(connection: &mut Postgres, into: u16) -> sql::Result<()> {
    let table = "CREATE TABLE messages_new (LIKE messages INCLUDING ALL EXCLUDING INDEXES) PARTITION BY HASH (room_id)";
    connection.batch_execute(table).await?;
    let partition = |number| {
        format!(
            "CREATE TABLE messages_{number} PARTITION OF messages_new \
             FOR VALUES WITH (MODULUS {into}, REMAINDER {number})"
        )
    };
    let partitions: Vec<String> = (0..into).map(partition).collect();
    Ok(connection.batch_execute(&partitions.join(";")).await?)
}

/// Block by block, in the order of the table: old messages stay beside their neighbours.
async fn copy(
    connection: &mut Postgres,
    rows: i64,
    tell: &mut (impl FnMut(Progress) + Send),
) -> sql::Result<()> {
    let blocks = catalogue::blocks(connection).await?;
    let (mut from, mut copied) = (0, 0);
    while from < blocks {
        let to = (from + BLOCKS).min(blocks);
        copied += catalogue::copy(connection, from, to).await?;
        from = to;
        tell(Progress::Copied {
            rows: copied,
            of: rows,
        });
    }
    Ok(())
}

/// Removes the old table, whose names the new one then gets.
async fn take_its_place(connection: &mut Postgres, shape: &Shape) -> sql::Result<()> {
    for Reference { table, name } in &shape.references {
        connection
            .batch_execute(&format!("ALTER TABLE {table} DROP CONSTRAINT {name}"))
            .await?;
    }
    let exchange = "DROP TABLE messages; ALTER TABLE messages_new RENAME TO messages";
    Ok(connection.batch_execute(exchange).await?)
}

async fn build_indexes(
    connection: &mut Postgres,
    shape: &Shape,
    tell: &mut (impl FnMut(Progress) + Send),
) -> sql::Result<()> {
    for key in &shape.keys {
        tell(Progress::Building(key.name.clone()));
        connection.batch_execute(&statement(key)).await?;
    }
    for (name, definition) in &shape.indexes {
        tell(Progress::Building(name.clone()));
        connection.batch_execute(definition).await?;
    }
    for constraint in &shape.others {
        connection
            .batch_execute(&format!(
                "ALTER TABLE messages ADD CONSTRAINT {} {}",
                constraint.name, constraint.definition
            ))
            .await?;
    }
    Ok(())
}

/// A key of partitions holds what they are cut by: a key without it gets it in front, and an index of its own columns
/// beside it, for lookups that do not know the room.
fn statement(key: &Keys) -> String {
    let (name, kind, columns) = (&key.name, &key.kind, &key.columns);
    if key.has_room {
        return format!("ALTER TABLE messages ADD CONSTRAINT {name} {kind} ({columns})");
    }
    format!(
        "ALTER TABLE messages ADD CONSTRAINT {name} {kind} (room_id, {columns}); CREATE INDEX ON messages ({columns})"
    )
}
