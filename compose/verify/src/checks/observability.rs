//! The profile "observability", as far as there are images for it: Prometheus.

use std::collections::BTreeMap;

use serde_json::Value;
use test_support::{client::Rest, wait};

use crate::{
    shell::Shell,
    stack::{self, SOON},
};

/// How many replicas of each there are at this point, by the name that Prometheus gives them.
const REPLICAS: [(&str, usize); 5] = [
    ("edge", 3),
    ("chat-service", 2),
    ("presence-service", 2),
    ("notification-service", 2),
    ("file-service", 2),
];

/// Each replica is scraped, and what is well raises no alarm.
pub async fn prometheus_sees_all(shell: Shell) {
    let up = "docker compose --profile observability up --detach --wait --no-deps prometheus";
    shell.must(up, stack::START).await;
    let prometheus = Rest::new("http://localhost:9090");
    let all = async || {
        let found = query(&prometheus, "count by (service) (up == 1)").await;
        REPLICAS
            .iter()
            .all(|(service, count)| found.get(*service) == Some(&count.to_string()))
    };
    wait::until(SOON, &format!("Prometheus scrapes {REPLICAS:?}"), all).await;
    // An alert that waits some minutes before it fires would tell nothing here: what it waits for is asked itself.
    let rules = prometheus
        .get("/api/v1/rules?type=alert")
        .await
        .expect(200)
        .json();
    let groups = rules["data"]["groups"].as_array().cloned().unwrap_or_default();
    let rules: Vec<Value> = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default())
        .collect();
    assert!(rules.len() > 10, "{rules:?}");
    for rule in rules {
        // Rates need two looks first.
        let what = format!("nothing to warn of by {}", rule["name"]);
        let expression = rule["query"].as_str().unwrap_or_default();
        let silent = async || query(&prometheus, expression).await.is_empty();
        wait::until(SOON, &what, silent).await;
    }
    shell
        .must(
            "docker compose --profile observability rm --stop --force prometheus",
            stack::START,
        )
        .await;
}

/// The values of an expression, by their label `service`.
async fn query(prometheus: &Rest, expression: &str) -> BTreeMap<String, String> {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("query", expression)
        .finish();
    let form = "application/x-www-form-urlencoded";
    let answer = prometheus.post_raw("/api/v1/query", form, body).await;
    let answer: Value = answer.expect(200).json();
    let results = answer["data"]["result"].as_array().cloned().unwrap_or_default();
    results
        .iter()
        .map(|result| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&result["metric"]["service"]), text(&result["value"][1]))
        })
        .collect()
}
