//! What an operator sees of the five processes: their logs, their metrics, and their readiness when a store is gone.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use e2e::{
    Stack,
    lines::Line,
    shape,
    stack::{fresh, say, settle},
    walk,
};
use serde_json::{Value, json};
use test_support::{cluster::Cluster, process::Process, wait};

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_what_happens() {
    let stack = Arc::new(Stack::services().await);
    walk(
        &stack,
        e2e::lines![a_normal_minute_is_logged_in_order, the_metrics_tell_of_every_part],
    )
    .await;
    // One store after the other: these lines disturb each other.
    let troubles: [Vec<Line>; 3] = [
        e2e::lines![without_postgres_chat_is_not_ready_and_sends_are_unavailable],
        e2e::lines![without_redis_the_edge_is_not_ready],
        e2e::lines![without_the_object_store_only_files_fail],
    ];
    for trouble in troubles {
        walk(&stack, trouble).await;
    }
    walk(&stack, e2e::lines![no_secret_is_in_any_log]).await;
}

/// A little of everything, on one request id.
async fn a_normal_minute(stack: &Stack, request_id: &str) {
    let (room, user) = (stack.fresh_room().await, fresh("user"));
    let mut alice = stack.room_socket(&room, &user).await;
    say(&mut alice, "hello @bob").await;
    let rest = stack.rest();
    let request = rest
        .request(reqwest::Method::GET, &format!("/api/chat/rooms/{room}/messages"))
        .header("x-request-id", request_id);
    let answer = rest.send(request).await.expect(200);
    assert_eq!(answer.header("x-request-id"), request_id);
    let _ = rest.upload(&room, &user, "a.txt", "hello").await.expect(201);
    let _ = rest.get("/api/presence").await.expect(200);
    let _ = rest.get(&format!("/api/notifications/{user}")).await.expect(200);
    let account = json!({"user_id": fresh("owner"), "username": "Owner", "password": PASSWORD});
    let session = rest.post("/api/chat/accounts", &account).await.expect(201).json();
    let token = session["token"].as_str().expect("a token").to_owned();
    let _ = rest.with_token(&token).get("/api/chat/session").await.expect(200);
    TOKENS.lock().expect("not poisoned").push(token);
    alice.close().await;
}

const PASSWORD: &str = "correct horse battery";

/// The tokens that the servers gave, for looking for them in the logs.
static TOKENS: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());

/// What a process has logged after its first `skipped` lines, each line one JSON object.
fn events(process: &Process, skipped: usize) -> Vec<Value> {
    let lines = process.output().lines().split_off(skipped);
    let parse =
        |line: &String| serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON: {error}: {line}"));
    lines.iter().map(parse).collect()
}

async fn a_normal_minute_is_logged_in_order(stack: Arc<Stack>) {
    let id = fresh("request");
    // What a start says is another matter: stores that are not there yet.
    let starts: Vec<usize> = stack
        .processes()
        .iter()
        .map(|(_, process)| events(process, 0).len())
        .collect();
    a_normal_minute(&stack, &id).await;
    let cluster = stack.cluster().expect("the five processes");
    let of_request = |process: &Process| -> Vec<Value> {
        events(process, 0)
            .into_iter()
            .filter(|event| event.to_string().contains(&id))
            .collect()
    };
    wait::until(wait::SOON, "the request is in both logs", async || {
        !of_request(cluster.edge(0)).is_empty() && !of_request(cluster.chat(0)).is_empty()
    })
    .await;
    let at_the_edge = of_request(cluster.edge(0));
    assert_eq!(at_the_edge.len(), 1, "one line per request: {at_the_edge:#?}");
    let line = at_the_edge[0].to_string();
    assert!(
        line.contains("/messages") && line.contains("200"),
        "it says what was asked and answered: {line}"
    );
    for ((name, process), start) in stack.processes().into_iter().zip(starts) {
        for event in events(process, start) {
            shape::has(&event, &["timestamp", "level"]);
            let level = event["level"].as_str().unwrap_or_default();
            assert!(
                ["INFO", "DEBUG"].contains(&level),
                "{name} complains in a normal minute: {event}"
            );
        }
    }
}

async fn metrics_of(process: &Process) -> String {
    let answer = process.get("/metrics").await.expect("an answer");
    answer.text().await.expect("a body")
}

