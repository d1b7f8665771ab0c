//! The store on diesel: one text per query, for SQLite and PostgreSQL.

use diesel::{
    prelude::{
        BoolExpressionMethods as _, ExpressionMethods as _, IntoSql as _, QueryDsl as _,
        SelectableHelper as _,
    },
    sql_types::Bool,
};
use diesel_migrations::embed_migrations;
use futures_util::{FutureExt as _, future::BoxFuture};
use sql::{Db, Error, Migrations, Result, fetch};

use super::{
    Insertion, Store,
    schema::{NewRow, Row, notifications},
};
use crate::Notification;

/// PostgreSQL connections of one replica; SQLite's readers.
pub(super) const CONNECTIONS: usize = 8;

/// How often an insertion looks again after it met a source that was deleted before it could be read.
const INSERT_TRIES: u32 = 5;

/// Rows that one statement trims: few enough to be short.
const TRIM_BATCH: i64 = 500;

pub(super) static MIGRATIONS: Migrations = Migrations {
    postgres: embed_migrations!("migrations/postgres"),
    sqlite: embed_migrations!("migrations/sqlite"),
};

/// See the module.
pub(super) struct Database {
    db: Db,
}

impl Database {
    pub(super) fn new(db: Db) -> Self {
        Self { db }
    }

    async fn insert_or_find(&self, row: NewRow, source: Option<String>) -> Result<Insertion> {
        for _ in 0..INSERT_TRIES {
            let inserted: Result<Row> = fetch!(
                self.db,
                write,
                get_result,
                diesel::insert_into(notifications::table)
                    .values(row.clone())
                    .on_conflict(notifications::source)
                    .do_nothing()
                    .returning(Row::as_returning())
            )
            .await;
            match (inserted, &source) {
                (Ok(row), _) => return Ok(Insertion::New(row.into())),
                // The conflict waited for the other transaction to end, so that its row is visible now.
                (Err(Error::NotFound), Some(source)) => {
                    if let Some(known) = self.by_source(source).await? {
                        return Ok(Insertion::Known(known));
                    }
                }
                (Err(error), _) => return Err(error),
            }
        }
        Err(Error::Unavailable("a source came and went".to_owned()))
    }

    async fn by_source(&self, source: &str) -> Result<Option<Notification>> {
        let row: Result<Row> = fetch!(
            self.db,
            read,
            first,
            notifications::table
                .filter(notifications::source.eq(source.to_owned()))
                .select(Row::as_select())
        )
        .await;
        found(row)
    }
}

impl Store for Database {
    fn insert(&self, notification: Notification, source: Option<String>) -> BoxFuture<'_, Result<Insertion>> {
        let row = NewRow::new(notification, source.clone());
        self.insert_or_find(row, source).boxed()
    }

    fn list(&self, user_id: &str, unread_only: bool, limit: u32) -> BoxFuture<'_, Result<Vec<Notification>>> {
        let user_id = user_id.to_owned();
        async move {
            let rows: Vec<Row> = fetch!(
                self.db,
                read,
                load,
                notifications::table
                    .filter(notifications::user_id.eq(user_id.clone()))
                    .filter(
                        notifications::is_read
                            .eq(false)
                            .or((!unread_only).into_sql::<Bool>())
                    )
                    .order((notifications::created_at.desc(), notifications::id.desc()))
                    .limit(i64::from(limit))
                    .select(Row::as_select())
            )
            .await?;
            Ok(rows.into_iter().map(Into::into).collect())
        }
        .boxed()
    }

    fn unread_count(&self, user_id: &str) -> BoxFuture<'_, Result<u64>> {
        let user_id = user_id.to_owned();
        async move {
            let count: i64 = fetch!(
                self.db,
                read,
                get_result,
                notifications::table
                    .filter(notifications::user_id.eq(user_id.clone()))
                    .filter(notifications::is_read.eq(false))
                    .count()
            )
            .await?;
            Ok(count.unsigned_abs())
        }
        .boxed()
    }

    fn mark_read(&self, id: &str, owner: Option<&str>) -> BoxFuture<'_, Result<Option<Notification>>> {
        let (id, anyones) = (id.to_owned(), owner.is_none());
        let owner = owner.unwrap_or_default().to_owned();
        async move {
            let row: Result<Row> = fetch!(
                self.db,
                write,
                get_result,
                diesel::update(notifications::table.find(id.clone()))
                    .filter(
                        notifications::user_id
                            .eq(owner.clone())
                            .or(anyones.into_sql::<Bool>())
                    )
                    .set(notifications::is_read.eq(true))
                    .returning(Row::as_returning())
            )
            .await;
            found(row)
        }
        .boxed()
    }

    fn mark_all_read(&self, user_id: &str) -> BoxFuture<'_, Result<u64>> {
        let user_id = user_id.to_owned();
        async move {
            let changed = fetch!(
                self.db,
                write,
                execute,
                diesel::update(notifications::table)
                    .filter(notifications::user_id.eq(user_id.clone()))
                    .filter(notifications::is_read.eq(false))
                    .set(notifications::is_read.eq(true))
            )
            .await?;
            Ok(changed as u64)
        }
        .boxed()
    }

    fn delete(&self, id: &str, owner: Option<&str>) -> BoxFuture<'_, Result<bool>> {
        let (id, anyones) = (id.to_owned(), owner.is_none());
        let owner = owner.unwrap_or_default().to_owned();
        async move {
            let deleted = fetch!(
                self.db,
                write,
                execute,
                diesel::delete(notifications::table.find(id.clone())).filter(
                    notifications::user_id
                        .eq(owner.clone())
                        .or(anyones.into_sql::<Bool>())
                )
            )
            .await?;
            Ok(deleted > 0)
        }
        .boxed()
    }

    fn trim(&self, user_id: &str, kept: u32) -> BoxFuture<'_, Result<u64>> {
        let user_id = user_id.to_owned();
        async move {
            let all = diesel::alias!(notifications as all);
            let mut trimmed = 0;
            loop {
                let gone = fetch!(
                    self.db,
                    write,
                    execute,
                    diesel::delete(notifications::table).filter(
                        notifications::id.eq_any(
                            all.filter(all.field(notifications::user_id).eq(user_id.clone()))
                                .order((
                                    all.field(notifications::created_at).desc(),
                                    all.field(notifications::id).desc()
                                ))
                                .offset(i64::from(kept))
                                .limit(TRIM_BATCH)
                                .select(all.field(notifications::id))
                        )
                    )
                )
                .await?;
                trimmed += gone as u64;
                if gone == 0 {
                    return Ok(trimmed);
                }
            }
        }
        .boxed()
    }
}

fn found(row: Result<Row>) -> Result<Option<Notification>> {
    match row {
        Ok(row) => Ok(Some(row.into())),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
