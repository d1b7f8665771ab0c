//! Migrations of both backends, safe when replicas start together.

use std::time::Duration;

use diesel_async::{AsyncMigrationHarness, SimpleAsyncConnection as _, pooled_connection::deadpool::Pool};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _};

use crate::{Db, Error, Lite, Pools, Result, checkout_lite, checkout_postgres};

/// A service's migrations, compiled in.
pub struct Migrations {
    /// For PostgreSQL.
    pub postgres: EmbeddedMigrations,
    /// For SQLite.
    pub sqlite: EmbeddedMigrations,
}

/// The advisory lock that replicas take in turn ("ChatFlow" as a number).
const LOCK: i64 = 0x4368_6174_466c_6f77;

/// How long a replica whose migration failed keeps the others from trying it. While one waits for a lock, everybody who needs
/// the table waits behind it: this long they don't, however many replicas start together.
const BREATHER: Duration = Duration::from_secs(5);

/// How often migrations of SQLite are tried. It has no advisory lock: another process may run a migration between our
/// look and our try, or switch the new file to WAL at the same time, which waits for nobody. Looking again finds it done.
const LITE_TRIES: u32 = 10;

/// The pause between two tries.
const LITE_PAUSE: Duration = Duration::from_millis(20);

impl Db {
    /// Brings the tables up to date. Needs a multi-threaded runtime (diesel's harness blocks in place).
    ///
    /// # Errors
    /// Where the database does not answer, or a migration fails.
    pub async fn migrate(&self, migrations: &'static Migrations) -> Result<()> {
        match self.pools_before_migration() {
            Pools::Postgres(pool) => {
                let mut connection = checkout_postgres(pool).await?;
                // Held by the session: goes with the connection, should this process die half-way. The lock may have
                // to be waited for longer than a statement may usually run.
                connection
                    .batch_execute(&format!(
                        "SET statement_timeout = 0; SELECT pg_advisory_lock({LOCK})"
                    ))
                    .await?;
                let mut harness = AsyncMigrationHarness::new(connection);
                let result = harness
                    .run_pending_migrations(EmbeddedRef(&migrations.postgres))
                    .map(|_| ())
                    .map_err(failed);
                let mut connection = harness.into_inner();
                if result.is_err() {
                    tokio::time::sleep(BREATHER).await;
                }
                connection
                    .batch_execute(&format!(
                        "SELECT pg_advisory_unlock({LOCK}); RESET statement_timeout"
                    ))
                    .await?;
                connection.give_back();
                result?;
            }
            Pools::Lite { write, .. } => {
                let mut tries = LITE_TRIES;
                while let Err(error) = migrate_lite(write, migrations).await {
                    tries -= 1;
                    if tries == 0 {
                        return Err(error);
                    }
                    tokio::time::sleep(LITE_PAUSE).await;
                }
            }
        }
        self.set_migrated();
        Ok(())
    }
}

async fn migrate_lite(write: &Pool<Lite>, migrations: &'static Migrations) -> Result<()> {
    let mut harness = AsyncMigrationHarness::new(checkout_lite(write).await?);
    let result = harness
        .run_pending_migrations(EmbeddedRef(&migrations.sqlite))
        .map(|_| ());
    harness.into_inner().give_back();
    result.map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Unavailable(format!("migration: {error}"))
}

/// A migration source that can be used more than once.
struct EmbeddedRef(&'static EmbeddedMigrations);

impl<B: diesel::backend::Backend> diesel::migration::MigrationSource<B> for EmbeddedRef {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn diesel::migration::Migration<B>>>> {
        self.0.migrations()
    }
}
