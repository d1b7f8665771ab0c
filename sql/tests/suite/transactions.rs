//! Transactions: all or nothing, in turn, and gone at once when their caller is.

use std::time::Duration;

use diesel::prelude::{ExpressionMethods as _, QueryDsl as _};
use diesel_async::RunQueryDsl as _;
use sql::{Db, Error, Result, transaction};
use tokio::sync::oneshot;

use crate::support::{Fresh, counters, insert, set, sqlite, value};

on_both!(
    a_failed_transaction_changes_nothing,
    a_dropped_transaction_is_rolled_back_and_holds_no_lock,
    concurrent_transactions_lose_no_update,
    waiting_for_a_connection_is_bounded,
);

/// Adds one, the row being locked before it is read.
async fn add_one(db: &Db) -> Result<()> {
    transaction!(db, |c| {
        let row = counters::table.find("a");
        diesel::update(row)
            .set(counters::value.eq(counters::value + 0))
            .execute(c)
            .await?;
        let seen: i64 = row.select(counters::value).first(c).await?;
        diesel::update(row)
            .set(counters::value.eq(seen + 1))
            .execute(c)
            .await?;
        Ok(())
    })
    .await
}

/// Adds one, reading first.
async fn read_and_add_one(db: &Db) -> Result<()> {
    transaction!(db, |c| {
        let row = counters::table.find("a");
        let seen: i64 = row.select(counters::value).first(c).await?;
        diesel::update(row)
            .set(counters::value.eq(seen + 1))
            .execute(c)
            .await?;
        Ok(())
    })
    .await
}

/// Sets the counter, tells so, and goes on when it may.
async fn set_and_wait(
    db: &Db,
    value: i64,
    told: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
) -> Result<()> {
    // The body is compiled once per backend, and each takes what it uses.
    let (mut told, mut go_on) = (Some(told), Some(go_on));
    transaction!(db, |c| {
        let row = counters::table.find("a");
        diesel::update(row)
            .set(counters::value.eq(value))
            .execute(c)
            .await?;
        if let (Some(told), Some(go_on)) = (told.take(), go_on.take()) {
            told.send(()).unwrap();
            go_on.await.unwrap();
        }
        Ok(())
    })
    .await
}

async fn a_failed_transaction_changes_nothing(fresh: Fresh) {
    let db = fresh.open(2).await;
    insert(&db, "a").await.unwrap();
    let failed: Result<()> = transaction!(db, |c| {
        diesel::update(counters::table)
            .set(counters::value.eq(7))
            .execute(c)
            .await?;
        diesel::insert_into(counters::table)
            .values((counters::id.eq("a"), counters::value.eq(0)))
            .execute(c)
            .await?;
        Ok(())
    })
    .await;
    assert!(matches!(failed, Err(Error::Duplicate(_))), "{failed:?}");
    let given_up: Result<()> = transaction!(db, |c| {
        diesel::update(counters::table)
            .set(counters::value.eq(7))
            .execute(c)
            .await?;
        Err(Error::RolledBack)
    })
    .await;
    assert!(matches!(given_up, Err(Error::RolledBack)), "{given_up:?}");
    assert_eq!(value(&db, "a").await.unwrap(), 0);
}

async fn a_dropped_transaction_is_rolled_back_and_holds_no_lock(fresh: Fresh) {
    // The other replica would wait for the locks of a transaction that is left behind.
    let [left, other] = [fresh.open(2).await, fresh.open(2).await];
    insert(&left, "a").await.unwrap();
    for round in 1..=3 {
        let (told, hears) = oneshot::channel();
        let (_never, go_on) = oneshot::channel();
        tokio::select! {
            ended = set_and_wait(&left, -1, told, go_on) => panic!("{ended:?}"),
            heard = hears => heard.unwrap(),
        }
        assert_eq!(set(&other, "a", round).await.unwrap(), 1, "round {round}");
        assert_eq!(value(&left, "a").await.unwrap(), round);
    }
}

async fn concurrent_transactions_lose_no_update(fresh: Fresh) {
    // Two replicas, each with more callers than connections.
    let replicas = [fresh.open(4).await, fresh.open(4).await];
    insert(&replicas[0], "a").await.unwrap();
    let calls = (0..60).map(|number| {
        let db = replicas[number % 2].clone();
        tokio::spawn(async move { add_one(&db).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(value(&replicas[1], "a").await.unwrap(), 60);
}

async fn waiting_for_a_connection_is_bounded(fresh: Fresh) {
    let db = fresh.open(1).await;
    insert(&db, "a").await.unwrap();
    let (told, hears) = oneshot::channel();
    let (goes_on, go_on) = oneshot::channel();
    let holder = {
        let db = db.clone();
        tokio::spawn(async move { set_and_wait(&db, 5, told, go_on).await })
    };
    hears.await.unwrap();
    let waited = tokio::time::timeout(Duration::from_secs(10), set(&db, "a", 6)).await;
    let refused = waited.expect("an answer comes before anything else gives up");
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    goes_on.send(()).unwrap();
    holder.await.unwrap().unwrap();
    assert_eq!(value(&db, "a").await.unwrap(), 5);
    assert_eq!(set(&db, "a", 6).await.unwrap(), 1, "the pool has recovered");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_never_locked_even_for_those_who_read_before_they_write() {
    // Two writers on one file, as after a rolling restart.
    let fresh = sqlite();
    let replicas = [fresh.open(2).await, fresh.open(2).await];
    insert(&replicas[0], "a").await.unwrap();
    let calls = (0..60).map(|number| {
        let db = replicas[number % 2].clone();
        tokio::spawn(async move { read_and_add_one(&db).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(value(&replicas[0], "a").await.unwrap(), 60);
}
