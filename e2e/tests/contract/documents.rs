//! Health, Swagger UI and OpenAPI of the four areas, and the browser's page.

use std::{collections::BTreeSet, sync::Arc};

use e2e::{Stack, lines::Line};
use serde_json::Value;

pub(crate) fn lines() -> Vec<Line> {
    e2e::lines![
        every_area_says_that_it_is_well,
        every_area_has_its_swagger_ui_without_other_hosts,
        the_openapi_documents_describe_every_endpoint_of_the_contract,
        the_page_is_served_and_loads_nothing_from_other_hosts,
    ]
}

const AREAS: [&str; 4] = ["chat", "presence", "notifications", "files"];

async fn every_area_says_that_it_is_well(stack: Arc<Stack>) {
    for area in AREAS {
        let health = stack
            .rest()
            .get(&format!("/api/{area}/health"))
            .await
            .expect(200)
            .json();
        assert_eq!(health["status"], "ok", "{area}: {health}");
    }
    let files = stack.rest().get("/api/files/health").await.text();
    assert!(
        files.contains("object"),
        "health of files includes the object store: {files}"
    );
}

async fn every_area_has_its_swagger_ui_without_other_hosts(stack: Arc<Stack>) {
    let rest = stack.rest();
    for area in AREAS {
        let mut path = format!("/api/{area}/docs");
        let mut answer = rest.get(&path).await;
        if answer.status / 100 == 3 {
            path = answer.header("location").to_owned();
            answer = rest.get(&path).await;
        }
        let page = answer.expect(200).text();
        assert!(page.contains("swagger-ui"), "{path}: {page}");
        assert!(
            !page.contains("//unpkg") && !page.contains("//cdn"),
            "{path}: {page}"
        );
        for asset in links(&page) {
            assert!(!asset.contains("://"), "{path} loads {asset}");
            let asset = asset.trim_start_matches("./");
            let place = if asset.starts_with('/') {
                asset.to_owned()
            } else {
                format!("{}/{asset}", path.trim_end_matches('/'))
            };
            let _ = rest.get(&place).await.expect(200);
        }
    }
}

/// What a page's `src="…"` and `href="…"` name.
fn links(page: &str) -> Vec<&str> {
    let after = ["src=\"", "href=\""]
        .into_iter()
        .flat_map(|word| page.split(word).skip(1));
    after
        .filter_map(|rest| rest.split('"').next())
        .filter(|link| !link.starts_with('#'))
        .collect()
}

const ENDPOINTS: &[&str] = &[
    "GET /api/chat/rooms",
    "POST /api/chat/rooms",
    "GET /api/chat/rooms/{}/messages",
    "GET /api/chat/health",
    "POST /api/presence/{}/heartbeat",
    "GET /api/presence",
    "GET /api/presence/{}",
    "DELETE /api/presence/{}",
    "POST /api/presence/{}/typing",
    "DELETE /api/presence/{}/typing",
    "GET /api/presence/rooms/{}/typing",
    "GET /api/presence/health",
    "POST /api/notifications",
    "GET /api/notifications/{}",
    "GET /api/notifications/{}/unread-count",
    "PATCH /api/notifications/{}/read",
    "PATCH /api/notifications/{}/read-all",
    "DELETE /api/notifications/{}",
    "GET /api/notifications/health",
    "POST /api/files/upload",
    "GET /api/files/files",
    "GET /api/files/{}",
    "GET /api/files/{}/download",
    "GET /api/files/health",
];

async fn the_openapi_documents_describe_every_endpoint_of_the_contract(stack: Arc<Stack>) {
    let mut described = BTreeSet::new();
    for area in AREAS {
        let document = stack
            .rest()
            .get(&format!("/api/{area}/openapi.json"))
            .await
            .expect(200)
            .json();
        assert!(
            document["openapi"]
                .as_str()
                .is_some_and(|version| version.starts_with("3.1")),
            "{area}"
        );
        let paths = document["paths"]
            .as_object()
            .unwrap_or_else(|| panic!("{area} has no paths"));
        for (path, operations) in paths {
            for method in operations
                .as_object()
                .into_iter()
                .flatten()
                .map(|(method, _)| method)
            {
                described.insert(format!("{} {}", method.to_uppercase(), anonymous(path)));
            }
        }
        assert_no_dangling(&document, &document);
    }
    for endpoint in ENDPOINTS {
        assert!(
            described.contains(*endpoint),
            "{endpoint} is not in {described:#?}"
        );
    }
}

/// A path whose parameters have no names.
fn anonymous(path: &str) -> String {
    let parts = path
        .split('/')
        .map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

fn assert_no_dangling(root: &Value, value: &Value) {
    if let Some(reference) = value["$ref"].as_str() {
        assert!(
            root.pointer(&reference[1..]).is_some(),
            "{reference} points nowhere"
        );
    }
    match value {
        Value::Object(object) => object.values().for_each(|value| assert_no_dangling(root, value)),
        Value::Array(array) => array.iter().for_each(|value| assert_no_dangling(root, value)),
        _ => {}
    }
}

async fn the_page_is_served_and_loads_nothing_from_other_hosts(stack: Arc<Stack>) {
    let page = stack.rest().get("/").await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'self'") && !policy.contains("unsafe-inline"),
        "{policy}"
    );
    let text = page.text();
    let assets = links(&text);
    assert!(!assets.is_empty(), "{text}");
    for asset in assets {
        assert!(!asset.contains("://"), "the page loads {asset}");
        let place = format!("/{}", asset.trim_start_matches("./").trim_start_matches('/'));
        let _ = stack.rest().get(&place).await.expect(200);
    }
}
