//! The compose files themselves: no warning, nothing unpinned, memory limits that fit a small server.

use serde_json::Value;

use crate::{shell::Shell, stack::SOON};

/// Each way in which the guide starts the platform.
const WAYS: [&str; 5] = [
    "docker compose",
    "docker compose --profile observability --profile tls",
    "docker compose -f docker-compose.yml -f rustfs.yml",
    "docker compose -f single.yml",
    "docker compose --env-file .env.example",
];

/// What all containers together may take, in bytes: 4 GB.
const MEMORY: u64 = 4_000_000_000;

/// The collector has nothing in its image that could ask it, and a tool is no service.
const UNASKED: [&str; 2] = ["otel-collector", "mc"];

/// `docker compose config` says nothing but the configuration.
pub async fn is_clean(shell: Shell) {
    for way in WAYS {
        let said = shell.must(&format!("{way} config --quiet"), SOON).await;
        assert!(said.trim().is_empty(), "{way} warns: {said}");
        for image in shell.must(&format!("{way} config --images"), SOON).await.lines() {
            let pinned = image
                .rsplit_once(':')
                .is_some_and(|(_, tag)| tag != "latest" && tag.contains(|c: char| c.is_ascii_digit()));
            assert!(pinned, "{way}: {image} is not pinned");
        }
    }
}

/// One replica of each fits a server with 4 GB, and everything that listens on this machine does so on loopback.
pub async fn is_modest(shell: Shell) {
    let by_default = services(&shell, "docker compose").await;
    let mut sum = 0;
    for (name, service) in services(&shell, "docker compose --profile '*'").await {
        let limit = &service["deploy"]["resources"]["limits"]["memory"];
        let limit: u64 = limit
            .as_str()
            .and_then(|limit| limit.parse().ok())
            .unwrap_or_else(|| panic!("{name} has no memory limit"));
        if by_default.contains_key(&name) {
            sum += limit;
        }
        for port in service["ports"].as_array().into_iter().flatten() {
            assert_eq!(
                port["host_ip"], "127.0.0.1",
                "{name} is reached from outside: {port}"
            );
        }
        for what in [
            "restart",
            "init",
            "read_only",
            "cap_drop",
            "security_opt",
            "logging",
            "healthcheck",
        ] {
            if what == "healthcheck" && UNASKED.contains(&name.as_str()) {
                continue;
            }
            assert!(!service[what].is_null(), "{name} has no {what}");
        }
    }
    assert!(sum < MEMORY, "the memory limits sum up to {sum} bytes");
    let open = services(&shell.with("BIND", "0.0.0.0"), "docker compose").await;
    let reached = |service: &str| -> Vec<String> {
        let ports = open[service]["ports"].as_array().cloned().unwrap_or_default();
        ports
            .iter()
            .filter(|port| port["host_ip"] == "0.0.0.0")
            .map(|port| port["target"].to_string())
            .collect()
    };
    assert_eq!(reached("gateway"), ["8092"], "with BIND only the web is opened");
    assert!(reached("minio").is_empty());
}

/// The services of a way to start the platform, as compose understands them.
async fn services(shell: &Shell, way: &str) -> serde_json::Map<String, Value> {
    let config = shell.must(&format!("{way} config --format json"), SOON).await;
    let config: Value = serde_json::from_str(&config).expect("JSON");
    config["services"].as_object().expect("services").clone()
}
