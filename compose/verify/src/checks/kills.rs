//! Replicas are killed while people chat: nothing that was acknowledged is lost, nothing comes twice, no request fails.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use test_support::{
    client::{Frame, Rest, Socket},
    wait,
};
use uuid::Uuid;

use crate::{
    shell::Shell,
    stack::{self, GATEWAY, SOON},
};

/// People who chat meanwhile.
const PEOPLE: usize = 6;

/// Between one message of a person and the next.
const PACE: Duration = Duration::from_millis(50);

/// What one has seen of the room.
#[derive(Debug, Default)]
struct Seen {
    acked: Vec<String>,
    seqs: Vec<i64>,
}

/// Kills a replica of a service under load, has compose replace it, and compares what everybody saw with the history.
pub async fn is_not_noticed(shell: Shell, service: &'static str) {
    let room = format!("kill-{}", Uuid::now_v7().simple());
    let gateway = Rest::new(GATEWAY);
    let _ = gateway
        .post("/api/chat/rooms", &json!({"id": room, "name": "Kills"}))
        .await
        .expect(201);
    let over = Arc::new(AtomicBool::new(false));
    let acks = Arc::new(AtomicUsize::new(0));
    let people: Vec<_> = (0..PEOPLE)
        .map(|number| tokio::spawn(chat(room.clone(), number, Arc::clone(&over), Arc::clone(&acks))))
        .collect();
    let reader = tokio::spawn(read_meanwhile(room.clone(), Arc::clone(&over)));

    more_acks(&acks, 30).await;
    let victim = stack::replicas(&shell, service).await.remove(0);
    shell.must(&format!("docker kill {}", victim.id), SOON).await;
    more_acks(&acks, 60).await;
    stack::up(&shell, &format!("--no-recreate {}", stack::SCALED)).await;
    more_acks(&acks, 30).await;
    over.store(true, Ordering::Relaxed);

    let reads = reader.await.expect("no read fails");
    assert!(reads > 20, "only {reads} reads");
    let mut acked = Vec::new();
    let mut saw = Vec::new();
    for person in people {
        let seen = person.await.expect("nobody fails");
        acked.extend(seen.acked);
        saw.push(seen.seqs);
    }
    let history = history(&room).await;
    let seqs: Vec<i64> = history
        .iter()
        .filter_map(|message| message["seq"].as_i64())
        .collect();
    let expected: Vec<i64> = (1..=i64::try_from(seqs.len()).expect("few")).collect();
    assert_eq!(seqs, expected, "the log has no gap");
    let ids: Vec<&str> = history
        .iter()
        .filter_map(|message| message["id"].as_str())
        .collect();
    for id in &acked {
        assert!(
            ids.contains(&id.as_str()),
            "{id} was acknowledged and is not there"
        );
    }
    for (number, saw) in saw.iter().enumerate() {
        assert!(
            saw.windows(2).all(|pair| pair[1] == pair[0] + 1),
            "person {number} saw {saw:?}"
        );
    }
}

async fn more_acks(acks: &AtomicUsize, count: usize) {
    let goal = acks.load(Ordering::Relaxed) + count;
    wait::until(SOON, &format!("{count} more messages acknowledged"), async || {
        acks.load(Ordering::Relaxed) >= goal
    })
    .await;
}

/// One person: says something, waits for the ack, comes back after a loss with what was seen last, repeats what was not
/// acknowledged.
async fn chat(room: String, number: usize, over: Arc<AtomicBool>, acks: Arc<AtomicUsize>) -> Seen {
    let mut seen = Seen::default();
    let mut said = 0;
    'connections: loop {
        let after = seen.seqs.last().copied().unwrap_or(0);
        let url = format!("ws://localhost:8092/ws/{room}/p{number}?username=P{number}&after_seq={after}");
        let Ok(mut socket) = Socket::try_connect(&url, &[]).await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        loop {
            if over.load(Ordering::Relaxed) {
                return seen;
            }
            tokio::time::sleep(PACE).await;
            let name = format!("{number}-{said}");
            let frame = json!({"type": "message", "content": name, "client_msg_id": name});
            if socket
                .send_raw(tokio_tungstenite::tungstenite::Message::text(frame.to_string()))
                .await
                .is_err()
            {
                continue 'connections;
            }
            loop {
                // A socket to a killed edge may stay silent: then the next one finds another.
                let came = tokio::time::timeout(Duration::from_secs(3), socket.next_frame(SOON)).await;
                match came {
                    Ok(Frame::Json(frame))
                        if frame["type"] == "ack" && frame["client_msg_id"] == name.as_str() =>
                    {
                        seen.acked
                            .push(frame["id"].as_str().unwrap_or_default().to_owned());
                        acks.fetch_add(1, Ordering::Relaxed);
                        said += 1;
                        break;
                    }
                    Ok(Frame::Json(frame)) if frame["type"] == "message" => {
                        seen.seqs.push(frame["seq"].as_i64().unwrap_or_default());
                    }
                    // Refused for now: said again, under the same name.
                    Ok(Frame::Json(frame)) if frame["type"] == "error" => break,
                    Ok(Frame::Closed(..) | Frame::Lost) | Err(_) => continue 'connections,
                    Ok(_) => {}
                }
            }
        }
    }
}

/// Somebody who reads the history by REST all the time: every request is answered well. How many were.
async fn read_meanwhile(room: String, over: Arc<AtomicBool>) -> usize {
    let gateway = Rest::new(GATEWAY);
    let mut reads = 0;
    while !over.load(Ordering::Relaxed) {
        let _ = gateway
            .get(&format!("/api/chat/rooms/{room}/messages?limit=1"))
            .await
            .expect(200);
        reads += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    reads
}

/// All of a room's messages.
async fn history(room: &str) -> Vec<Value> {
    let gateway = Rest::new(GATEWAY);
    let mut all: Vec<Value> = Vec::new();
    loop {
        let after = all
            .last()
            .and_then(|message| message["seq"].as_i64())
            .unwrap_or(0);
        let path = format!("/api/chat/rooms/{room}/messages?limit=200&after={after}");
        let page: Vec<Value> = gateway.get(&path).await.expect(200).parse();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}
