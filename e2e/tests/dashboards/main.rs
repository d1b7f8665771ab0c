//! What Grafana shows and Prometheus warns of exists: every expression is asked of a real Prometheus that watches a real
//! cluster.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
    sync::Arc,
};

use e2e::Stack;
use serde_json::Value;
use test_support::{binaries, cluster::Cluster, collector::Collector, wait};

mod files;
mod prometheus;
mod promql;
mod traffic;

use files::{Dashboard, Question, list, string};
use prometheus::{Metrics, Prometheus, SERVICES};
use promql::{Named, Selector};

/// Metrics that come up only after what no test can bring about quickly, and the folder whose sources count them.
const RARE: [(&str, &str); 4] = [
    // A replica of PostgreSQL, which the cluster here has none of.
    ("chatflow_chat_replicas_serving", "chat-svc/src"),
    ("chatflow_chat_replica_reads_total", "chat-svc/src"),
    // An edge that takes in its hints slower than Redis gives them, by megabytes.
    ("chatflow_broker_lagged_total", "broker/src"),
    // Somebody with more than a thousand notifications, a minute later.
    ("chatflow_notify_swept_total", "notify-svc/src"),
];

/// What Prometheus makes itself.
const OWN: [&str; 2] = ["up", "ALERTS"];

#[test]
fn dashboards_are_whole() {
    let sources = files::text(&files::folder().join("grafana/provisioning/datasources/chatflow.yml"));
    let mut uids = BTreeSet::new();
    let boards = files::dashboards();
    for service in SERVICES {
        let file = format!("{service}.json");
        assert!(boards.iter().any(|board| board.file == file), "no {file}");
    }
    for Dashboard { file, json } in &boards {
        let uid = string(json, "uid");
        assert!(
            uid.starts_with("chatflow-") && uids.insert(uid.to_owned()),
            "{file}: uid {uid:?}"
        );
        for key in ["title", "description"] {
            assert!(!string(json, key).is_empty(), "{file} has no {key}");
        }
        assert!(json["schemaVersion"].is_u64(), "{file} has no schemaVersion");
        let mut ids = BTreeSet::new();
        let mut taken = BTreeMap::new();
        for panel in list(json, "panels") {
            let title = string(panel, "title");
            let place = format!("{file}: {title}");
            assert!(!title.is_empty(), "{file}: a panel without a title: {panel}");
            let id = panel["id"].as_u64();
            assert!(
                id.is_some_and(|id| ids.insert(id)),
                "{place}: the id {id:?} is taken"
            );
            cells(&panel["gridPos"], &place, &mut taken);
            if panel["type"] != "row" {
                whole(panel, &place, &sources);
            }
        }
    }
}

/// Notes the cells that a panel takes, each for itself.
fn cells(position: &Value, place: &str, taken: &mut BTreeMap<(u64, u64), String>) {
    let [x, y, width, height] = ["x", "y", "w", "h"].map(|key| {
        let number = position[key].as_u64();
        number.unwrap_or_else(|| panic!("{place} has no {key}"))
    });
    assert!(x + width <= 24, "{place} is too far right");
    for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
        if let Some(other) = taken.insert(cell, place.to_owned()) {
            panic!("{place} lies on {other}");
        }
    }
}

fn whole(panel: &Value, place: &str, sources: &str) {
    assert!(
        !string(panel, "description").is_empty(),
        "{place}: no description"
    );
    let unit = string(&panel["fieldConfig"]["defaults"], "unit");
    assert!(!unit.is_empty(), "{place}: no unit");
    let source = string(&panel["datasource"], "uid");
    assert!(
        sources.contains(&format!("uid: {source}\n")),
        "{place}: no data source {source:?}"
    );
    let targets = list(panel, "targets");
    assert!(!targets.is_empty(), "{place} asks nothing");
    let mut names = BTreeSet::new();
    for target in targets {
        for key in ["expr", "legendFormat", "refId"] {
            assert!(!string(target, key).is_empty(), "{place}: no {key}");
        }
        assert!(names.insert(string(target, "refId")), "{place}: a refId is taken");
    }
}

