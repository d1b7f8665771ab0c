//! A real Prometheus with the configuration of the compose profile, at a cluster instead of containers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    time::Duration,
};

use reqwest::Url;
use serde_json::Value;
use tempfile::TempDir;
use test_support::{
    binaries,
    cluster::Cluster,
    ports,
    process::Process,
    supervised::{Spec, Supervised},
    wait,
};

use crate::files::{self, Question};

/// The services by their names in compose, in the order of [`processes`].
pub(crate) const SERVICES: [&str; 5] = [
    "edge",
    "chat-service",
    "presence-service",
    "notification-service",
    "file-service",
];

/// The processes behind [`SERVICES`].
pub(crate) fn processes(cluster: &Cluster) -> [&Process; 5] {
    [
        cluster.edge(0),
        cluster.chat(0),
        cluster.presence(),
        cluster.notify(),
        cluster.files(),
    ]
}

/// The labels of each metric.
pub(crate) type Metrics = BTreeMap<String, BTreeSet<String>>;

/// A rule that tells somebody.
pub(crate) struct Alert {
    pub(crate) name: String,
    pub(crate) question: Question,
    pub(crate) annotations: Value,
    pub(crate) severity: String,
}

pub(crate) struct Prometheus {
    // Before the folder, in which it writes.
    _process: Supervised,
    base: String,
    http: reqwest::Client,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts it and waits until it has asked every process once.
    pub(crate) async fn start(cluster: &Cluster) -> Self {
        let folder = tempfile::tempdir().expect("a folder for Prometheus");
        let port = ports::free();
        let config = config(cluster, port).await;
        fs::write(folder.path().join("prometheus.yml"), config).expect("its configuration is written");
        fs::copy(
            files::folder().join("alerts.yml"),
            folder.path().join("alerts.yml"),
        )
        .expect("its rules are copied");
        let args = format!(
            "--config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address=127.0.0.1:{port} \
             --log.level=warn"
        );
        let process = Supervised::start_new(Spec {
            name: "prometheus".to_owned(),
            program: binaries::system("prometheus", &[]),
            args: args.split(' ').map(Into::into).collect(),
            env: Vec::new(),
            directory: folder.path().to_owned(),
            stop_signal: "TERM",
            end_signal: "KILL",
            remove: Some(folder.path().to_owned()),
        });
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .no_proxy()
            .build()
            .expect("a client");
        let base = format!("http://127.0.0.1:{port}");
        let ready = format!("{base}/-/ready");
        process
            .ready(wait::START, || async {
                let answer = http.get(&ready).send().await;
                answer.is_ok_and(|answer| answer.status().is_success())
            })
            .await;
        let prometheus = Self {
            _process: process,
            base,
            http,
            _folder: folder,
        };
        let up = format!("count(up{{service=~\"{}\"}} == 1) == 5", SERVICES.join("|"));
        wait::until(wait::SOON, "Prometheus reaches the five processes", async || {
            !prometheus.ask(&up).await.is_empty()
        })
        .await;
        prometheus
    }

    /// The series that an expression has now. Panics where it does not parse.
    pub(crate) async fn ask(&self, expression: &str) -> Vec<Value> {
        let data = self.get("query", &[("query", expression)]).await;
        match data["resultType"].as_str() {
            Some("vector") => files::list(&data, "result").to_vec(),
            other => panic!("{expression} is a {other:?}"),
        }
    }

    /// The metrics of a service, with its labels as they are kept.
    pub(crate) async fn metrics_of(&self, service: &str) -> Metrics {
        let of = format!("{{service=\"{service}\"}}");
        let series = self.get("series", &[("match[]", &of)]).await;
        let mut metrics = Metrics::new();
        for one in series.as_array().expect("a list of series") {
            let labels = one.as_object().expect("labels").keys().cloned();
            metrics
                .entry(files::string(one, "__name__").to_owned())
                .or_default()
                .extend(labels);
        }
        metrics
    }

    /// The rules as it has read them.
    pub(crate) async fn alerts(&self) -> Vec<Alert> {
        let data = self.get("rules", &[("type", "alert")]).await;
        let groups = files::list(&data, "groups").iter();
        let alert = |rule: &Value| Alert {
            name: files::string(rule, "name").to_owned(),
            question: Question {
                place: format!("alerts.yml: {}", files::string(rule, "name")),
                expression: files::string(rule, "query").to_owned(),
            },
            annotations: rule["annotations"].clone(),
            severity: files::string(&rule["labels"], "severity").to_owned(),
        };
        groups
            .flat_map(|group| files::list(group, "rules").iter().map(alert))
            .collect()
    }

    async fn get(&self, what: &str, parameters: &[(&str, &str)]) -> Value {
        let url = Url::parse_with_params(&format!("{}/api/v1/{what}", self.base), parameters);
        let answer = self.http.get(url.expect("a URL")).send().await;
        let text = answer.expect("an answer").text().await.expect("a body");
        let mut answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(
            answer["status"], "success",
            "{what} {parameters:?}: {}",
            answer["error"]
        );
        answer["data"].take()
    }
}

/// The configuration as it is, but for where things are and how often they are asked.
async fn config(cluster: &Cluster, own_port: u16) -> String {
    let mut addresses = BTreeMap::new();
    for (service, process) in SERVICES.into_iter().zip(processes(cluster)) {
        let answer = process.get("/livez").await.expect("an answer");
        let port = answer.url().port().expect("a port");
        addresses.insert(service, format!("\"127.0.0.1:{port}\""));
    }
    let mut config = String::new();
    let mut found = BTreeSet::new();
    for line in files::text(&files::folder().join("prometheus.yml")).lines() {
        if let Some(rest) = line.strip_prefix("    dns_sd_configs: [{ names: [") {
            let name = rest.split(']').next().unwrap_or_default();
            found.insert(name.to_owned());
            // The collector does not run here.
            let target = addresses.get(name).map(String::as_str).unwrap_or_default();
            let _ = writeln!(config, "    static_configs: [{{ targets: [{target}] }}]");
        } else {
            let line = line
                .replace("localhost:9090", &format!("localhost:{own_port}"))
                .replace("scrape_interval: 5s", "scrape_interval: 1s")
                .replace("scrape_timeout: 4s", "scrape_timeout: 1s")
                .replace("evaluation_interval: 15s", "evaluation_interval: 1s");
            let _ = writeln!(config, "{line}");
        }
    }
    for service in SERVICES {
        assert!(found.contains(service), "prometheus.yml does not ask {service}");
    }
    config
}
