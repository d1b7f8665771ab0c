//! The browser UI's files.

use reqwest::Method;

use crate::app::App;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_its_modules_are_served_and_asked_for_again() {
    let app = App::start().await;
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/styles/base.css", "text/css; charset=utf-8"),
        ("/favicon.svg", "image/svg+xml"),
        ("/manifest.webmanifest", "application/manifest+json"),
    ] {
        let file = app.rest.get(path).await.expect(200);
        assert_eq!(file.header("content-type"), kind, "{path}");
        assert_eq!(file.header("cache-control"), "no-cache", "{path}");
        let again = app
            .rest
            .request(Method::GET, path)
            .header("if-none-match", file.header("etag"));
        assert!(app.rest.send(again).await.expect(304).body.is_empty(), "{path}");
    }
    let packed = app
        .rest
        .request(Method::GET, "/app.js")
        .header("accept-encoding", "gzip");
    assert_eq!(
        app.rest.send(packed).await.expect(200).header("content-encoding"),
        "gzip"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_of_the_folder_is() {
    let app = App::start().await;
    for path in [
        "/package.json",
        "/tsconfig.json",
        "/README.md",
        "/tests/markdown.test.js",
        "/nothing",
        "/%2e%2e/Cargo.toml",
    ] {
        let answer = app.rest.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.header("content-type").starts_with("text/plain"), "{path}");
    }
    assert_eq!(
        app.rest
            .send(app.rest.request(Method::POST, "/app.js"))
            .await
            .status,
        405
    );
}
