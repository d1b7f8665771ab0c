//! A PostgreSQL that is not there yet, goes away, comes back, hangs, or is slow.

use std::time::Duration;

use runtime::{Shutdown, health::Health};
use sql::{Db, Error, fetch};
use test_support::{
    postgres::{Durability, Server},
    wait,
};

use crate::support::{MIGRATIONS, insert, postgres, value};

fn assert_unavailable<T: std::fmt::Debug>(result: &sql::Result<T>) {
    assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
}

/// As many at once as there are connections, and more.
async fn all_answer(db: &Db) -> bool {
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { value(&db, "a").await })
        })
        .collect();
    let mut good = true;
    for call in calls {
        good &= call.await.unwrap().is_ok();
    }
    good
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_starts_before_its_database_and_both_heal_without_a_restart() {
    let server = Server::start_new(Durability::Full).await;
    let url = server.create_database("counters").await.url().parse().unwrap();
    server.stop().await;

    let (health, shutdown) = (Health::new(), Shutdown::new());
    let db = Db::open(&url, "sql-tests", 4).unwrap();
    sql::bring_up(&db, &MIGRATIONS, health.part("store"), &shutdown).await;
    assert_unavailable(&value(&db, "a").await);
    assert!(!health.is_ready());

    server.start().await;
    wait::until(wait::SOON, "the tables come up", async || health.is_ready()).await;
    insert(&db, "a").await.unwrap();
    assert!(all_answer(&db).await);

    // Every pooled connection is broken by this.
    server.stop().await;
    assert_unavailable(&value(&db, "a").await);
    wait::until(wait::SOON, "readiness says so", async || !health.is_ready()).await;
    server.start().await;
    wait::until(wait::SOON, "every connection is replaced", async || {
        all_answer(&db).await
    })
    .await;
    wait::until(wait::SOON, "readiness says so", async || health.is_ready()).await;
    shutdown.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_unavailable_until_it_answers_again() {
    let server = Server::start_new(Durability::Off).await;
    let url = server.create_database("counters").await.url().parse().unwrap();
    let db = Db::open(&url, "sql-tests", 2).unwrap();
    db.migrate(&MIGRATIONS).await.unwrap();
    insert(&db, "a").await.unwrap();
    server.pause();
    let answer = tokio::time::timeout(Duration::from_secs(20), value(&db, "a")).await;
    assert_unavailable(&answer.expect("it gives up by itself"));
    server.resume();
    wait::until(wait::SOON, "it answers again", async || all_answer(&db).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_ended_by_the_server() {
    // One connection: the very one that ran the migrations, which may take as long as they need.
    let db = postgres().await.open(1).await;
    let slow = fetch!(db, read, execute, diesel::sql_query("SELECT pg_sleep(60)")).await;
    match slow {
        Err(Error::Unavailable(why)) => assert!(why.contains("statement timeout"), "{why}"),
        other => panic!("{other:?}"),
    }
    insert(&db, "a").await.unwrap();
}
