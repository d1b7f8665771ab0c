//! What every answer has, whoever made it: ids, headers, one shape for errors; and whom it refuses.

use edge::{
    config::{Access, HttpLimits},
    layers::origin::AllowedOrigins,
};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::app::{App, access, assert_problem};

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_one_shape() {
    let app = App::start().await;
    let rooms = "/api/chat/rooms";
    assert_problem(&app.rest.get("/api/nothing").await, 404, "not_found");
    assert_problem(&app.rest.get("/api").await, 404, "not_found");
    let wrong = app.rest.send(app.rest.request(Method::PUT, rooms)).await;
    assert_problem(&wrong, 405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "GET,HEAD,POST");
    let json = "application/json";
    assert_problem(&app.rest.post_raw(rooms, json, "{").await, 400, "malformed");
    assert_problem(
        &app.rest.post_raw(rooms, json, b"\xff\xfe".to_vec()).await,
        400,
        "malformed",
    );
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_problem(
        &app.rest.post_raw(rooms, json, format!("{{\"id\":{deep}}}")).await,
        422,
        "invalid_argument",
    );
    let nested = format!("{{\"id\":\"a\",\"x\":{deep}}}");
    // What is ignored is skipped, however deep it is.
    let _ = app.rest.post_raw(rooms, json, nested).await.expect(201);
    assert_problem(
        &app.rest.post_raw(rooms, "text/plain", "{}").await,
        415,
        "unsupported_media_type",
    );
    assert_problem(&app.rest.post_empty(rooms).await, 415, "unsupported_media_type");
    let large = format!("{{\"id\":\"{}\"}}", "x".repeat(300_000));
    assert_problem(&app.rest.post_raw(rooms, json, large).await, 413, "too_large");
    assert_problem(&app.rest.get("/api/chat/rooms/%ff").await, 400, "malformed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sane_request_id_is_kept_and_an_odd_one_replaced() {
    let app = App::start().await;
    let with = async |id: &str| {
        let request = app
            .rest
            .request(Method::GET, "/api/chat/rooms")
            .header("x-request-id", id);
        app.rest.send(request).await.header("x-request-id").to_owned()
    };
    assert_eq!(with("trace-1.2_3").await, "trace-1.2_3");
    let made = with("a b<script>").await;
    assert_eq!(made.len(), 36, "{made}");
    assert!(!app.rest.get("/").await.header("x-request-id").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_told_to_be_careful() {
    let app = App::start().await;
    for path in ["/", "/api/chat/rooms", "/api/chat/docs/", "/nothing"] {
        let answer = app.rest.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"),
            "{path}"
        );
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
    let ui = app.rest.get("/").await;
    assert!(!ui.header("content-security-policy").contains("unsafe-inline"));
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_pages_may_neither_write_nor_open_sockets() {
    let http = HttpLimits {
        origins: AllowedOrigins::parse("https://chat.example.org").unwrap(),
        ..HttpLimits::default()
    };
    let app = App::with(Access { http, ..access() }).await;
    let own = format!("http://127.0.0.1:{}", app.port);
    let post = async |origin: &str, id: &str| {
        let request = app
            .rest
            .request(Method::POST, "/api/chat/rooms")
            .header("origin", origin);
        app.rest.send(request.json(&json!({ "id": id }))).await
    };
    for origin in ["http://evil.example", "null", "http://127.0.0.1"] {
        assert_problem(&post(origin, "evil").await, 403, "origin_refused");
    }
    let _ = post(&own, "own").await.expect(201);
    let _ = post("https://chat.example.org", "allowed").await.expect(201);
    assert_problem(&app.rest.get("/api/chat/rooms/evil").await, 404, "not_found");
    let read = app
        .rest
        .request(Method::GET, "/api/chat/rooms")
        .header("origin", "http://evil.example");
    let _ = app.rest.send(read).await.expect(200);
    let socket = handshake(&app).header("origin", "http://evil.example");
    assert_problem(&app.rest.send(socket).await, 403, "origin_refused");
    let unfinished = app
        .rest
        .request(Method::GET, "/ws?user_id=alice")
        .header("origin", "http://evil.example")
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    assert_problem(&app.rest.send(unfinished).await, 403, "origin_refused");
    for good in [&own, "https://chat.example.org"] {
        let answer = handshake(&app).header("origin", good).send().await.unwrap();
        assert_eq!(answer.status(), 101, "{good}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_for_its_own_machine_is_nothing_to_a_page_that_renamed_it() {
    let http = HttpLimits {
        origins: AllowedOrigins::default().of_this_machine(),
        ..HttpLimits::default()
    };
    let app = App::with(Access { http, ..access() }).await;
    let evil = format!("evil.example:{}", app.port);
    let read = app
        .rest
        .request(Method::GET, "/api/chat/rooms")
        .header("host", &evil);
    assert_problem(&app.rest.send(read).await, 403, "host_refused");
    let socket = handshake(&app)
        .header("host", &evil)
        .header("origin", format!("http://{evil}"));
    assert_problem(&app.rest.send(socket).await, 403, "host_refused");
    let _ = app.rest.get("/api/chat/rooms").await.expect(200);
    assert_eq!(handshake(&app).send().await.unwrap().status(), 101);
}

/// A handshake that nothing is wrong with.
fn handshake(app: &App) -> RequestBuilder {
    app.rest
        .request(Method::GET, "/ws?user_id=alice")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_by_route_and_never_by_path() {
    let app = App::start().await;
    let _ = app.rest.get("/api/chat/rooms/metrics-room-7").await.expect(404);
    let _ = app.rest.get("/some/secret/path").await.expect(404);
    let metrics = app.rest.get("/metrics").await.expect(200).text();
    assert!(
        metrics.contains("route=\"/api/chat/rooms/{room_id}\",method=\"GET\",status=\"404\""),
        "{metrics}"
    );
    assert!(!metrics.contains("metrics-room-7") && !metrics.contains("secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_can_not_take_everything() {
    let http = HttpLimits {
        requests_per_minute: 60,
        ..HttpLimits::default()
    };
    let app = App::with(Access { http, ..access() }).await;
    let mut refused = None;
    for _ in 0..20 {
        let answer = app.rest.get("/api/chat/health").await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    assert_problem(&refused.expect("the burst of 10 ends"), 429, "resource_exhausted");
    let _ = app.rest.get("/readyz").await.expect(200);
    let socket = app.rest.send(handshake(&app)).await;
    assert_problem(&socket, 429, "resource_exhausted");
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_count_for_the_address_behind_the_proxy() {
    let http = HttpLimits {
        requests_per_minute: 60,
        proxy_hops: 1,
        ..HttpLimits::default()
    };
    let app = App::with(Access { http, ..access() }).await;
    let status = async |address: &str| {
        let request = handshake(&app).header("x-forwarded-for", address);
        request.send().await.unwrap().status().as_u16()
    };
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(status("10.0.0.1").await);
    }
    assert!(statuses.contains(&101) && statuses.contains(&429), "{statuses:?}");
    assert_eq!(status("10.0.0.2").await, 101);
}
