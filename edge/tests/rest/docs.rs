//! The documents: complete, well formed, and nothing from another host.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::app::App;

const AREAS: [&str; 4] = ["chat", "presence", "notifications", "files"];

/// Every route of the contract and of the UI.
const ROUTES: [&str; 32] = [
    "get /api/chat/rooms",
    "post /api/chat/rooms",
    "get /api/chat/rooms/{room_id}",
    "get /api/chat/rooms/{room_id}/messages",
    "post /api/chat/rooms/{room_id}/messages",
    "patch /api/chat/rooms/{room_id}/messages/{id}",
    "delete /api/chat/rooms/{room_id}/messages/{id}",
    "get /api/chat/users/{user_id}/read-marks",
    "post /api/chat/sessions",
    "post /api/chat/accounts",
    "get /api/chat/session",
    "delete /api/chat/session",
    "get /api/chat/health",
    "get /api/presence",
    "get /api/presence/{user_id}",
    "delete /api/presence/{user_id}",
    "post /api/presence/{user_id}/heartbeat",
    "post /api/presence/{user_id}/typing",
    "delete /api/presence/{user_id}/typing",
    "get /api/presence/rooms/{room_id}/typing",
    "get /api/presence/health",
    "post /api/notifications",
    "get /api/notifications/{id}",
    "delete /api/notifications/{id}",
    "get /api/notifications/{id}/unread-count",
    "patch /api/notifications/{id}/read",
    "patch /api/notifications/{id}/read-all",
    "get /api/notifications/health",
    "post /api/files/upload",
    "get /api/files/files",
    "get /api/files/{file_id}",
    "get /api/files/{file_id}/download",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_documented_and_every_reference_leads_somewhere() {
    let app = App::start().await;
    let mut found = BTreeSet::new();
    for area in AREAS {
        let document = app
            .rest
            .get(&format!("/api/{area}/openapi.json"))
            .await
            .expect(200)
            .json();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{area}");
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                found.insert(format!("{method} {path}"));
                assert!(operation["summary"].is_string(), "{method} {path}");
                assert!(
                    operation["responses"]
                        .as_object()
                        .is_some_and(|all| !all.is_empty())
                );
                let mut names: Vec<_> = operation["parameters"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|p| &p["name"])
                    .collect();
                let all = names.len();
                names.dedup();
                assert_eq!(names.len(), all, "a parameter twice: {method} {path}");
                for parameter in path
                    .split('{')
                    .skip(1)
                    .map(|part| part.split('}').next().unwrap())
                {
                    assert!(
                        names.iter().any(|name| **name == parameter),
                        "{parameter}: {method} {path}"
                    );
                }
            }
        }
        check_references(&document, &document);
    }
    for route in ROUTES {
        assert!(found.contains(route), "{route} is not documented");
    }
}

fn check_references(node: &Value, document: &Value) {
    match node {
        Value::Object(map) => {
            if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                let pointer = reference
                    .strip_prefix('#')
                    .expect("references stay in the document");
                assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            map.values().for_each(|inner| check_references(inner, document));
        }
        Value::Array(list) => list.iter().for_each(|inner| check_references(inner, document)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_load_from_this_server_alone() {
    let app = App::start().await;
    for area in AREAS {
        let bare = app.rest.get(&format!("/api/{area}/docs")).await.expect(303);
        let page = bare.header("location").to_owned();
        assert_eq!(page, format!("/api/{area}/docs/"));
        let html = app.rest.get(&page).await.expect(200).text();
        let mut loaded = 0;
        for attribute in ["src=\"", "href=\""] {
            for link in html
                .split(attribute)
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap())
            {
                assert!(!link.contains("//"), "{link}");
                let _ = app
                    .rest
                    .get(&format!("{page}{}", link.trim_start_matches("./")))
                    .await
                    .expect(200);
                loaded += 1;
            }
        }
        assert!(loaded >= 4, "{html}");
        let start = app
            .rest
            .get(&format!("{page}swagger-initializer.js"))
            .await
            .expect(200)
            .text();
        assert!(start.contains(&format!("/api/{area}/openapi.json")), "{start}");
        assert!(start.contains("\"validatorUrl\": \"none\""), "{start}");
        assert!(
            !start.contains("http://") && !start.contains("https://"),
            "{start}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_frames_are_documented() {
    let app = App::start().await;
    let document = app.rest.get("/api/chat/asyncapi.json").await.expect(200).json();
    assert_eq!(document["asyncapi"], "3.0.0");
    check_references(&document, &document);
}
