//! A client that does not read, and those around it.

use edge::socket::SocketLimits;
use test_support::wait::{SOON, START, until};

use crate::support::{System, consecutive, say};

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_told_4408_and_nobody_else_notices() {
    const COUNT: usize = 600;
    let system = System::start().await;
    let limits = SocketLimits {
        queue_bytes: 64 * 1024,
        ..SocketLimits::default()
    };
    let edge = system.edge_with(limits, true).await;
    let mut quick = edge.subscribed("quick", "general").await;
    let mut slow = edge.subscribed("slow", "general").await;
    let upstream = edge.upstream.clone();
    // More than the kernel's buffers and the queue hold together.
    let talker = tokio::spawn(async move {
        let content = "x".repeat(15_000);
        for _ in 0..COUNT {
            say(&upstream, "general", &content).await;
        }
    });
    consecutive(&mut quick, 1, COUNT).await;
    talker.await.unwrap();
    assert_eq!(slow.close_code(START).await, Some(4408));
    until(SOON, "the slow one is gone", async || {
        edge.sockets.connections() == 1
    })
    .await;
    edge.say("general", "on it goes").await;
    consecutive(&mut quick, COUNT as u64 + 1, 1).await;
}
