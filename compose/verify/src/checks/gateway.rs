//! What the gateway adds to an answer, and what it must not change.

use reqwest::Method;
use serde_json::{Value, json};
use test_support::client::{Rest, Socket};

use crate::{
    shell::Shell,
    stack::{self, GATEWAY, SOON},
};

/// Right after `up --wait`: a message is acknowledged at once.
pub async fn a_message_can_be_sent() {
    let mut socket = Socket::connect("ws://localhost:8092/ws/general/first?username=First").await;
    socket
        .send_json(&json!({"type": "message", "content": "is it up?", "client_msg_id": "first-1"}))
        .await;
    let ack = socket.wait_for("ack", SOON).await;
    assert_eq!(ack["client_msg_id"], "first-1");
    socket.close().await;
}

/// The page: compressed, with the same rules for browsers that the edge gives to the page it carries, its scripts kept for
/// a year and the page itself asked for each time.
pub async fn the_page_is_served_well(shell: Shell) {
    let gateway = Rest::new(GATEWAY);
    let page = gateway.get("/").await.expect(200);
    assert_eq!(page.header("cache-control"), "no-cache");
    let edge = stack::replicas(&shell, "edge").await.remove(0).address();
    let own = Rest::new(format!("http://{edge}:8092"))
        .get("/")
        .await
        .expect(200);
    for header in [
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "permissions-policy",
        "cross-origin-resource-policy",
    ] {
        assert!(
            !own.header(header).is_empty() && page.header(header) == own.header(header),
            "{header}"
        );
    }

    let text = page.text();
    let script = text
        .split('"')
        .find(|part| part.ends_with("/app.js"))
        .expect("the page's script")
        .trim_start_matches('.');
    let request = gateway
        .request(Method::GET, script)
        .header("accept-encoding", "gzip");
    let kept = gateway.send(request).await.expect(200);
    assert!(
        kept.header("cache-control").contains("immutable"),
        "{}",
        kept.header("cache-control")
    );
    assert_eq!(kept.header("content-encoding"), "gzip");
    let plain = gateway.get(script).await.expect(200);
    assert_eq!(
        plain.body,
        Rest::new(format!("http://{edge}:8092"))
            .get("/app.js")
            .await
            .expect(200)
            .body
    );
    // What is not there must not be kept for a year.
    let missing = gateway
        .get(&script.replace("app.js", "gone.js"))
        .await
        .expect(404);
    assert_eq!(missing.header("cache-control"), "no-cache");
    for path in ["/favicon.svg", "/manifest.webmanifest"] {
        let _ = gateway.get(path).await.expect(200);
    }
    for path in [
        "/api/chat/docs/",
        "/api/presence/docs/",
        "/api/notifications/docs/",
        "/api/files/docs/",
    ] {
        assert!(
            gateway.get(path).await.expect(200).text().contains("swagger-ui"),
            "{path}"
        );
    }
}

/// A request keeps its id through the gateway, and answers of the API stay JSON whatever goes wrong.
pub async fn answers_stay_in_form(shell: Shell) {
    let gateway = Rest::new(GATEWAY);
    let request = gateway
        .request(Method::GET, "/api/chat/rooms")
        .header("x-request-id", "followed-1")
        .header("accept-encoding", "gzip");
    let answer = gateway.send(request).await.expect(200);
    assert_eq!(answer.header("x-request-id"), "followed-1");
    let log = shell
        .must(
            "docker compose logs --no-log-prefix gateway edge chat-service | grep followed-1",
            SOON,
        )
        .await;
    assert!(
        log.lines().count() >= 3,
        "the id is in the logs of gateway, edge and chat-service:\n{log}"
    );
    let line = log
        .lines()
        .find(|line| line.contains("\"upstream\""))
        .expect("the gateway's line");
    let at = line.find('{').unwrap_or_default();
    let line: Value = serde_json::from_str(&line[at..]).expect("the access log is JSON");
    assert_eq!(
        (&line["status"], &line["path"]),
        (&json!(200), &json!("/api/chat/rooms"))
    );

    let missing = gateway.get("/api/nothing").await.expect(404);
    assert!(
        missing
            .header("content-type")
            .starts_with("application/problem+json")
    );
    let large = gateway
        .post_raw("/api/chat/rooms", "application/json", vec![b' '; 2_000_000])
        .await
        .expect(413);
    assert_eq!(large.json()["code"], "too_large");
    let _ = gateway.get("/gateway/ready").await.expect(403);
    for path in ["/metrics", "/readyz"] {
        let _ = gateway.get(path).await.expect(404);
    }
}

