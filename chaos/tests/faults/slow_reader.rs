//! A client that stops reading while its room gets ten thousand messages.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::{
    client::{Frame, Socket},
    cluster::Cluster,
    wait,
};

use crate::support::longest;

const MESSAGES: u64 = 10_000;

/// Long enough that no buffer of the kernel holds them all.
const CONTENT: usize = 1000;

/// Senders, each with so many sends under way.
const SENDERS: usize = 8;
const AT_ONCE: usize = 32;

/// How much the edge may grow: the slow client's queue (1 MiB), the shards' queues, and what the allocator keeps.
const GROWS_BY_KB: u64 = 64 * 1024;

/// What the prompt one may wait between two messages of a busy room.
const NO_DELAY: Duration = Duration::from_secs(1);

/// `VmRSS`, what a process holds now, or `VmHWM`, the most that it ever held.
fn memory_kb(pid: u32, which: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process of ours");
    let line = status.lines().find(|line| line.starts_with(which));
    let number = line
        .and_then(|line| line.split_whitespace().nth(1))
        .expect("a size");
    number.parse().expect("a number")
}

async fn send(cluster: &Cluster, sender: usize) {
    let user = format!("sender{sender}");
    let mut socket =
        Socket::connect(&cluster.ws_url(0, &format!("/ws?user_id={user}&username={user}"))).await;
    socket
        .send_json(&json!({"type": "subscribe", "room_id": "general"}))
        .await;
    socket.wait_for("subscribed", wait::SOON).await;
    let text = "x".repeat(CONTENT);
    let (mut next, mut open) = (sender, 0);
    while next < usize::try_from(MESSAGES).expect("fits") || open > 0 {
        while open < AT_ONCE && next < usize::try_from(MESSAGES).expect("fits") {
            socket
                .send_json(&json!({"type": "message", "room_id": "general", "content": text,
                    "client_msg_id": format!("n{next}")}))
                .await;
            next += SENDERS;
            open += 1;
        }
        let answer = socket
            .wait_where("an answer", wait::START, |frame| {
                frame["type"] == "ack" || frame["type"] == "error"
            })
            .await;
        if answer["type"] == "ack" {
            open -= 1;
        } else {
            // Too fast for the limit of one connection: once more, after the pause it asks for.
            assert_eq!(answer["code"], "rate_limited", "{answer}");
            let pause = answer["retry_after_ms"].as_u64().expect("a pause");
            tokio::time::sleep(Duration::from_millis(pause)).await;
            socket
                .send_json(&json!({"type": "message", "room_id": "general", "content": text,
                    "client_msg_id": answer["client_msg_id"]}))
                .await;
        }
    }
}

/// Reads messages up to the last one; the longest pause between two of them.
async fn read_promptly(mut socket: Socket) -> Duration {
    let mut pauses = Vec::new();
    let mut last = Instant::now();
    for seq in 1..=MESSAGES {
        let frame = socket.wait_for("message", wait::START).await;
        assert_eq!(frame["seq"], seq, "in order, without gap or repeat");
        pauses.push(last.elapsed());
        last = Instant::now();
    }
    // The first one waits for the senders to connect.
    longest(pauses.into_iter().skip(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_reading_is_told_and_resumes_while_nobody_else_waits() {
    let cluster = Cluster::start().await;
    let url = cluster.ws_url(0, "/ws/general/slow?username=slow&after_seq=0");
    let mut slow = Socket::connect(&url).await;
    let prompt = Socket::connect(&cluster.ws_url(0, "/ws/general/prompt?username=prompt&after_seq=0")).await;
    let pid = cluster.edge(0).pid().expect("the edge runs");
    let before = memory_kb(pid, "VmRSS");

    let prompt = tokio::spawn(read_promptly(prompt));
    let senders = (0..SENDERS).map(|sender| send(&cluster, sender));
    futures_util::future::join_all(senders).await;
    let pause = prompt.await.expect("the prompt one got everything");
    // At its highest: the queue is gone as soon as the slow one is told.
    let grown = memory_kb(pid, "VmHWM").saturating_sub(before);
    println!("the longest pause was {pause:?}, the edge grew by {grown} kB at most");
    assert!(pause <= NO_DELAY, "the prompt one waited {pause:?}");
    assert!(grown <= GROWS_BY_KB, "the edge grew by {grown} kB");

    // Now it reads: some messages, in order, and then why there are no more.
    let mut seen = 0;
    let code = loop {
        match slow.next_frame(wait::START).await {
            Frame::Json(frame) if frame["type"] == "message" => {
                seen += 1;
                assert_eq!(frame["seq"], seen, "in order, without gap or repeat");
            }
            Frame::Json(_) => {}
            Frame::Closed(code, reason) => {
                assert!(reason.contains("after_seq"), "{reason}");
                break code;
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, 4408);
    assert!(seen < MESSAGES, "not everything can have been buffered");
    let url = cluster.ws_url(0, &format!("/ws/general/slow?username=slow&after_seq={seen}"));
    let mut slow = Socket::connect(&url).await;
    for seq in seen + 1..=MESSAGES {
        let frame: Value = slow.wait_for("message", wait::START).await;
        assert_eq!(frame["seq"], seq, "it resumes where it was");
    }
}
