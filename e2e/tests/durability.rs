//! The all-in-one's life: what it keeps through `kill -9`, how it ends, and when it refuses to start.

use std::{ffi::OsString, net::TcpListener, time::Duration};

use e2e::stack::{ack_of, fresh, settle};
use serde_json::{Value, json};
use test_support::{
    client::{Rest, Socket},
    cluster::AllInOne,
    ports,
    process::Process,
    wait,
};

/// What the contract grants it for draining.
const DRAIN: Duration = Duration::from_secs(5);

async fn join(chat: &AllInOne, room: &str, user: &str) -> Socket {
    let mut socket = Socket::connect(&chat.ws_url(&format!("/ws/{room}/{user}?username={user}"))).await;
    settle(&mut socket).await;
    socket
}

fn message(content: &str) -> Value {
    json!({"type": "message", "content": content, "client_msg_id": content})
}

async fn history(chat: &AllInOne, room: &str) -> Vec<Value> {
    let path = format!("/api/chat/rooms/{room}/messages?limit=200");
    Rest::new(chat.base_url()).get(&path).await.expect(200).parse()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_acknowledged_is_there_after_kill_9() {
    let chat = AllInOne::start().await;
    let mut alice = join(&chat, "general", "alice").await;
    let file = Rest::new(chat.base_url())
        .upload("general", "alice", "a.txt", "kept")
        .await
        .expect(201)
        .json();
    for n in 1..=200 {
        alice.send_json(&message(&format!("message {n}"))).await;
    }
    let last = ack_of(&mut alice, "message 200").await;
    assert_eq!(last["seq"], 200);
    chat.process.kill().await;
    chat.start_again().await;
    let kept = history(&chat, "general").await;
    let contents: Vec<&str> = kept
        .iter()
        .filter_map(|message| message["content"].as_str())
        .collect();
    let wanted: Vec<String> = (1..=200).map(|n| format!("message {n}")).collect();
    assert_eq!(contents, wanted, "all of it, in the same order");
    let url = file["url"].as_str().expect("a url");
    assert_eq!(
        Rest::new(chat.base_url()).get(url).await.expect(200).text(),
        "kept"
    );
    let mut alice = join(&chat, "general", "alice").await;
    alice.send_json(&message("message 7")).await;
    assert_eq!(
        ack_of(&mut alice, "message 7").await["seq"],
        7,
        "a repeat is known after the crash, too"
    );
    alice.send_json(&message("the next")).await;
    assert_eq!(ack_of(&mut alice, "the next").await["seq"], 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_kill_9_in_the_middle_of_sends_is_there() {
    let chat = AllInOne::start().await;
    let mut alice = join(&chat, "general", "alice").await;
    for n in 1..=150 {
        alice.send_json(&message(&format!("m{n}"))).await;
    }
    let seen = alice.wait_for("ack", wait::SOON).await;
    chat.process.kill().await;
    let mut acked = vec![seen];
    for frame in alice.collect_for(wait::SOON).await {
        if let test_support::client::Frame::Json(frame) = frame
            && frame["type"] == "ack"
        {
            acked.push(frame);
        }
    }
    chat.start_again().await;
    let kept = history(&chat, "general").await;
    for ack in &acked {
        let stored = kept.iter().find(|message| message["id"] == ack["id"]);
        let stored = stored.unwrap_or_else(|| panic!("acknowledged and lost: {ack}"));
        assert_eq!(stored["seq"], ack["seq"]);
    }
    let seqs = kept.iter().filter_map(|message| message["seq"].as_u64());
    assert!(seqs.eq(1..=kept.len() as u64), "no gap is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_and_sigint_drain_within_5_s_and_sockets_see_1001() {
    let chat = AllInOne::start().await;
    for signal in ["TERM", "INT"] {
        let mut room_socket = join(&chat, "general", "alice").await;
        let mut multiplexed = Socket::connect(&chat.ws_url("/ws?user_id=bob&username=bob")).await;
        settle(&mut multiplexed).await;
        room_socket.send_json(&message(&format!("before {signal}"))).await;
        ack_of(&mut room_socket, &format!("before {signal}")).await;
        chat.process.signal(signal);
        assert_eq!(room_socket.close_code(DRAIN).await, Some(1001), "{signal}");
        assert_eq!(multiplexed.close_code(DRAIN).await, Some(1001), "{signal}");
        let ended = chat.process.exited(DRAIN).await;
        assert_eq!(
            ended.code(),
            Some(0),
            "{signal}: {}",
            chat.process.output().tail()
        );
        chat.start_again().await;
    }
    assert_eq!(history(&chat, "general").await.len(), 2);
}

/// Runs the all-in-one to its end and returns its code and what it wrote.
async fn refused(args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, Vec<String>) {
    let builder = Process::builder("chatflow").args(args.iter().map(OsString::from));
    let process = env
        .iter()
        .fold(builder, |builder, (name, value)| builder.env(name, value))
        .spawn();
    let code = process.exited(wait::SOON).await.code();
    (code, process.output().lines())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_one_line_and_exit_code_69() {
    for taken in ["--port", "--grpc-base-port"] {
        let other = if taken == "--port" {
            "--grpc-base-port"
        } else {
            "--port"
        };
        let (port, free) = (ports::free().to_string(), ports::consecutive(4).to_string());
        let _holder = TcpListener::bind(format!("127.0.0.1:{port}")).expect("a free port");
        let (code, lines) = refused(&[taken, &port, other, &free], &[]).await;
        assert_eq!(code, Some(69), "{taken}: {lines:#?}");
        let about: Vec<&String> = lines.iter().filter(|line| line.contains(&port)).collect();
        assert_eq!(about.len(), 1, "one line tells the port: {lines:#?}");
        assert!(about[0].contains("taken"), "{lines:#?}");
        let words = lines.join("\n");
        assert!(!words.contains("panicked") && !words.contains("Os {"), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_settings_are_told_all_at_once_with_exit_code_64_and_no_secrets() {
    let (code, lines) = refused(&["--no-such-option"], &[]).await;
    assert_eq!(code, Some(64), "{lines:#?}");
    let env = [
        ("PORT", "80x"),
        ("BIND", "everywhere"),
        ("GRPC_BASE_PORT", "70000"),
        ("LOG_FORMAT", "xml"),
    ];
    let (code, lines) = refused(&[], &env).await;
    assert_eq!(code, Some(64), "{lines:#?}");
    let text = lines.join("\n");
    for (name, _) in env {
        assert!(text.contains(name), "{name} is not told of: {text}");
    }

    let env = [
        ("DATABASE_URL", "mysql://chatuser:hunter2@127.0.0.1/chat_db"),
        ("REDIS_URL", "memcached://:hunter2@127.0.0.1"),
        ("PORT", "-1"),
    ];
    for binary in ["chat-svc", "notify-svc"] {
        let builder = Process::builder(binary);
        let process = env
            .iter()
            .fold(builder, |builder, (name, value)| builder.env(name, *value))
            .spawn();
        let code = process.exited(wait::SOON).await.code();
        let text = process.output().lines().join("\n");
        assert_eq!(code, Some(64), "{binary}: {text}");
        for (name, _) in env {
            assert!(text.contains(name), "{binary} does not tell of {name}: {text}");
        }
        assert!(!text.contains("hunter2"), "{binary} prints a password: {text}");
    }
    let process = Process::builder("files-svc")
        .env("MINIO_ENDPOINT", "ftp://127.0.0.1:9000")
        .env("MINIO_ACCESS_KEY", "key")
        .env("MINIO_SECRET_KEY", "hunter2")
        .spawn();
    let code = process.exited(wait::SOON).await.code();
    let text = process.output().lines().join("\n");
    assert_eq!(code, Some(64), "{text}");
    assert!(
        text.contains("MINIO_ENDPOINT") && !text.contains("hunter2"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_instance_on_the_same_data_is_refused() {
    let chat = AllInOne::start().await;
    let data = chat.data_directory();
    let (port, grpc) = (ports::free().to_string(), ports::consecutive(4).to_string());
    let data = data.to_str().expect("a path of letters");
    let (code, lines) = refused(
        &["--port", &port, "--grpc-base-port", &grpc, "--data-dir", data],
        &[],
    )
    .await;
    assert_eq!(code, Some(69), "{lines:#?}");
    assert!(lines.join("\n").contains(data), "the folder is named: {lines:#?}");
    let mut alice = join(&chat, "general", &fresh("alice")).await;
    settle(&mut alice).await;
}
