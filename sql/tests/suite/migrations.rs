//! Tables come up once, however many replicas start together.

use sql::Db;

use crate::support::{Fresh, MIGRATIONS, insert, value};

on_both!(migrating_again_changes_nothing, four_replicas_start_together);

async fn migrating_again_changes_nothing(fresh: Fresh) {
    insert(&fresh.open(2).await, "a").await.unwrap();
    let again = fresh.open(2).await;
    again.migrate(&MIGRATIONS).await.unwrap();
    assert_eq!(value(&again, "a").await.unwrap(), 0);
}

async fn four_replicas_start_together(fresh: Fresh) {
    let starts = (0..4).map(|_| {
        let db = Db::open(&fresh.url, "sql-tests", 2).unwrap();
        tokio::spawn(async move {
            db.migrate(&MIGRATIONS).await.unwrap();
            db
        })
    });
    for (number, start) in starts.collect::<Vec<_>>().into_iter().enumerate() {
        let db = start.await.unwrap();
        insert(&db, &number.to_string()).await.unwrap();
    }
}
