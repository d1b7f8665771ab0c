//! Migrations of both backends, safe when replicas start together.

use diesel_async::{AsyncMigrationHarness, SimpleAsyncConnection as _};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _};

use crate::{Db, Error, Pools, Result, checkout_lite, checkout_postgres};

/// A service's migrations, compiled in.
pub struct Migrations {
    /// For PostgreSQL.
    pub postgres: EmbeddedMigrations,
    /// For SQLite.
    pub sqlite: EmbeddedMigrations,
}

/// The advisory lock that replicas take in turn ("ChatFlow" as a number).
const LOCK: i64 = 0x4368_6174_466c_6f77;

/// How often migrations of SQLite are tried at once: each try finds at least one more of them done.
const LITE_TRIES: u32 = 5;

impl Db {
    /// Brings the tables up to date. Needs a multi-threaded runtime (diesel's harness blocks in place).
    ///
    /// # Errors
    /// Where the database does not answer, or a migration fails.
    pub async fn migrate(&self, migrations: &'static Migrations) -> Result<()> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::Unavailable(format!("migration: {error}"))
        };
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
                connection
                    .batch_execute(&format!(
                        "SELECT pg_advisory_unlock({LOCK}); RESET statement_timeout"
                    ))
                    .await?;
                connection.give_back();
                result?;
            }
            Pools::Lite { write, .. } => {
                let connection = checkout_lite(write).await?;
                let mut harness = AsyncMigrationHarness::new(connection);
                let mut run = || {
                    harness
                        .run_pending_migrations(EmbeddedRef(&migrations.sqlite))
                        .map(|_| ())
                };
                // SQLite has no advisory lock: another process may have run a migration between our look and our try.
                // It has committed by then, so that looking again finds it done.
                let result = (1..LITE_TRIES)
                    .find_map(|_| run().ok())
                    .map_or_else(run, Ok)
                    .map_err(failed);
                harness.into_inner().give_back();
                result?;
            }
        }
        self.set_migrated();
        Ok(())
    }
}

/// A migration source that can be used more than once.
struct EmbeddedRef(&'static EmbeddedMigrations);

impl<B: diesel::backend::Backend> diesel::migration::MigrationSource<B> for EmbeddedRef {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn diesel::migration::Migration<B>>>> {
        self.0.migrations()
    }
}
