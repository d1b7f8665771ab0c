//! Bad input from strangers: each gets a typed answer, the connection or the process lives on, nothing is stored.

use std::{sync::Arc, time::Duration};

use e2e::{
    Stack,
    lines::Line,
    raw_http::Raw,
    shape,
    stack::{fresh, say, settle, subscribe},
    walk,
};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use test_support::{client::Socket, wait};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

fn lines() -> Vec<Line> {
    e2e::lines![
        frames_that_are_no_json_are_bad_frames,
        invalid_utf8_closes_that_socket_alone,
        content_out_of_bounds_is_refused,
        odd_characters_in_names_are_refused,
        ids_outside_the_pattern_are_refused,
        a_form_without_one_file_is_refused_and_leaves_nothing,
        a_form_cut_off_half_way_leaves_nothing,
        file_names_cannot_lead_anywhere,
        hostile_queries_are_refused,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_answered_and_nothing_is_stored() {
    let stack = Arc::new(Stack::all_in_one().await);
    let pid = stack.processes()[0].1.pid();
    walk(&stack, lines()).await;
    assert_eq!(stack.processes()[0].1.pid(), pid, "the process lives on");
    assert!(stack.processes()[0].1.is_ready().await);
    let said = stack.processes()[0].1.output().lines().join("\n");
    assert!(!said.contains("panicked"), "{said}");
}

async fn answer_to(socket: &mut Socket, text: String) -> Value {
    socket.send_text(text).await;
    socket.wait_for("error", wait::SOON).await
}

async fn frames_that_are_no_json_are_bad_frames(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let deep = format!(
        "{{\"type\":\"message\",\"content\":\"x\",\"more\":{}{}}}",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    for text in [
        "",
        "hello",
        "{",
        "null",
        "7",
        "\"message\"",
        "[]",
        "{\"type\":\"message\",\"content\":\"\\ud800\"}",
        &deep,
    ] {
        let start: String = text.chars().take(60).collect();
        let answer = answer_to(&mut alice, text.to_owned()).await;
        assert_eq!(answer["code"], "bad_frame", "{start}: {answer}");
        shape::error(&answer, "bad_frame");
    }
    alice.send_binary(&b"\0\x01\xff"[..]).await;
    shape::error(&alice.wait_for("error", wait::SOON).await, "bad_frame");
    for (kind, code) in [
        ("dance", "unknown_type"),
        ("", "unknown_type"),
        ("ack", "unknown_type"),
    ] {
        shape::error(
            &answer_to(&mut alice, json!({"type": kind}).to_string()).await,
            code,
        );
    }
    assert_eq!(say(&mut alice, "still here").await["seq"], 1);
}

async fn invalid_utf8_closes_that_socket_alone(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut other = stack.room_socket(&room, "other").await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let frame = Frame::message(&b"{\"type\":\"\xff\xfe\"}"[..], OpCode::Data(Data::Text), true);
    alice
        .send_raw(Message::Frame(frame))
        .await
        .expect("the bytes are sent");
    // RFC 6455 leaves no choice: 1007.
    assert_eq!(alice.close_code(wait::SOON).await, Some(1007));
    settle(&mut other).await;
    assert!(stack.history(&room).await.is_empty());
}

async fn content_out_of_bounds_is_refused(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.subscribed(&room, "alice").await;
    for (content, code) in [
        (String::new(), "empty"),
        (" \u{a0}\n".to_owned(), "empty"),
        ("x".repeat(16_001), "too_long"),
        ("é".repeat(16_001), "too_long"),
        ("a\0b".to_owned(), "bad_frame"),
    ] {
        let frame = json!({"type": "message", "room_id": room, "content": content, "client_msg_id": "b1"});
        let answer = answer_to(&mut alice, frame.to_string()).await;
        shape::error(&answer, code);
    }
    let missing = json!({"type": "message", "room_id": fresh("nowhere"), "content": "x"});
    let answer = answer_to(&mut alice, missing.to_string()).await;
    let code = answer["code"].as_str().unwrap_or_default();
    assert!(["not_subscribed", "no_such_room"].contains(&code), "{answer}");
    let elsewhere = json!({"type": "message", "room_id": room, "content": "x", "message_type": "file", "file_url": "https://evil.example/x"});
    shape::error(&answer_to(&mut alice, elsewhere.to_string()).await, "bad_frame");
    assert!(stack.history(&room).await.is_empty(), "nothing of it is stored");
    let mut again = stack.socket("alice").await;
    assert_eq!(
        subscribe(&mut again, &room, None).await["last_seq"],
        0,
        "no seq was taken"
    );
}

async fn odd_characters_in_names_are_refused(stack: Arc<Stack>) {
    let user = fresh("alice");
    for name in [
        "%07",
        "a%0Ab",
        "%E2%80%AEecila",
        "a%E2%81%A6b",
        "%E2%80%8B",
        "%20alice",
        &"x".repeat(65),
    ] {
        let mut socket = Socket::connect(&stack.ws_url(&format!("/ws/general/{user}?username={name}"))).await;
        assert_eq!(socket.close_code(wait::SOON).await, Some(4400), "{name}");
        let beat = stack
            .rest()
            .post_empty(&format!("/api/presence/{user}/heartbeat?username={name}"))
            .await;
        shape::invalid(&beat, "username");
    }
    let presence = stack
        .rest()
        .get(&format!("/api/presence/{user}"))
        .await
        .expect(200)
        .json();
    assert_eq!(presence["status"], "offline", "nobody came online");
}

async fn ids_outside_the_pattern_are_refused(stack: Arc<Stack>) {
    let rest = stack.rest();
    let long = "x".repeat(65);
    for id in [
        "General",
        "-x",
        ".x",
        "_x",
        "a%20b",
        "%C3%A9",
        "a%2Fb",
        "..%2F..%2Fetc",
        long.as_str(),
    ] {
        shape::invalid(
            &rest.get(&format!("/api/chat/rooms/{id}/messages")).await,
            "room_id",
        );
        shape::invalid(&rest.get(&format!("/api/presence/{id}")).await, "user_id");
        shape::invalid(&rest.get(&format!("/api/notifications/{id}")).await, "user_id");
        shape::invalid(
            &rest.get(&format!("/api/files/files?room_id={id}")).await,
            "room_id",
        );
        shape::invalid(
            &rest.upload(&id.replace("%20", " "), "alice", "a.txt", "x").await,
            "room_id",
        );
    }
    shape::problem(&rest.get("/api/chat/rooms/%ff%fe/messages").await, 400);
}

async fn files_in(stack: &Stack, room: &str) -> Vec<Value> {
    stack
        .rest()
        .get(&format!("/api/files/files?room_id={room}"))
        .await
        .expect(200)
        .parse()
}

fn part(name: &str, bytes: &'static [u8]) -> Part {
    Part::bytes(bytes).file_name(name.to_owned())
}

async fn a_form_without_one_file_is_refused_and_leaves_nothing(stack: Arc<Stack>) {
    let (rest, room) = (stack.rest(), fresh("room"));
    let form = || Form::new().text("room_id", room.clone()).text("user_id", "alice");
    let without = rest.multipart("/api/files/upload", form()).await;
    shape::invalid(&without, "file");
    let two = form()
        .part("file", part("a.txt", b"a"))
        .part("file", part("b.txt", b"b"));
    shape::invalid(&rest.multipart("/api/files/upload", two).await, "file");
    let no_room = Form::new()
        .text("user_id", "alice")
        .part("file", part("a.txt", b"a"));
    shape::invalid(&rest.multipart("/api/files/upload", no_room).await, "room_id");
    let json = rest.post("/api/files/upload", &json!({"file": "x"})).await;
    shape::problem(&json, 415);
    let no_boundary = rest
        .post_raw("/api/files/upload", "multipart/form-data", "x")
        .await;
    assert!([400, 422].contains(&no_boundary.status), "{}", no_boundary.text());
    assert!(files_in(&stack, &room).await.is_empty());
}

fn objects(stack: &Stack) -> usize {
    let Stack::AllInOne(chat) = stack else { return 0 };
    let mut folders = vec![chat.data_directory().join("files")];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
        {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                count += 1;
            }
        }
    }
    count
}

async fn a_form_cut_off_half_way_leaves_nothing(stack: Arc<Stack>) {
    let room = fresh("room");
    let head = format!(
        "--cut\r\ncontent-disposition: form-data; name=\"room_id\"\r\n\r\n{room}\r\n--cut\r\ncontent-disposition: form-data; \
         name=\"user_id\"\r\n\r\nalice\r\n--cut\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n"
    );
    // The length promises more than comes: the connection ends in the middle of the file.
    let mut raw = Raw::connect(&stack.authority()).await;
    let request = format!(
        "POST /api/files/upload HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=cut\r\n\
         content-length: 3000000\r\n\r\n{head}"
    );
    raw.write(request.as_bytes()).await;
    raw.write(&vec![b'x'; 1_000_000]).await;
    raw.finish().await;
    let answer = raw
        .read_to_end(wait::START)
        .await
        .expect("the server does not wait for ever");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    // The length is right, but the closing boundary is missing.
    let whole = stack
        .rest()
        .post_raw(
            "/api/files/upload",
            "multipart/form-data; boundary=cut",
            format!("{head}half a fi"),
        )
        .await;
    assert!(
        [400, 422].contains(&whole.status),
        "{} {}",
        whole.status,
        whole.text()
    );
    shape::problem(&whole, whole.status);
    assert!(files_in(&stack, &room).await.is_empty(), "no row is left");
}

async fn file_names_cannot_lead_anywhere(stack: Arc<Stack>) {
    let (rest, room) = (stack.rest(), fresh("room"));
    let long = format!("{}.txt", "n".repeat(296));
    for name in [
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "/etc/passwd",
        "a\"b\r\nx-evil: 1.txt",
        long.as_str(),
        "\u{202e}gpj.exe",
    ] {
        let part = Part::bytes(&b"harmless"[..]).file_name(name.to_owned());
        let form = Form::new()
            .text("room_id", room.clone())
            .text("user_id", "alice")
            .part("file", part);
        let answer = rest.multipart("/api/files/upload", form).await;
        if answer.status != 201 {
            assert!([400, 422].contains(&answer.status), "{name}: {}", answer.text());
            shape::problem(&answer, answer.status);
            continue;
        }
        let file = answer.json();
        let kept = file["original_name"].as_str().expect("a name");
        assert!(
            !kept.contains('/') && !kept.contains('\\') && !kept.contains(".."),
            "{name}: {kept}"
        );
        assert!(
            kept.len() <= 255 && !kept.chars().any(char::is_control),
            "{name}: {kept}"
        );
        assert!(!kept.contains('\u{202e}'), "{name}: {kept}");
        let back = rest.get(file["url"].as_str().expect("a url")).await.expect(200);
        assert_eq!(back.text(), "harmless");
        assert!(back.header("x-evil").is_empty(), "{:?}", back.headers);
    }
    assert!(objects(&stack) >= 1, "the objects lie below the data directory");
    let Stack::AllInOne(chat) = &*stack else { return };
    let outside = std::fs::read_dir(chat.process.directory()).expect("its folder");
    let names: Vec<String> = outside
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    assert_eq!(names, ["data"], "nothing lies outside the data directory");
}

async fn hostile_queries_are_refused(stack: Arc<Stack>) {
    let rest = stack.rest();
    for limit in ["0", "201", "x", "-1", "%00", "1e2", "18446744073709551616"] {
        for path in [
            "/api/chat/rooms/general/messages?",
            "/api/notifications/alice?",
            "/api/files/files?room_id=general&",
        ] {
            shape::invalid(&rest.get(&format!("{path}limit={limit}")).await, "limit");
        }
    }
    shape::problem(
        &rest
            .get("/api/chat/rooms/general/messages?before=5&after=2")
            .await,
        422,
    );
    let file = rest
        .upload(&fresh("room"), "alice", "ten.txt", "0123456789")
        .await
        .expect(201)
        .json();
    let url = file["url"].as_str().expect("a url");
    shape::problem(&rest.get_range(url, "bytes=10-20").await, 416);
    shape::problem(&rest.get_range(url, "bytes=99999999999999999999-").await, 416);
    let bomb = format!("{{\"id\":{}", "[".repeat(100_000));
    let answer = rest.post_raw("/api/chat/rooms", "application/json", bomb).await;
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    let large = format!("{{\"id\":\"{}\"}}", "x".repeat(20 * 1024 * 1024));
    let answer = rest
        .try_send(
            rest.request(reqwest::Method::POST, "/api/chat/rooms")
                .header("content-type", "application/json")
                .body(large),
        )
        .await;
    if let Ok(answer) = answer {
        shape::problem(&answer, 413);
    }
    let mut raw = Raw::connect(&stack.authority()).await;
    raw.write(b"NONSENSE\r\n\r\n").await;
    let answer = raw.read_to_end(wait::SOON).await.expect("the server ends it");
    assert!(
        String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 400"),
        "{answer:?}"
    );
    let mut raw = Raw::connect(&stack.authority()).await;
    raw.write(
        format!(
            "GET / HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n",
            "y".repeat(1024 * 1024)
        )
        .as_bytes(),
    )
    .await;
    let answer = raw
        .read_to_end(Duration::from_secs(30))
        .await
        .expect("the server ends it");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
}
