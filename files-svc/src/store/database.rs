//! The table on diesel: one text per query, for SQLite and PostgreSQL.

use diesel::{ExpressionMethods as _, QueryDsl as _, SelectableHelper as _};
use diesel_migrations::embed_migrations;
use futures_util::{FutureExt as _, future::BoxFuture};
use runtime::{Shutdown, health::Part};
use sql::{DatabaseUrl, Db, Error, Migrations, fetch};
use uuid::Uuid;

use super::{
    FileStore, Result,
    schema::{Row, files},
};
use crate::{file::File, objects::Key};

/// PostgreSQL connections of one replica; SQLite's readers.
const CONNECTIONS: usize = 8;

static MIGRATIONS: Migrations = Migrations {
    postgres: embed_migrations!("migrations/postgres"),
    sqlite: embed_migrations!("migrations/sqlite"),
};

/// See the module.
pub(crate) struct SqlFiles {
    db: Db,
}

impl SqlFiles {
    /// Prepares the connections.
    pub(crate) fn open(url: &DatabaseUrl) -> Result<Self> {
        let db = Db::open(url, "files-svc", CONNECTIONS)?;
        Ok(Self { db })
    }

    /// Makes the table as soon as the database answers, and keeps `part` true.
    pub(crate) async fn bring_up(&self, part: Part, shutdown: &Shutdown) {
        sql::bring_up(&self.db, &MIGRATIONS, part, shutdown).await;
    }
}

impl FileStore for SqlFiles {
    fn check(&self) -> BoxFuture<'_, Result<()>> {
        self.db.ping().boxed()
    }

    fn insert(&self, file: File) -> BoxFuture<'_, Result<()>> {
        async move {
            let row = Row::from(file);
            fetch!(
                self.db,
                write,
                execute,
                diesel::insert_into(files::table).values(row.clone())
            )
            .await
            .map(|_| ())
        }
        .boxed()
    }

    fn get(&self, id: Uuid) -> BoxFuture<'_, Result<Option<File>>> {
        async move {
            let row: Result<Row> = fetch!(
                self.db,
                read,
                get_result,
                files::table.find(id.to_string()).select(Row::as_select())
            )
            .await;
            match row {
                Ok(row) => row.try_into().map(Some),
                Err(Error::NotFound) => Ok(None),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn list(&self, room_id: Option<String>, limit: u32) -> BoxFuture<'_, Result<Vec<File>>> {
        async move {
            let newest = (files::created_at.desc(), files::id.desc());
            let limit = i64::from(limit);
            let rows: Vec<Row> = match room_id {
                Some(room_id) => {
                    fetch!(
                        self.db,
                        read,
                        load,
                        files::table
                            .filter(files::room_id.eq(room_id.clone()))
                            .order(newest)
                            .limit(limit)
                            .select(Row::as_select())
                    )
                    .await?
                }
                None => {
                    fetch!(
                        self.db,
                        read,
                        load,
                        files::table.order(newest).limit(limit).select(Row::as_select())
                    )
                    .await?
                }
            };
            rows.into_iter().map(File::try_from).collect()
        }
        .boxed()
    }

    fn delete(&self, id: Uuid) -> BoxFuture<'_, Result<()>> {
        async move {
            fetch!(
                self.db,
                write,
                execute,
                diesel::delete(files::table.find(id.to_string()))
            )
            .await
            .map(|_| ())
        }
        .boxed()
    }

    fn known<'a>(&'a self, keys: &[Key]) -> BoxFuture<'a, Result<Vec<Key>>> {
        let keys: Vec<String> = keys.iter().map(Key::to_string).collect();
        async move {
            let known: Vec<String> = fetch!(
                self.db,
                read,
                load,
                files::table
                    .filter(files::minio_key.eq_any(keys.clone()))
                    .select(files::minio_key)
            )
            .await?;
            Ok(known.iter().filter_map(|key| Key::parse(key)).collect())
        }
        .boxed()
    }
}
