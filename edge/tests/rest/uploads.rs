//! Uploads: every order of the form, every way to break it, nothing left behind.

use bytes::Bytes;
use edge::config::Access;
use reqwest::multipart::{Form, Part};
use serde_json::json;
use test_support::client::Answer;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::app::{App, access, assert_field, assert_problem, read_all};

const UPLOAD: &str = "/api/files/upload";

fn file(bytes: impl Into<Bytes>) -> Part {
    Part::stream(bytes.into()).file_name("a.txt")
}

async fn upload(app: &App, form: Form) -> Answer {
    app.rest.multipart(UPLOAD, form).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fields_may_come_in_any_order_and_from_the_query() {
    let app = App::start().await;
    let bytes = Bytes::from((0..900_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>());
    let orders = [
        (
            UPLOAD,
            Form::new()
                .part("file", file(bytes.clone()))
                .text("room_id", "general")
                .text("user_id", "alice"),
        ),
        (
            UPLOAD,
            Form::new()
                .text("room_id", "general")
                .text("user_id", "alice")
                .part("file", file(bytes.clone())),
        ),
        (
            UPLOAD,
            Form::new()
                .text("room_id", "general")
                .part("file", file(bytes.clone()))
                .text("user_id", "alice"),
        ),
        (
            "/api/files/upload?room_id=general&user_id=alice",
            Form::new().text("other", "x").part("file", file(bytes.clone())),
        ),
    ];
    for (path, form) in orders {
        let stored = app.rest.multipart(path, form).await.expect(201).json();
        assert_eq!(stored["size_bytes"], 900_000);
        assert_eq!(
            (&stored["room_id"], &stored["user_id"]),
            (&json!("general"), &json!("alice"))
        );
        let url = stored["url"].as_str().unwrap();
        assert_eq!(
            url,
            format!("/api/files/{}/download", stored["id"].as_str().unwrap())
        );
        assert!(
            app.rest.get(url).await.expect(200).body == bytes,
            "the bytes come back"
        );
    }
    assert_eq!(app.files().await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_breaks_a_rule_stores_nothing() {
    let app = App::start().await;
    let fields = || Form::new().text("room_id", "general").text("user_id", "alice");
    assert_field(&upload(&app, fields()).await, "file");
    let two = fields().part("file", file("1")).part("file", file("2"));
    assert_field(&upload(&app, two).await, "file");
    let two_first = Form::new()
        .part("file", file("1"))
        .part("file", file("2"))
        .text("room_id", "general");
    assert_field(&upload(&app, two_first).await, "file");
    assert_field(
        &upload(&app, Form::new().part("file", file("1")).text("user_id", "alice")).await,
        "room_id",
    );
    assert_field(
        &upload(
            &app,
            Form::new().part("file", file("1")).text("room_id", "general"),
        )
        .await,
        "user_id",
    );
    let bad_room = Form::new()
        .text("room_id", "No Room")
        .text("user_id", "alice")
        .part("file", file("1"));
    assert_field(&upload(&app, bad_room).await, "room_id");
    assert_field(
        &upload(&app, fields().part("file", file("1")).text("room_id", "random")).await,
        "room_id",
    );
    let not_a_form = app.rest.post_raw(UPLOAD, "application/json", "{}").await;
    assert_problem(&not_a_form, 415, "unsupported_media_type");
    let no_boundary = app.rest.post_raw(UPLOAD, "multipart/form-data", "x").await;
    assert_problem(&no_boundary, 400, "malformed");
    let nonsense = app
        .rest
        .post_raw(UPLOAD, "multipart/form-data; boundary=b", "nonsense")
        .await;
    assert_problem(&nonsense, 400, "malformed");
    assert_eq!(app.files().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_past_the_cap_is_refused_whatever_was_announced() {
    let app = App::start().await;
    let fields = || Form::new().text("room_id", "general").text("user_id", "alice");
    let whole = vec![7; 1024 * 1024];
    let _ = upload(&app, fields().part("file", file(whole.clone())))
        .await
        .expect(201);
    let over = vec![7; 1024 * 1024 + 1];
    assert_problem(
        &upload(&app, fields().part("file", file(over.clone()))).await,
        413,
        "too_large",
    );
    let behind = Form::new().part("file", file(over)).text("room_id", "general");
    assert_problem(&upload(&app, behind).await, 413, "too_large");
    let far_over = fields().part("file", file(vec![7; 3 * 1024 * 1024]));
    assert_problem(&upload(&app, far_over).await, 413, "too_large");
    assert_eq!(app.files().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_are_only_names() {
    let app = App::start().await;
    let long = "n".repeat(300);
    for (name, expected) in [
        ("../../etc/passwd", "passwd"),
        (long.as_str(), &long[..255]),
        ("Ä \"q\".txt", "Ä \"q\".txt"),
    ] {
        let stored = app
            .rest
            .upload("general", "alice", name, "x")
            .await
            .expect(201)
            .json();
        assert_eq!(stored["original_name"], expected);
    }
}

/// The head of a form, cut off in its file.
fn cut_off(length: usize) -> String {
    let form = "--b\r\nContent-Disposition: form-data; name=\"room_id\"\r\n\r\ngeneral\r\n\
        --b\r\nContent-Disposition: form-data; name=\"user_id\"\r\n\r\nalice\r\n\
        --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhalf of it";
    let length = length.max(form.len());
    format!(
        "POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{form}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_cut_off_leaves_nothing() {
    let app = App::start().await;
    // The body ends where it was announced to, but without the closing boundary.
    let mut whole = TcpStream::connect(("127.0.0.1", app.port)).await.unwrap();
    whole.write_all(cut_off(0).as_bytes()).await.unwrap();
    let answer = read_all(&mut whole).await;
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"malformed\""),
        "{answer}"
    );
    // The client goes away in the middle.
    let mut gone = TcpStream::connect(("127.0.0.1", app.port)).await.unwrap();
    gone.write_all(cut_off(100_000).as_bytes()).await.unwrap();
    drop(gone);
    // One that was sent later is stored: what broke off before it would be there by now.
    let _ = app
        .rest
        .upload("general", "alice", "b.txt", "whole")
        .await
        .expect(201);
    assert_eq!(app.files().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_of_a_part_does_not_fill_the_memory() {
    let app = App::with(Access {
        max_upload_bytes: 64 * 1024 * 1024,
        ..access()
    })
    .await;
    let mut stream = TcpStream::connect(("127.0.0.1", app.port)).await.unwrap();
    let head = format!(
        "POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n\
         Content-Length: 60000000\r\n\r\n--b\r\nX: "
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; 2 * 1024 * 1024]).await.unwrap();
    // The body goes on for ever, as far as the client is concerned.
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(app.files().await, 0);
}