#[test]
fn prometheus_takes_the_files() {
    let promtool = binaries::system("promtool", &[]);
    for (kind, file) in [("config", "prometheus.yml"), ("rules", "alerts.yml")] {
        let mut command = Command::new(&promtool);
        command
            .args(["check", kind])
            .arg(file)
            .current_dir(files::folder());
        let output = command.output().expect("promtool runs");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{file}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_and_warned_of_exists() {
    let collector = Collector::start_new().await;
    let cluster = Cluster::builder()
        .env("edge", "SIGN_INS_PER_MINUTE", "20")
        .env_of_all("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url())
        .start()
        .await;
    let stack = Arc::new(Stack::Services(Box::new(cluster)));
    let cluster = stack.cluster().expect("the five processes");
    let prometheus = Prometheus::start(cluster).await;
    let alerts = prometheus.alerts().await;
    for alert in &alerts {
        let place = &alert.question.place;
        for key in ["summary", "description"] {
            assert!(
                !string(&alert.annotations, key).is_empty(),
                "{place} has no {key}"
            );
        }
        assert!(
            ["warning", "critical"].contains(&alert.severity.as_str()),
            "{place}: {:?}",
            alert.severity
        );
    }
    let shown: Vec<Question> = files::dashboards()
        .iter()
        .flat_map(Dashboard::questions)
        .collect();

    traffic::everything(&stack).await;
    for Question { place, expression } in shown.iter().chain(&files::questions_of_traces()) {
        let what = format!("{place} shows something: {expression}");
        wait::until(wait::SOON, &what, async || {
            !prometheus.ask(expression).await.is_empty()
        })
        .await;
    }
    // Those that tell of times and loads may be right on a busy machine.
    for name in [
        "InstanceDown",
        "ServiceGone",
        "RedisGone",
        "SendsRefused",
        "HintsDropped",
    ] {
        let told = prometheus.ask(&expression_of(&alerts, name)).await;
        assert!(told.is_empty(), "{name} is told of a healthy cluster: {told:#?}");
    }

    traffic::without_hints(&stack).await;
    for name in ["RedisGone", "EdgeDeaf", "EdgeNotReady", "HintsDropped"] {
        is_told(cluster, &prometheus, &alerts, name).await;
    }
    traffic::with_hints_again(&stack).await;

    let metrics = all_metrics(cluster, &prometheus).await;
    let rules = alerts.iter().map(|alert| alert.question.clone());
    let asked: Vec<Question> = shown
        .iter()
        .cloned()
        .chain(files::questions_of_traces())
        .chain(rules)
        .collect();
    let mut problems: Vec<String> = asked
        .iter()
        .flat_map(|question| problems(question, &metrics))
        .collect();
    problems.extend(undocumented(&metrics, &shown));
    assert!(problems.is_empty(), "{}", problems.join("\n"));

    cluster.files().kill().await;
    is_told(cluster, &prometheus, &alerts, "InstanceDown").await;
}

fn expression_of(alerts: &[prometheus::Alert], name: &str) -> String {
    let alert = alerts.iter().find(|alert| alert.name == name);
    alert
        .unwrap_or_else(|| panic!("no alert {name}"))
        .question
        .expression
        .clone()
}

async fn is_told(cluster: &Cluster, prometheus: &Prometheus, alerts: &[prometheus::Alert], name: &str) {
    let expression = expression_of(alerts, name);
    wait::until(wait::START, &format!("{name} is told"), async || {
        // As a container's health check does.
        let _ = cluster.edge(0).is_ready().await;
        !prometheus.ask(&expression).await.is_empty()
    })
    .await;
}

/// The metrics of each service, once Prometheus has all that its process exports.
async fn all_metrics(cluster: &Cluster, prometheus: &Prometheus) -> BTreeMap<&'static str, Metrics> {
    let mut all = BTreeMap::new();
    for (service, process) in SERVICES.into_iter().zip(prometheus::processes(cluster)) {
        let text = process.get("/metrics").await.expect("an answer").text().await;
        let exported: BTreeSet<String> = text.expect("a body").lines().filter_map(name_of).collect();
        assert!(!exported.is_empty(), "{service} exports nothing");
        let what = format!("Prometheus has all metrics of {service}");
        let metrics = wait::eventually(wait::SOON, &what, async || {
            let metrics = prometheus.metrics_of(service).await;
            let whole = exported.iter().all(|name| metrics.contains_key(name));
            whole.then_some(metrics)
        });
        all.insert(service, metrics.await);
    }
    all
}

/// The name in a line of a process's metrics, unless it is a comment.
fn name_of(line: &str) -> Option<String> {
    let name = line.split(['{', ' ']).next()?;
    (!name.is_empty() && name != "#").then(|| name.to_owned())
}

/// What a question names that the service it is about does not export.
fn problems(question: &Question, metrics: &BTreeMap<&str, Metrics>) -> Vec<String> {
    let named = Named::by(&question.expression);
    let mut problems = Vec::new();
    let mut labels: BTreeSet<&str> = BTreeSet::new();
    let mut all_known = true;
    for selector in &named.selectors {
        if OWN.contains(&selector.metric.as_str()) {
            labels.extend(["service", "instance", "alertname"]);
        } else if is_rare(&selector.metric) {
            all_known = false;
        } else {
            for found in of_services(selector, metrics) {
                match found {
                    Ok(found) => labels.extend(found),
                    Err(problem) => problems.push(problem),
                }
            }
        }
    }
    assert!(!named.selectors.is_empty(), "{} is about nothing", question.place);
    if all_known && problems.is_empty() {
        let unknown = named
            .grouped
            .iter()
            .filter(|label| !labels.contains(label.as_str()));
        problems.extend(unknown.map(|label| format!("no label {label}")));
    }
    let told = |problem| format!("{}: {problem}: {}", question.place, question.expression);
    problems.into_iter().map(told).collect()
}

/// The labels of a selector's metric in each service that it is about, or what is not there.
fn of_services<'a>(
    selector: &Selector,
    metrics: &'a BTreeMap<&str, Metrics>,
) -> Vec<Result<Vec<&'a str>, String>> {
    let metric = &selector.metric;
    // Where it names no service, any of them has to have it.
    let services = selector.services(&SERVICES).unwrap_or_else(|| {
        let having = SERVICES
            .into_iter()
            .filter(|service| metrics[service].contains_key(metric));
        having.collect()
    });
    if services.is_empty() {
        return vec![Err(format!("no service exports {metric}"))];
    }
    let look = |service: &str| {
        let labels = metrics[service]
            .get(metric)
            .ok_or_else(|| format!("{service} does not export {metric}"))?;
        match selector
            .matchers
            .iter()
            .find(|matcher| !labels.contains(&matcher.label))
        {
            Some(matcher) => Err(format!("{metric} of {service} has no label {}", matcher.label)),
            None => Ok(labels.iter().map(String::as_str).collect()),
        }
    };
    services.into_iter().map(look).collect()
}

