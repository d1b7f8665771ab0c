//! What a connection takes, and who waits for it.

use std::os::unix::net::UnixStream;

use futures_util::FutureExt as _;
use tokio::sync::Semaphore;

use super::*;
use crate::beat::Roster;

/// A connection, and its client's end.
fn connection() -> (Connection, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let connection = Connection::new(
        1,
        Kind::Multiplexed,
        Arc::new(Named::new("alice", "alice")),
        ours.into(),
        None,
        Arc::new(Home::new(1024, Roster::default()).unwrap()),
    );
    (connection, theirs)
}

#[test]
fn an_idle_connection_is_small() {
    // With the counts of its `Arc`, what allocators give at once: 128 bytes.
    assert!(size_of::<Connection>() <= 112, "{}", size_of::<Connection>());
}

#[tokio::test]
async fn whoever_sees_a_client_off_that_has_gone_hears_when_all_is_asked() {
    let (connection, _theirs) = connection();
    let connection = Arc::new(connection);
    connection.asking();
    let mut seen_off = std::pin::pin!(connection.all_asked());
    assert!(seen_off.as_mut().now_or_never().is_none());
    connection.asked();
    let in_time = tokio::time::timeout(Duration::from_secs(5), seen_off).await;
    assert!(in_time.is_ok(), "nobody has closed it, and nobody will");
}

#[tokio::test]
async fn replays_wait_for_their_turn() {
    let (connection, _theirs) = connection();
    let mut turns = Vec::new();
    while let Some(turn) = connection.turn().now_or_never() {
        turns.push(turn);
        assert!(turns.len() < 100, "they would fill the memory");
    }
    let mut next = std::pin::pin!(connection.turn());
    assert!(next.as_mut().now_or_never().is_none());
    turns.pop();
    let in_time = tokio::time::timeout(Duration::from_secs(5), next).await;
    assert!(in_time.is_ok(), "nobody wakes it");
}

#[tokio::test]
async fn its_place_is_taken_as_long_as_it_has_a_file() {
    let places = Arc::new(Semaphore::new(1));
    let (connection, _theirs) = connection();
    let connection = Arc::new(connection.at(Place::take(&places)));
    let under_way = Arc::clone(&connection);
    connection.end();
    drop(connection);
    assert_eq!(places.available_permits(), 0);
    drop(under_way);
    assert_eq!(places.available_permits(), 1);
}
