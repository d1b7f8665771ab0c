//! `/api/files`.

use std::sync::Arc;

use bytes::Bytes;
use e2e::{Stack, lines::Line, shape, stack::fresh};
use serde_json::Value;
use test_support::client::Answer;

pub(crate) fn lines() -> Vec<Line> {
    e2e::lines![
        an_uploaded_file_comes_back_byte_for_byte,
        a_rooms_files_are_listed_newest_first,
        ranges_answer_206_and_past_the_end_416,
        the_type_is_sniffed_and_active_content_is_an_attachment,
        a_big_file_goes_through,
        a_missing_file_is_404,
        an_empty_file_is_a_file_too,
    ]
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";

async fn upload(stack: &Stack, room: &str, name: &str, bytes: impl Into<Bytes>) -> Value {
    stack
        .rest()
        .upload(room, "alice", name, bytes)
        .await
        .expect(201)
        .json()
}

async fn download(stack: &Stack, file: &Value) -> Answer {
    stack
        .rest()
        .get(file["url"].as_str().expect("a url"))
        .await
        .expect(200)
}

/// Bytes that no two parts of are alike.
fn noise(length: usize) -> Bytes {
    let mut state = 1_u64;
    let next = std::iter::repeat_with(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    next.take(length).collect()
}

async fn an_uploaded_file_comes_back_byte_for_byte(stack: Arc<Stack>) {
    let (room, bytes) = (fresh("room"), noise(100_000));
    let file = upload(&stack, &room, "notes.bin", bytes.clone()).await;
    shape::has(
        &file,
        &[
            "id",
            "original_name",
            "content_type",
            "size_bytes",
            "url",
            "room_id",
            "user_id",
            "created_at",
            "sha256",
        ],
    );
    shape::uuid(&file["id"]);
    shape::timestamp(&file["created_at"]);
    assert_eq!(
        (&file["original_name"], &file["size_bytes"]),
        (&"notes.bin".into(), &100_000.into())
    );
    assert_eq!(file["sha256"].as_str().map(str::len), Some(64), "{file}");
    let id = file["id"].as_str().expect("an id");
    assert_eq!(file["url"], format!("/api/files/{id}/download"));
    assert_eq!(
        stack
            .rest()
            .get(&format!("/api/files/{id}"))
            .await
            .expect(200)
            .json(),
        file
    );
    let back = download(&stack, &file).await;
    assert_eq!(back.body, bytes);
    assert_eq!(back.header("content-length"), "100000");
    assert_eq!(back.header("x-content-type-options"), "nosniff");
    assert!(
        back.header("content-disposition").contains("notes.bin"),
        "{:?}",
        back.headers
    );
}

async fn a_rooms_files_are_listed_newest_first(stack: Arc<Stack>) {
    let room = fresh("room");
    for name in ["a.txt", "b.txt"] {
        upload(&stack, &room, name, name).await;
    }
    upload(&stack, &fresh("room"), "elsewhere.txt", "x").await;
    let files: Vec<Value> = stack
        .rest()
        .get(&format!("/api/files/files?room_id={room}"))
        .await
        .expect(200)
        .parse();
    let names: Vec<&Value> = files.iter().map(|file| &file["original_name"]).collect();
    assert_eq!(names, ["b.txt", "a.txt"]);
}

async fn ranges_answer_206_and_past_the_end_416(stack: Arc<Stack>) {
    let file = upload(&stack, &fresh("room"), "digits.txt", "0123456789").await;
    let url = file["url"].as_str().expect("a url");
    for (range, body, content_range) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=4-", "456789", "bytes 4-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=8-100", "89", "bytes 8-9/10"),
    ] {
        let part = stack.rest().get_range(url, range).await.expect(206);
        assert_eq!(
            (part.text().as_str(), part.header("content-range")),
            (body, content_range),
            "{range}"
        );
    }
    let past = stack.rest().get_range(url, "bytes=10-").await;
    shape::problem(&past, 416);
    assert_eq!(past.header("content-range"), "bytes */10");
    assert_eq!(
        stack.rest().get(url).await.expect(200).header("accept-ranges"),
        "bytes"
    );
}

async fn the_type_is_sniffed_and_active_content_is_an_attachment(stack: Arc<Stack>) {
    let room = fresh("room");
    let image = upload(&stack, &room, "really.html", PNG).await;
    assert_eq!(image["content_type"], "image/png", "its bytes say what it is");
    assert!(
        download(&stack, &image)
            .await
            .header("content-type")
            .starts_with("image/png")
    );
    for (name, bytes) in [
        ("page.png", "<!doctype html><script>alert(1)</script>"),
        (
            "drawing.svg",
            "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        ),
    ] {
        let file = upload(&stack, &room, name, bytes).await;
        let back = download(&stack, &file).await;
        assert!(
            back.header("content-disposition").starts_with("attachment"),
            "{name}: {:?}",
            back.headers
        );
        assert_eq!(back.header("x-content-type-options"), "nosniff");
    }
}

async fn a_big_file_goes_through(stack: Arc<Stack>) {
    let bytes = noise(12 * 1024 * 1024);
    let file = upload(&stack, &fresh("room"), "big.bin", bytes.clone()).await;
    assert!(
        download(&stack, &file).await.body == bytes,
        "12 MiB come back as they were"
    );
    let url = file["url"].as_str().expect("a url");
    let part = stack
        .rest()
        .get_range(url, "bytes=9000000-9000099")
        .await
        .expect(206);
    assert_eq!(part.body, bytes.slice(9_000_000..9_000_100));
}

async fn a_missing_file_is_404(stack: Arc<Stack>) {
    let id = uuid::Uuid::now_v7();
    shape::problem(&stack.rest().get(&format!("/api/files/{id}")).await, 404);
    shape::problem(&stack.rest().get(&format!("/api/files/{id}/download")).await, 404);
    shape::invalid(&stack.rest().get("/api/files/not-a-uuid").await, "file_id");
    shape::invalid(
        &stack.rest().get("/api/files/not-a-uuid/download").await,
        "file_id",
    );
}

async fn an_empty_file_is_a_file_too(stack: Arc<Stack>) {
    let file = upload(&stack, &fresh("room"), "empty.txt", "").await;
    assert_eq!(file["size_bytes"], 0);
    assert!(download(&stack, &file).await.body.is_empty());
}