async fn the_metrics_tell_of_every_part(stack: Arc<Stack>) {
    a_normal_minute(&stack, &fresh("request")).await;
    let cluster = stack.cluster().expect("the five processes");
    let families = |text: &str| -> BTreeSet<String> {
        let names = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        names.map(str::to_owned).collect()
    };
    let edge = families(&metrics_of(cluster.edge(0)).await);
    for wanted in [
        "chatflow_edge_connections",
        "chatflow_edge_rooms_served",
        "chatflow_edge_messages_in_total",
        "chatflow_edge_frames_out_total",
        "chatflow_edge_queue_dropped_total",
        "chatflow_edge_gap_repairs_total",
        "chatflow_edge_publish_lag_seconds",
    ] {
        assert!(edge.contains(wanted), "edge: no {wanted} in {edge:#?}");
    }
    assert!(
        edge.iter()
            .any(|name| name.contains("http") && name.ends_with("_seconds")),
        "HTTP durations: {edge:#?}"
    );
    for (name, process) in stack.processes().into_iter().filter(|(name, _)| *name != "edge") {
        let found = families(&metrics_of(process).await);
        assert!(
            found
                .iter()
                .any(|it| it.contains("grpc") && it.ends_with("_seconds")),
            "{name}: gRPC durations: {found:#?}"
        );
        assert!(
            found
                .iter()
                .any(|it| it.contains("store") && it.ends_with("_seconds")),
            "{name}: store latency: {found:#?}"
        );
    }
    let text = metrics_of(cluster.edge(0)).await;
    let counted = text
        .lines()
        .any(|line| line.starts_with("chatflow_edge_messages_in_total") && !line.ends_with(" 0"));
    assert!(counted, "messages are counted: {text}");
}

async fn turns(process: &Process, ready: bool, what: &str) {
    wait::until(wait::START, what, async || process.is_ready().await == ready).await;
}

async fn all_ready_again(cluster: &Cluster) {
    for process in cluster.processes() {
        process.wait_ready(wait::START).await;
    }
}

async fn without_postgres_chat_is_not_ready_and_sends_are_unavailable(stack: Arc<Stack>) {
    let cluster = stack.cluster().expect("the five processes");
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    cluster.postgres.stop().await;
    alice
        .send_json(&json!({"type": "message", "content": "lost?", "client_msg_id": "p1"}))
        .await;
    let refusal = alice.wait_for("error", Duration::from_secs(20)).await;
    shape::error(&refusal, "unavailable");
    assert_eq!(refusal["client_msg_id"], "p1");
    assert!(refusal["retry_after_ms"].is_u64(), "{refusal}");
    turns(cluster.chat(0), false, "chat-svc is not ready without PostgreSQL").await;
    turns(
        cluster.notify(),
        false,
        "notify-svc is not ready without PostgreSQL",
    )
    .await;
    let answer = stack
        .rest()
        .get(&format!("/api/chat/rooms/{room}/messages"))
        .await;
    assert!([503, 504].contains(&answer.status), "{}", answer.text());
    shape::problem(&answer, answer.status);
    let health = stack.rest().get("/api/chat/health").await;
    assert_eq!(health.status, 503, "{}", health.text());

    cluster.postgres.start().await;
    all_ready_again(cluster).await;
    wait::until(wait::START, "the resent message is acked", async || {
        alice
            .send_json(&json!({"type": "message", "content": "lost?", "client_msg_id": "p1"}))
            .await;
        let what = "an answer";
        let answer = alice
            .wait_where(what, wait::SOON, |frame| {
                frame["client_msg_id"] == "p1" && frame["type"] != "message"
            })
            .await;
        answer["type"] == "ack"
    })
    .await;
    assert_eq!(stack.history(&room).await.len(), 1, "stored once");
}

async fn without_redis_the_edge_is_not_ready(stack: Arc<Stack>) {
    let cluster = stack.cluster().expect("the five processes");
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    cluster.redis.stop().await;
    turns(
        cluster.presence(),
        false,
        "presence-svc is not ready without Redis",
    )
    .await;
    turns(
        cluster.edge(0),
        false,
        "an edge that does not hear its canary is not ready",
    )
    .await;
    say(&mut alice, "chat goes on").await;
    let live = cluster.edge(0).get("/livez").await.expect("an answer");
    assert_eq!(live.status(), 200, "not ready, and alive");
    cluster.redis.start().await;
    all_ready_again(cluster).await;
    settle(&mut alice).await;
}

async fn without_the_object_store_only_files_fail(stack: Arc<Stack>) {
    let cluster = stack.cluster().expect("the five processes");
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    cluster.s3.stop().await;
    turns(
        cluster.files(),
        false,
        "files-svc is not ready without its object store",
    )
    .await;
    let answer = stack.rest().upload(&room, "alice", "a.txt", "hello").await;
    shape::problem(&answer, 503);
    let health = stack.rest().get("/api/files/health").await;
    assert_eq!(health.status, 503, "{}", health.text());
    say(&mut alice, "chat goes on").await;
    assert!(cluster.chat(0).is_ready().await);
    cluster.s3.start().await;
    all_ready_again(cluster).await;
    wait::until(wait::START, "uploads work again", async || {
        stack.rest().upload(&room, "alice", "a.txt", "hello").await.status == 201
    })
    .await;
}

async fn no_secret_is_in_any_log(stack: Arc<Stack>) {
    let tokens = TOKENS.lock().expect("not poisoned").clone();
    assert!(!tokens.is_empty());
    let secrets = tokens
        .iter()
        .map(String::as_str)
        .chain(["chatpass", "minioadmin", PASSWORD]);
    for secret in secrets {
        for (name, process) in stack.processes() {
            let lines = process.output().matching(secret);
            assert!(lines.is_empty(), "{name} logs a secret: {lines:#?}");
        }
    }
}
