//! What a connection takes, and who waits for it.

use std::os::unix::net::UnixStream;

use super::*;
use crate::beat::Roster;

#[test]
fn an_idle_connection_is_small() {
    // With the counts of its `Arc`, what allocators give at once: 128 bytes.
    assert!(size_of::<Connection>() <= 112, "{}", size_of::<Connection>());
}

#[tokio::test]
async fn whoever_sees_a_client_off_that_has_gone_hears_when_all_is_asked() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let connection = Arc::new(Connection::new(
        1,
        Kind::Multiplexed,
        Arc::new(Named::new("alice", "alice")),
        ours.into(),
        None,
        Arc::new(Home::new(1024, Roster::default()).unwrap()),
    ));
    connection.asking();
    let mut seen_off = std::pin::pin!(connection.all_asked());
    assert!(futures_util::FutureExt::now_or_never(seen_off.as_mut()).is_none());
    connection.asked();
    let in_time = tokio::time::timeout(Duration::from_secs(5), seen_off).await;
    assert!(in_time.is_ok(), "nobody has closed it, and nobody will");
}
