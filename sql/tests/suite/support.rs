//! Fresh databases of both kinds, and a table of counters on them.

use diesel::prelude::{ExpressionMethods as _, QueryDsl as _};
use diesel_migrations::embed_migrations;
use sql::{DatabaseUrl, Db, Migrations, Result, fetch};
use tempfile::TempDir;
use test_support::postgres;

diesel::table! {
    counters (id) {
        id -> Text,
        value -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::Text;
    use sql::Moment;

    readings (id) {
        id -> Text,
        counter -> Text,
        at -> Moment,
    }
}

pub(crate) static MIGRATIONS: Migrations = Migrations {
    postgres: embed_migrations!("tests/migrations/postgres"),
    sqlite: embed_migrations!("tests/migrations/sqlite"),
};

/// A fresh database; it goes when this is dropped.
pub(crate) struct Fresh {
    pub(crate) url: DatabaseUrl,
    _folder: Option<TempDir>,
}

pub(crate) fn sqlite() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    Fresh {
        url: DatabaseUrl::Sqlite(folder.path().join("counters.db")),
        _folder: Some(folder),
    }
}

pub(crate) async fn postgres() -> Fresh {
    Fresh {
        url: postgres::database().await.url().parse().unwrap(),
        _folder: None,
    }
}

impl Fresh {
    /// Opened with so many connections (SQLite: readers), with its tables.
    pub(crate) async fn open(&self, connections: usize) -> Db {
        let db = Db::open(&self.url, "sql-tests", connections).unwrap();
        db.migrate(&MIGRATIONS).await.unwrap();
        db
    }
}

/// Makes the named functions, which take a [`Fresh`], a test per backend.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::support::sqlite()).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::support::postgres().await).await;
            })+
        }
    };
}

pub(crate) async fn insert(db: &Db, id: &str) -> Result<usize> {
    let row = (counters::id.eq(id.to_owned()), counters::value.eq(0));
    fetch!(
        db,
        write,
        execute,
        diesel::insert_into(counters::table).values(row)
    )
    .await
}

pub(crate) async fn value(db: &Db, id: &str) -> Result<i64> {
    let query = counters::table.find(id.to_owned()).select(counters::value);
    fetch!(db, read, first, query).await
}

pub(crate) async fn set(db: &Db, id: &str, value: i64) -> Result<usize> {
    let row = diesel::update(counters::table.find(id.to_owned()));
    fetch!(db, write, execute, row.set(counters::value.eq(value))).await
}
