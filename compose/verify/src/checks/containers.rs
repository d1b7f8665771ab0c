//! The running containers: what the compose file asks for is what the engine has given.

use crate::{
    shell::Shell,
    stack::{self, SOON},
};

/// The services that are ours and hold nothing.
const OURS: [(&str, &str); 5] = [
    ("edge", "edge"),
    ("chat-service", "chat-svc"),
    ("presence-service", "presence-svc"),
    ("notification-service", "notify-svc"),
    ("file-service", "files-svc"),
];

/// Read-only, without rights, under a user of their own, healthy by their own word.
pub async fn are_confined(shell: Shell) {
    let services = shell.must("docker compose ps --services", SOON).await;
    assert!(services.lines().count() >= 12, "{services}");
    for service in services.lines() {
        for container in stack::replicas(&shell, service).await {
            let told = &container.inspected;
            assert_eq!(
                told["HostConfig"]["ReadonlyRootfs"], true,
                "{service} can write to itself"
            );
            assert_eq!(told["HostConfig"]["CapDrop"][0], "ALL", "{service} has rights");
            assert_eq!(told["State"]["Health"]["Status"], "healthy", "{service}");
            let limits = &told["HostConfig"]["Memory"];
            assert!(
                limits.as_u64().is_some_and(|limit| limit > 0),
                "{service} has no limit of memory"
            );
        }
    }
    for (service, program) in OURS {
        let own = shell
            .must(
                &format!("docker compose exec {service} /app/{program} health"),
                SOON,
            )
            .await;
        assert!(own.contains(r#""status":"ready""#), "{service}: {own}");
        for container in stack::replicas(&shell, service).await {
            assert_eq!(container.inspected["Config"]["User"], "10001:10001", "{service}");
        }
        let shells = shell
            .run(&format!("docker compose exec {service} sh -c true"), SOON)
            .await;
        assert!(!shells.well, "{service} has a shell");
    }
}

/// The databases can be reached by the services, and neither from the gateway's side nor from this machine.
pub async fn databases_are_apart(shell: Shell) {
    // By its address: that the name is unknown there would prove little.
    let database = stack::replicas(&shell, "postgres-chat").await.remove(0);
    let networks = database.inspected["NetworkSettings"]["Networks"].as_object();
    let at = networks
        .and_then(|all| all.values().next())
        .and_then(|network| network["IPAddress"].as_str());
    let at = at.expect("an address");
    let reach = format!("docker compose exec gateway nc -z -w 2 {at} 5432");
    assert!(
        !shell.run(&reach, SOON).await.well,
        "the gateway reaches a database"
    );
    let can = "docker compose exec gateway nc -z -w 2 redis 6379";
    assert!(
        shell.run(can, SOON).await.well,
        "the same question about Redis, which is beside the gateway, is answered"
    );
    for (service, database) in [
        ("postgres-chat", "chat_db"),
        ("postgres-notifications", "notifications_db"),
        ("postgres-files", "files_db"),
    ] {
        let ask = format!(
            "docker compose exec {service} psql -U chatuser -d {database} -tAc 'select current_user'"
        );
        assert_eq!(shell.must(&ask, SOON).await.trim(), "chatuser");
        let ports = shell
            .must(
                &format!("docker compose port {service} 5432 2>/dev/null || true"),
                SOON,
            )
            .await;
        assert!(
            ports.trim().is_empty() || ports.contains(":0"),
            "{service} is published at {ports}"
        );
    }
}

/// Nothing of the project is left behind.
pub async fn all_gone(shell: Shell) {
    let label = format!("label=com.docker.compose.project={}", shell.project());
    for list in [
        "docker ps --all --quiet",
        "docker volume ls --quiet",
        "docker network ls --quiet",
    ] {
        let left = shell.must(&format!("{list} --filter {label}"), SOON).await;
        assert!(left.trim().is_empty(), "{list}: {left}");
    }
}
