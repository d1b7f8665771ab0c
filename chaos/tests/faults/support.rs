//! Towns for the tests, what their histories say about waiting, and the verdict.

use std::time::Duration;

use chaos::{
    check::{self, stalls::deliveries},
    history::History,
    inject,
    running::{Ended, Places, Running},
    town::{self, Reads, Resident, Size},
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use test_support::{cluster::Cluster, process::Process, wait};
use tokio::time::sleep;

/// How long everybody may take to have everything.
pub(crate) const SETTLES: Duration = Duration::from_mins(1);

/// A town in which nobody is slow by nature: whoever waits, waits for the cluster.
pub(crate) fn prompt_town(people: u32) -> Vec<Resident> {
    let size = Size {
        people,
        large: 2,
        pairs: 4,
    };
    let mut town = town::draw(size, &mut ChaCha8Rng::seed_from_u64(1));
    for resident in &mut town {
        resident.reads = Reads::Promptly;
    }
    town
}

/// Starts a town and waits until everybody is there and talks.
pub(crate) async fn lively(cluster: &Cluster, town: Vec<Resident>) -> Running {
    let people = town.len();
    let running = Running::start(Places::of(cluster), town, 1)
        .await
        .expect("the town begins to live");
    wait::until(wait::START, "everybody is in all of their rooms", async || {
        let standings = running.board().standings();
        standings.len() == people
            && standings
                .values()
                .all(|standing| standing.joined.len() == standing.rooms)
    })
    .await;
    let before = running.counts().acked;
    wait::until(wait::START, "people talk", async || {
        running.counts().acked > before + 20
    })
    .await;
    running
}

/// Lets life go on for a while: time is what the test is about.
pub(crate) async fn life_goes_on(time: Duration) {
    sleep(time).await;
}

/// Brings the town to rest and holds its history against every promise.
pub(crate) async fn verified(cluster: &Cluster, running: Running) -> Ended {
    let rest = running.settle(SETTLES).await;
    let ended = running.finish().await;
    let verdict = check::check(&ended.history);
    assert!(verdict.is_ok(), "{verdict}");
    assert_eq!(rest, Ok(()), "everybody comes to rest");
    assert_eq!(ended.troubles, Vec::<String>::new());
    assert_eq!(inject::panics(cluster), Vec::<String>::new());
    ended
}

/// The longest that anybody waited for a message that was acknowledged after `from`.
pub(crate) fn longest_delivery(history: &History, from: Duration) -> Duration {
    let waits = deliveries(history);
    longest(
        waits
            .iter()
            .filter(|wait| wait.since() > from)
            .map(|wait| wait.stall),
    )
}

/// The longest of some times, zero where there are none.
pub(crate) fn longest(times: impl Iterator<Item = Duration>) -> Duration {
    times.max().unwrap_or_default()
}

/// The median of some times. Panics where there are none.
pub(crate) fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    assert!(!times.is_empty(), "nothing was measured");
    let middle = times.len() / 2;
    *times.select_nth_unstable(middle).1
}

/// The pids of all processes of ours, to see that none was started anew.
pub(crate) fn pids(cluster: &Cluster) -> Vec<Option<u32>> {
    cluster.processes().map(Process::pid).collect()
}

/// How many files files-svc believes to have.
pub(crate) async fn file_rows(cluster: &Cluster) -> i64 {
    let url = cluster.postgres.url("files_db");
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .expect("the database answers");
    tokio::spawn(connection);
    let row = client.query_one("SELECT count(*) FROM files", &[]).await;
    row.expect("it can be counted").get(0)
}
