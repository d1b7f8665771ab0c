//! What callers tell apart.

use diesel::prelude::ExpressionMethods as _;
use sql::{DatabaseUrl, Db, Error, Millis, fetch};

use crate::support::{Fresh, insert, readings, set, sqlite, value};

on_both!(
    a_repeated_key_is_a_duplicate,
    a_missing_row_is_not_found,
    a_missing_reference_is_told_apart,
    nothing_works_before_the_tables_are_there,
);

async fn a_repeated_key_is_a_duplicate(fresh: Fresh) {
    let db = fresh.open(2).await;
    insert(&db, "a").await.unwrap();
    match insert(&db, "a").await {
        Err(Error::Duplicate(what)) => assert!(what.contains("counters"), "{what}"),
        other => panic!("{other:?}"),
    }
}

async fn a_missing_row_is_not_found(fresh: Fresh) {
    let db = fresh.open(2).await;
    assert!(matches!(value(&db, "a").await, Err(Error::NotFound)));
    assert_eq!(set(&db, "a", 1).await.unwrap(), 0);
}

async fn a_missing_reference_is_told_apart(fresh: Fresh) {
    let db = fresh.open(2).await;
    let row = (
        readings::id.eq("1"),
        readings::counter.eq("nowhere"),
        readings::at.eq(Millis::from(jiff::Timestamp::UNIX_EPOCH)),
    );
    let inserted = fetch!(
        db,
        write,
        execute,
        diesel::insert_into(readings::table).values(row)
    )
    .await;
    assert!(matches!(inserted, Err(Error::MissingReference)), "{inserted:?}");
}

async fn nothing_works_before_the_tables_are_there(fresh: Fresh) {
    let db = Db::open(&fresh.url, "sql-tests", 2).unwrap();
    assert!(matches!(value(&db, "a").await, Err(Error::Unavailable(_))));
    assert!(matches!(db.ping().await, Err(Error::Unavailable(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_to_the_readers_fails_instead_of_getting_in_the_writers_way() {
    let fresh = sqlite();
    let db = fresh.open(2).await;
    insert(&db, "a").await.unwrap();
    let query = diesel::delete(crate::support::counters::table);
    let deleted = fetch!(db, read, execute, query).await;
    assert!(matches!(deleted, Err(Error::Unavailable(_))), "{deleted:?}");
    assert_eq!(value(&db, "a").await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_of_a_sqlite_file_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not/there/yet/counters.db");
    let db = Db::open(&DatabaseUrl::Sqlite(path.clone()), "sql-tests", 2).unwrap();
    db.migrate(&crate::support::MIGRATIONS).await.unwrap();
    assert!(path.exists());

    let below_a_file = path.join("further/counters.db");
    match Db::open(&DatabaseUrl::Sqlite(below_a_file), "sql-tests", 2) {
        Err(Error::Unavailable(why)) => assert!(why.contains("counters.db/further"), "{why}"),
        other => panic!("{other:?}"),
    }
}