/// As large as may be, and one more: streamed through, with bounded memory on the way.
pub async fn files_stream_through(shell: Shell) {
    const LIMIT: usize = 100 * 1024 * 1024;
    let gateway = Rest::new(GATEWAY);
    let bytes: Vec<u8> = (0..LIMIT)
        .map(|at| u8::try_from(at * 31 % 251).unwrap_or_default())
        .collect();
    let file = gateway
        .upload("general", "filer", "large.bin", bytes.clone())
        .await
        .expect(201)
        .json();
    let url = file["url"].as_str().expect("a URL");
    let whole = gateway.get(url).await.expect(200);
    assert!(whole.body == bytes, "the bytes come back as they were");
    let part = gateway.get_range(url, "bytes=1000-1099").await.expect(206);
    assert_eq!(part.body, bytes[1000..1100]);
    let mut more = bytes;
    more.push(0);
    let refused = gateway
        .upload("general", "filer", "larger.bin", more)
        .await
        .expect(413);
    assert_eq!(refused.json()["code"], "too_large");
    for service in ["gateway", "edge", "file-service"] {
        for container in stack::replicas(&shell, service).await {
            assert_eq!(container.inspected["State"]["OOMKilled"], false, "{service}");
            assert_eq!(container.inspected["RestartCount"], 0, "{service}");
        }
    }
}

/// With every edge stopped: 503 and JSON, also for what may not be sent twice; gone as soon as an edge is back.
pub async fn no_edge_is_told_in_form(shell: Shell) {
    shell.must("docker compose stop edge", stack::START).await;
    let gateway = Rest::new(GATEWAY);
    let message = json!({"user_id": "zoe", "username": "Zoe", "content": "anybody?"});
    let refused = [
        gateway.get("/api/chat/rooms").await.expect(503),
        gateway
            .post("/api/chat/rooms/general/messages", &message)
            .await
            .expect(503),
    ];
    for answer in refused {
        assert!(
            answer
                .header("content-type")
                .starts_with("application/problem+json")
        );
        assert_eq!(answer.json()["code"], "unavailable");
        assert!(!answer.header("x-request-id").is_empty());
    }
    let status = Socket::try_connect("ws://localhost:8092/ws/general/zoe?username=Zoe", &[])
        .await
        .err();
    assert_eq!(status, Some(Some(503)));
    let _ = gateway.get("/").await.expect(200);
    shell.must("docker compose start edge", stack::START).await;
    stack::gateway_answers().await;
}

/// Sign-ins are limited by address. What a client writes into `X-Forwarded-For` does not give it new ones: each edge allows
/// 120 a minute, and there are three.
pub async fn limits_count_real_addresses() {
    let gateway = Rest::new(GATEWAY);
    let mut refused = 0;
    for number in 0..480 {
        let request = gateway
            .request(Method::POST, "/api/chat/sessions")
            .header("x-forwarded-for", format!("198.51.100.{}", number % 250))
            .json(&json!({"user_id": format!("many{number}"), "username": "Many"}));
        let answer = gateway.send(request).await;
        assert!(matches!(answer.status, 201 | 429), "{}", answer.text());
        refused += usize::from(answer.status == 429);
    }
    assert!(refused > 0, "480 sign-ins in one minute from one address");
}
