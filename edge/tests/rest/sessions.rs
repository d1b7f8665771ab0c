//! Who may act as whom.

use edge::config::{Access, HttpLimits};
use serde_json::json;

use crate::app::{App, access, assert_field, assert_problem};

#[tokio::test(flavor = "multi_thread")]
async fn guests_and_accounts_sign_in_and_out() {
    let app = App::start().await;
    let sessions = "/api/chat/sessions";
    let guest = json!({ "user_id": "bob", "username": "Bob" });
    let session = app.rest.post(sessions, &guest).await.expect(201).json();
    assert_eq!(
        (&session["username"], &session["guest"]),
        (&json!("Bob"), &json!(true))
    );
    assert!(session["expires_at"].is_string());

    let account = json!({ "user_id": "alice", "username": "Alice", "password": "correct horse" });
    let session = app
        .rest
        .post("/api/chat/accounts", &account)
        .await
        .expect(201)
        .json();
    assert_eq!(session["guest"], json!(false));
    assert_problem(
        &app.rest.post("/api/chat/accounts", &account).await,
        409,
        "already_exists",
    );
    let wrong = json!({ "user_id": "alice", "password": "wrong horse" });
    let refused = app.rest.post(sessions, &wrong).await;
    assert_problem(&refused, 401, "unauthenticated");
    assert!(refused.header("www-authenticate").starts_with("Bearer"));
    let as_guest = app.rest.post(sessions, &json!({ "user_id": "alice" })).await;
    assert_problem(&as_guest, 409, "failed_precondition");
    let right = json!({ "user_id": "alice", "password": "correct horse" });
    let session = app.rest.post(sessions, &right).await.expect(201).json();

    let alice = app.rest.clone().with_token(session["token"].as_str().unwrap());
    let whose = alice.get("/api/chat/session").await.expect(200).json();
    assert_eq!(
        whose,
        json!({ "user_id": "alice", "username": "Alice", "guest": false })
    );
    let _ = alice.delete("/api/chat/session").await.expect(204);
    assert_problem(&alice.get("/api/chat/session").await, 401, "unauthenticated");
    assert_problem(&alice.get("/api/chat/rooms").await, 401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_rules_and_an_account_s_name_is_its_own() {
    let app = App::start().await;
    let account = json!({ "user_id": "alice", "password": "correct horse" });
    let _ = app.rest.post("/api/chat/accounts", &account).await.expect(201);
    let url = "/api/chat/rooms/general/messages";
    let by_name = json!({ "user_id": "alice", "content": "x" });
    assert_problem(&app.rest.post(url, &by_name).await, 403, "permission_denied");

    let bob = app.guest("bob").await;
    assert_problem(
        &bob.post(url, &json!({ "user_id": "carol", "content": "x" }))
            .await,
        403,
        "permission_denied",
    );
    let sent = bob
        .post(url, &json!({ "content": "x", "username": "Not Bob" }))
        .await
        .expect(201)
        .json();
    assert_eq!(
        (&sent["user_id"], &sent["username"]),
        (&json!("bob"), &json!("bob"))
    );
    assert_problem(
        &bob.post_empty("/api/presence/carol/heartbeat").await,
        403,
        "permission_denied",
    );
    assert_problem(
        &bob.get("/api/notifications/carol").await,
        403,
        "permission_denied",
    );
    let odd = app.rest.clone().with_token("no such token");
    assert_problem(&odd.get("/api/presence").await, 401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_open_access_nothing_works_by_name() {
    let app = App::closed().await;
    for path in [
        "/api/chat/rooms",
        "/api/chat/rooms/general/messages",
        "/api/presence",
        "/api/presence/alice",
        "/api/presence/rooms/general/typing",
        "/api/notifications/alice",
        "/api/files/files",
        "/api/files/01a209a7-b50d-73ed-b757-596e81377dc8/download",
    ] {
        assert_problem(&app.rest.get(path).await, 401, "unauthenticated");
    }
    let form = app.rest.upload("general", "alice", "a.txt", "x").await;
    assert_problem(&form, 401, "unauthenticated");
    for open in [
        "/api/chat/health",
        "/api/files/health",
        "/api/chat/openapi.json",
        "/api/chat/docs/",
        "/",
    ] {
        let _ = app.rest.get(open).await.expect(200);
    }
    let bob = app.guest("bob").await;
    let _ = bob.get("/api/chat/rooms").await.expect(200);
    let _ = bob.upload("general", "bob", "a.txt", "x").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_is_limited_per_address() {
    let http = HttpLimits {
        sign_ins_per_minute: 3,
        proxy_hops: 1,
        ..HttpLimits::default()
    };
    let app = App::with(Access { http, ..access() }).await;
    let attempt = async |from: &str| {
        let request = app
            .rest
            .request(reqwest::Method::POST, "/api/chat/sessions")
            .header("x-forwarded-for", from)
            .json(&json!({ "user_id": "alice", "password": "guessed" }));
        app.rest.send(request).await
    };
    for _ in 0..3 {
        assert_problem(&attempt("10.0.0.1").await, 401, "unauthenticated");
    }
    let refused = attempt("10.0.0.1").await;
    assert_problem(&refused, 429, "resource_exhausted");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    assert_problem(&attempt("10.0.0.2").await, 401, "unauthenticated");
    let _ = app.rest.get("/api/chat/rooms").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_fields_of_a_session_are_named() {
    let app = App::start().await;
    for (field, body) in [
        ("user_id", json!({})),
        ("user_id", json!({ "user_id": "../etc" })),
        (
            "username",
            json!({ "user_id": "bob", "username": "x".repeat(65) }),
        ),
    ] {
        assert_field(&app.rest.post("/api/chat/sessions", &body).await, field);
    }
    let short = json!({ "user_id": "alice", "password": "short" });
    assert_field(&app.rest.post("/api/chat/accounts", &short).await, "password");
}
