//! Replicas are killed while people chat: nothing that was acknowledged is lost, nothing comes twice, no request fails.

use std::{
    collections::BTreeSet,
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
use tokio::task::JoinSet;
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

/// Kills a replica of a service under load, and has compose replace it.
pub async fn is_not_noticed(shell: Shell, service: &'static str) {
    let load = Load::start().await;
    load.more_acks(30).await;
    let victim = stack::replicas(&shell, service).await.remove(0);
    shell.must(&format!("docker kill {}", victim.id), SOON).await;
    load.more_acks(60).await;
    stack::up(&shell, &format!("--no-recreate {}", stack::SCALED)).await;
    load.more_acks(30).await;
    load.end().await;
}

/// Replaces every container of ours under load: `LOG` is another one now, so that all of them differ.
pub async fn a_rolling_update_is_not_noticed(shell: Shell) {
    let before = ids(&shell).await;
    let load = Load::start().await;
    load.more_acks(30).await;
    let changed = shell.clone().with("LOG", "info,edge=info");
    changed.must("./rolling-update.sh", stack::START).await;
    load.more_acks(30).await;
    load.end().await;
    let after = ids(&shell).await;
    assert_eq!(before.len(), after.len());
    assert!(before.is_disjoint(&after), "{before:?} {after:?}");
}

/// Of all containers of ours that run.
async fn ids(shell: &Shell) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for service in SERVICES {
        ids.extend(stack::replicas(shell, service).await.into_iter().map(|it| it.id));
    }
    ids
}

/// Those that are ours.
pub const SERVICES: [&str; 5] = [
    "edge",
    "chat-service",
    "presence-service",
    "notification-service",
    "file-service",
];

/// People who chat in a room of their own, and a script that reads and writes by REST. Dropping ends all of them.
struct Load {
    room: String,
    over: Arc<AtomicBool>,
    acks: Arc<AtomicUsize>,
    people: JoinSet<(usize, Seen)>,
    script: JoinSet<Vec<String>>,
}

impl Load {
    async fn start() -> Self {
        let room = format!("kill-{}", Uuid::now_v7().simple());
        let about = json!({"id": room, "name": "Kills"});
        let _ = Rest::new(GATEWAY)
            .post("/api/chat/rooms", &about)
            .await
            .expect(201);
        let (over, acks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut people = JoinSet::new();
        for number in 0..PEOPLE {
            let chatting = chat(room.clone(), number, Arc::clone(&over), Arc::clone(&acks));
            people.spawn(async move { (number, chatting.await) });
        }
        let mut script = JoinSet::new();
        script.spawn(read_and_write(room.clone(), Arc::clone(&over)));
        Self {
            room,
            over,
            acks,
            people,
            script,
        }
    }

    async fn more_acks(&self, count: usize) {
        let goal = self.acks.load(Ordering::Relaxed) + count;
        let enough = async || self.acks.load(Ordering::Relaxed) >= goal;
        wait::until(SOON, &format!("{count} more messages acknowledged"), enough).await;
    }

    /// Ends all of them, and compares what they saw with the history.
    async fn end(mut self) {
        self.over.store(true, Ordering::Relaxed);
        let mut acked = self
            .script
            .join_next()
            .await
            .expect("a script")
            .expect("no request fails");
        assert!(acked.len() > 10, "the script wrote only {} messages", acked.len());
        while let Some(person) = self.people.join_next().await {
            let (number, seen) = person.expect("nobody fails");
            acked.extend(seen.acked);
            assert_eq!(
                seen.seqs.first(),
                Some(&1),
                "person {number} saw it from the beginning"
            );
            assert!(
                seen.seqs.windows(2).all(|pair| pair[1] == pair[0] + 1),
                "person {number} saw {:?}",
                seen.seqs
            );
        }
        let history = history(&self.room).await;
        let seqs: Vec<i64> = history
            .iter()
            .filter_map(|message| message["seq"].as_i64())
            .collect();
        let expected: Vec<i64> = (1..=i64::try_from(seqs.len()).expect("few")).collect();
        assert_eq!(seqs, expected, "the log has no gap");
        let ids: BTreeSet<&str> = history
            .iter()
            .filter_map(|message| message["id"].as_str())
            .collect();
        for id in &acked {
            assert!(
                ids.contains(id.as_str()),
                "{id} was acknowledged and is not there"
            );
        }
        let once: BTreeSet<&String> = acked.iter().collect();
        assert_eq!(once.len(), acked.len(), "each acknowledged once");
        // Whoever lost a connection at the very end has not waited for the answer to what was said last.
        let unanswered = history.len() - acked.len();
        assert!(
            unanswered <= PEOPLE,
            "{unanswered} messages that nobody was told of"
        );
    }
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

/// A script that writes and reads by REST: no request fails. A message that could not be stored is sent again under the
/// same name, which is what scripts have `client_msg_id` for. The ids of what it wrote.
async fn read_and_write(room: String, over: Arc<AtomicBool>) -> Vec<String> {
    let gateway = Rest::new(GATEWAY);
    let path = format!("/api/chat/rooms/{room}/messages");
    let mut written = Vec::new();
    let mut tries = 0;
    while !over.load(Ordering::Relaxed) {
        let _ = gateway.get(&format!("{path}?limit=1")).await.expect(200);
        let name = format!("script-{}", written.len());
        let message =
            json!({"user_id": "script", "username": "Script", "content": name, "client_msg_id": name});
        let answer = gateway.post(&path, &message).await;
        match answer.status {
            200 | 201 => {
                let id = answer.json()["id"].as_str().map(str::to_owned);
                written.push(id.expect("an id"));
                tries = 0;
            }
            // A POST that was under way with a replica that died: the gateway must not send it twice by itself.
            503 if tries < 3 => tries += 1,
            _ => panic!("{} {}", answer.status, answer.text()),
        }
        tokio::time::sleep(PACE).await;
    }
    written
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
