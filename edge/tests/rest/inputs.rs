//! Whatever comes in, the answer is the caller's fault or a success, never ours.

use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::App;

/// JSON of any shape, often with the names that bodies have.
fn odd_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        Just("id".to_owned()),
        Just("user_id".to_owned()),
        Just("username".to_owned()),
        Just("content".to_owned()),
        Just("title".to_owned()),
        Just("password".to_owned()),
        Just("message_type".to_owned()),
        Just("file_url".to_owned()),
        ".{0,8}",
    ];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(name.clone(), inner, 0..6).prop_map(|map| json!(map)),
        ]
    })
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[test]
fn no_input_is_our_fault() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let app = runtime.block_on(App::start());
    let config = ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let inputs = (".{0,70}", ".{0,20}", odd_json(), any::<Vec<u8>>());
    let ran = proptest::test_runner::TestRunner::new(config).run(&inputs, |(id, limit, body, bytes)| {
        let (id, limit) = (encoded(&id), encoded(&limit));
        let requests = [
            (Method::GET, format!("/api/chat/rooms/{id}")),
            (
                Method::GET,
                format!("/api/chat/rooms/general/messages?limit={limit}&before={limit}"),
            ),
            (Method::GET, format!("/api/chat/users/{id}/read-marks")),
            (Method::GET, format!("/api/presence/{id}")),
            (
                Method::POST,
                format!("/api/presence/{id}/heartbeat?username={limit}"),
            ),
            (
                Method::POST,
                format!("/api/presence/alice/typing?room_id={id}&username={limit}"),
            ),
            (
                Method::GET,
                format!("/api/notifications/{id}?unread_only={limit}&limit={limit}"),
            ),
            (Method::PATCH, format!("/api/notifications/{id}/read")),
            (Method::DELETE, format!("/api/notifications/{id}")),
            (
                Method::GET,
                format!("/api/files/files?room_id={id}&limit={limit}"),
            ),
            (Method::GET, format!("/api/files/{id}/download")),
            (Method::GET, format!("/{id}")),
        ];
        let bodies = [
            "/api/chat/rooms",
            "/api/chat/rooms/general/messages",
            "/api/notifications",
            "/api/chat/sessions",
        ];
        let worst = runtime.block_on(async {
            let mut worst = (0, String::new());
            let mut note = |status: u16, what: String| {
                if status > worst.0 {
                    worst = (status, what);
                }
            };
            for (method, path) in requests {
                let answer = app.rest.send(app.rest.request(method, &path)).await;
                note(answer.status, path);
            }
            for path in bodies {
                note(app.rest.post(path, &body).await.status, format!("{path} {body}"));
                let raw = app.rest.post_raw(path, "application/json", bytes.clone()).await;
                note(raw.status, format!("{path} {bytes:?}"));
            }
            let form = app
                .rest
                .post_raw(
                    "/api/files/upload",
                    "multipart/form-data; boundary=b",
                    bytes.clone(),
                )
                .await;
            note(form.status, format!("form {bytes:?}"));
            worst
        });
        prop_assert!(worst.0 < 500, "{worst:?}");
        Ok(())
    });
    ran.unwrap();
}
