//! Connections: a pool for PostgreSQL; one writer and a pool of readers for SQLite.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use diesel::{ConnectionError, SqliteConnection};
use diesel_async::{
    AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _,
    pooled_connection::{
        AsyncDieselConnectionManager as Manager, ManagerConfig, RecyclingMethod, deadpool::Pool,
    },
    sync_connection_wrapper::SyncConnectionWrapper,
};
use futures_util::FutureExt as _;

use crate::{
    DatabaseUrl, Error, Result,
    checkout::{CHECKOUT, STATEMENT, checkout_lite, checkout_postgres, within},
};

/// A SQLite connection behind an async face.
pub type Lite = SyncConnectionWrapper<SqliteConnection>;
/// A PostgreSQL connection.
pub type Postgres = AsyncPgConnection;

/// What every PostgreSQL connection is set to, behind the URL's own options. How long one statement may run, and a
/// transaction lie idle, in milliseconds: the locks of a process that has vanished hold others up for no longer. Plans are
/// made once: ours are the same for all values, and planning a short statement anew takes longer than running it.
const POSTGRES_SETTINGS: &str = "-c statement_timeout=5000 -c idle_in_transaction_session_timeout=5000 \
                                 -c plan_cache_mode=force_generic_plan";

/// What every SQLite connection is set to. With caches of 16 MB (of 2 unless told), and the log written back every 16 MB (of
/// 4), pages that change again and again are read and written less often; memory is taken only where it is used.
pub const LITE_SETTINGS: &str = "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; \
                                 PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384; \
                                 PRAGMA wal_autocheckpoint=4000;";

/// A database on either backend. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    migrated: Arc<AtomicBool>,
}

/// The connections, by backend.
#[derive(Clone)]
pub enum Pools {
    /// PostgreSQL.
    Postgres(Pool<Postgres>),
    /// SQLite: exactly one writer, so that no transaction ever finds the database locked by another of ours.
    Lite {
        /// The writer.
        write: Pool<Lite>,
        /// The readers.
        read: Pool<Lite>,
    },
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.pools {
            Pools::Postgres(_) => "Db::Postgres",
            Pools::Lite { .. } => "Db::Lite",
        })
    }
}

impl Db {
    /// Prepares the pools; connects when first used, so a database that is down does not keep a process from starting.
    ///
    /// `application` is what PostgreSQL shows for our connections; `connections` is the most it gets (SQLite: readers).
    ///
    /// # Errors
    /// Where SQLite's folder can't be made.
    pub fn open(url: &DatabaseUrl, application: &'static str, connections: usize) -> Result<Self> {
        let pools = match url {
            DatabaseUrl::Sqlite(path) => {
                if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                    std::fs::create_dir_all(folder)
                        .map_err(|error| Error::Unavailable(format!("{}: {error}", folder.display())))?;
                }
                Pools::Lite {
                    write: lite_pool(path, 1, "")?,
                    // What goes to the wrong pool fails at once, instead of finding the database locked now and then.
                    read: lite_pool(path, connections, "PRAGMA query_only=ON;")?,
                }
            }
            DatabaseUrl::Postgres(url) => Pools::Postgres(postgres_pool(url, application, connections, "")?),
        };
        Ok(Self {
            pools,
            migrated: Arc::default(),
        })
    }

    /// A read-only copy of a PostgreSQL database, whose tables come from there: it is never migrated, and what is asked
    /// before they are there is an error like any other.
    ///
    /// # Errors
    /// Where the URL is not PostgreSQL's.
    pub fn open_replica(url: &DatabaseUrl, application: &'static str, connections: usize) -> Result<Self> {
        let DatabaseUrl::Postgres(url) = url else {
            return Err(Error::Unavailable("only PostgreSQL has replicas".to_owned()));
        };
        let read_only = "-c default_transaction_read_only=on";
        let pool = postgres_pool(url, application, connections, read_only)?;
        Ok(Self {
            pools: Pools::Postgres(pool),
            migrated: Arc::new(AtomicBool::new(true)),
        })
    }

    /// The pools, for the macros.
    ///
    /// # Errors
    /// Before the migrations have run.
    #[doc(hidden)]
    pub fn pools(&self) -> Result<&Pools> {
        if self.migrated.load(Ordering::Acquire) {
            Ok(&self.pools)
        } else {
            Err(Error::Unavailable("its tables are not ready yet".to_owned()))
        }
    }

    pub(crate) fn pools_before_migration(&self) -> &Pools {
        &self.pools
    }

    pub(crate) fn set_migrated(&self) {
        self.migrated.store(true, Ordering::Release);
    }

    /// One statement that needs no table: does the database answer?
    ///
    /// # Errors
    /// Where it does not.
    pub async fn ping(&self) -> Result<()> {
        match self.pools()? {
            Pools::Postgres(pool) => {
                let mut connection = checkout_postgres(pool).await?;
                let answer = within(STATEMENT, connection.batch_execute("SELECT 1")).await?;
                connection.give_back();
                Ok(answer?)
            }
            Pools::Lite { read, .. } => {
                let mut connection = checkout_lite(read).await?;
                let answer = connection.batch_execute("SELECT 1").await;
                connection.give_back();
                Ok(answer?)
            }
        }
    }
}

fn postgres_pool(
    url: &str,
    application: &'static str,
    connections: usize,
    also: &'static str,
) -> Result<Pool<Postgres>> {
    let mut config: ManagerConfig<Postgres> = ManagerConfig::default();
    // The default asks the server at every checkout; a connection that is closed is seen without asking.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |url| {
        let url = url.to_owned();
        async move {
            let bad = |error: tokio_postgres::Error| ConnectionError::BadConnection(error.to_string());
            let mut settings: tokio_postgres::Config = url.parse().map_err(bad)?;
            let options = format!(
                "{} {POSTGRES_SETTINGS} {also}",
                settings.get_options().unwrap_or_default()
            );
            settings
                .application_name(application)
                .options(options)
                .connect_timeout(CHECKOUT)
                .tcp_user_timeout(Duration::from_secs(10))
                .keepalives_idle(Duration::from_secs(10));
            let (client, connection) = settings.connect(tokio_postgres::NoTls).await.map_err(bad)?;
            AsyncPgConnection::try_from_client_and_connection(client, connection).await
        }
        .boxed()
    });
    Pool::builder(Manager::new_with_config(url, config))
        .max_size(connections)
        .build()
        .map_err(|error| Error::Unavailable(error.to_string()))
}

fn lite_pool(path: &Path, connections: usize, also: &'static str) -> Result<Pool<Lite>> {
    let mut config: ManagerConfig<Lite> = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |path| {
        let path = path.to_owned();
        async move {
            let mut connection = Lite::establish(&path).await?;
            connection
                .batch_execute(&format!("{LITE_SETTINGS}{also}"))
                .await
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
            Ok(connection)
        }
        .boxed()
    });
    Pool::builder(Manager::new_with_config(path.to_string_lossy(), config))
        .max_size(connections)
        .build()
        .map_err(|error| Error::Unavailable(error.to_string()))
}