/// Whether a metric is one of [`RARE`] and still counted.
fn is_rare(metric: &str) -> bool {
    let Some((_, folder)) = RARE.iter().find(|(rare, _)| *rare == metric) else {
        return false;
    };
    let quoted = format!("\"{metric}\"");
    assert!(
        is_in(&files::workspace().join(folder), &quoted),
        "nothing in {folder} counts {metric}"
    );
    true
}

/// Whether a text is in a file below a folder.
fn is_in(folder: &Path, text: &str) -> bool {
    let entries = std::fs::read_dir(folder).expect("a folder of sources");
    let mut paths = entries.map(|entry| entry.expect("an entry").path());
    paths.any(|path| {
        if path.is_dir() {
            is_in(&path, text)
        } else {
            files::text(&path).contains(text)
        }
    })
}

/// The metrics in the documentation that nobody exports, or that are on no dashboard.
fn undocumented(metrics: &BTreeMap<&str, Metrics>, shown: &[Question]) -> Vec<String> {
    let documented = files::documented();
    assert!(
        documented.len() > 20,
        "the table of metrics is read: {documented:?}"
    );
    let parts = ["", "_bucket", "_sum", "_count"];
    let in_use: BTreeSet<String> = shown
        .iter()
        .flat_map(|question| Named::by(&question.expression).selectors)
        .map(|selector| selector.metric)
        .collect();
    let mut problems = Vec::new();
    for name in documented {
        let names = parts.map(|part| format!("{name}{part}"));
        if !names
            .iter()
            .any(|name| metrics.values().any(|metrics| metrics.contains_key(name)))
        {
            problems.push(format!("docs/operations.md tells of {name}: nobody exports it"));
        }
        if !names.iter().any(|name| in_use.contains(name)) {
            problems.push(format!(
                "docs/operations.md tells of {name}: no dashboard shows it"
            ));
        }
    }
    problems
}
