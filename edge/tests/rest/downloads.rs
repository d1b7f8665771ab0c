//! Downloads: ranges, conditions, headers.

use reqwest::Method;
use test_support::client::Answer;

use crate::app::{App, assert_field, assert_problem};

const TEXT: &str = "0123456789";

async fn stored(app: &App) -> String {
    let stored = app
        .rest
        .upload("general", "alice", "Grüße \"1\".txt", TEXT)
        .await
        .expect(201);
    stored.json()["url"]
        .as_str()
        .expect("an upload has a url")
        .to_owned()
}

async fn with(app: &App, url: &str, name: &str, value: &str) -> Answer {
    app.rest
        .send(app.rest.request(Method::GET, url).header(name, value))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_of_every_kind() {
    let app = App::start().await;
    let url = stored(&app).await;
    for (range, text, content_range) in [
        ("bytes=0-4", "01234", "bytes 0-4/10"),
        ("bytes=5-", "56789", "bytes 5-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
    ] {
        let part = app.rest.get_range(&url, range).await.expect(206);
        assert_eq!(
            (part.text().as_str(), part.header("content-range")),
            (text, content_range)
        );
        assert_eq!(part.header("content-length"), text.len().to_string());
    }
    let past = app.rest.get_range(&url, "bytes=10-").await;
    assert_problem(&past, 416, "out_of_range");
    assert_eq!(past.header("content-range"), "bytes */10");
    for whole in ["bytes=0-1,3-4", "lines=1-2", "bytes=x"] {
        assert_eq!(app.rest.get_range(&url, whole).await.expect(200).text(), TEXT);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_and_headers() {
    let app = App::start().await;
    let url = stored(&app).await;
    let whole = app.rest.get(&url).await.expect(200);
    let tag = whole.header("etag").to_owned();
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    assert_eq!(
        whole.header("content-security-policy"),
        "default-src 'none'; sandbox"
    );
    let disposition = whole.header("content-disposition");
    assert!(
        disposition.starts_with("attachment; filename=\"Gr__e _1_.txt\""),
        "{disposition}"
    );
    assert!(
        disposition.ends_with("filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%221%22.txt"),
        "{disposition}"
    );
    let same = with(&app, &url, "if-none-match", &format!("\"x\", W/{tag}"))
        .await
        .expect(304);
    assert!(same.body.is_empty());
    let _ = with(&app, &url, "if-none-match", "\"x\"").await.expect(200);
    let head = app
        .rest
        .send(app.rest.request(Method::HEAD, &url))
        .await
        .expect(200);
    assert_eq!((head.header("content-length"), head.body.len()), ("10", 0));
    let range = |seen: &str| {
        let request = app.rest.request(Method::GET, &url).header("range", "bytes=0-1");
        app.rest.send(request.header("if-range", seen.to_owned()))
    };
    assert_eq!(range(&tag).await.status, 206);
    assert_eq!(range("\"older\"").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_harmless_images_are_shown() {
    let app = App::start().await;
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";
    let html = b"<!doctype html><script>alert(1)</script>";
    for (name, bytes, how) in [
        ("a.png", &png[..], "inline;"),
        ("a.html", &html[..], "attachment;"),
        ("a.png", &html[..], "attachment;"),
    ] {
        let stored = app
            .rest
            .upload("general", "alice", name, bytes.to_vec())
            .await
            .expect(201)
            .json();
        let answer = app.rest.get(stored["url"].as_str().unwrap()).await.expect(200);
        assert!(answer.header("content-disposition").starts_with(how), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there() {
    let app = App::start().await;
    let none = "/api/files/01a209a7-b50d-73ed-b757-596e81377dc8";
    assert_problem(&app.rest.get(none).await, 404, "not_found");
    assert_problem(&app.rest.get(&format!("{none}/download")).await, 404, "not_found");
    assert_field(&app.rest.get("/api/files/123/download").await, "file_id");
    assert_field(&app.rest.get("/api/files/files?room_id=No").await, "room_id");
}
