//! The images that are built here: small, nobody's root, without a tool for whoever breaks in, and without a secret.

use serde_json::Value;

use crate::{
    report::Report,
    shell::Shell,
    stack::{SOON, START},
};

/// Our images, by the names that docker-compose.yml and single.yml give them.
pub const OURS: [&str; 7] = [
    "edge",
    "chat-service",
    "presence-service",
    "notification-service",
    "file-service",
    "frontend",
    "chatflow",
];

/// What must not be in an image of a Rust program: a shell, or anything to build or fetch with.
const TOOLS: [&str; 14] = [
    "sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "apk", "cargo", "rustc", "gcc", "cc", "curl",
    "wget",
];

/// Values that stand for secrets in the compose files, and what keys look like.
const SECRETS: [&str; 7] = [
    "chatpass",
    "minioadmin",
    "BEGIN PRIVATE KEY",
    "BEGIN EC PRIVATE KEY",
    "BEGIN RSA PRIVATE KEY",
    "BEGIN OPENSSH PRIVATE KEY",
    "POSTGRES_PASSWORD",
];

/// What must not be in any image.
const BUILDERS: [&str; 5] = ["cargo", "rustc", "gcc", "cc", "ld"];

/// Holds an image to all of it.
pub async fn is_bare(shell: Shell, name: &'static str) {
    let image = tag(name);
    let told = shell.must(&format!("docker image inspect {image}"), SOON).await;
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let user = told[0]["Config"]["User"].as_str().unwrap_or_default();
    assert!(
        !matches!(user.split(':').next().unwrap_or_default(), "" | "0" | "root"),
        "{image} runs as {user:?}"
    );

    let history = shell
        .must(
            &format!("docker history --no-trunc --format '{{{{.CreatedBy}}}}' {image}"),
            SOON,
        )
        .await;
    let settings = told[0]["Config"]["Env"].to_string();
    for secret in SECRETS {
        assert!(
            !history.contains(secret) && !settings.contains(secret),
            "{image} tells {secret:?}"
        );
    }

    // All that is in it, also what a later layer hides from the running container.
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().display();
    shell
        .must(&format!("docker save {image} | tar -x -C {at}"), START)
        .await;
    let unpack = format!(
        "cd {at} && mkdir all && for blob in $(find . -path ./all -prune -o -type f -print); do \
           if tar -tf $blob >/dev/null 2>&1; then tar -tf $blob >> names; tar -xf $blob -C all --no-same-owner --exclude='dev/*' 2>/dev/null || true; fi; done"
    );
    shell.must(&unpack, START).await;
    // That there is something to look at.
    let program = if name == "frontend" {
        "all/site/index.html"
    } else {
        "all/app"
    };
    shell.must(&format!("cd {at} && ls {program}"), SOON).await;
    let names = std::fs::read_to_string(folder.path().join("names")).expect("a list of files");
    let unwanted: &[&str] = if name == "frontend" { &BUILDERS } else { &TOOLS };
    let found: Vec<&str> = names
        .lines()
        .filter(|path| !path.contains("bash-completion"))
        .filter(|path| unwanted.contains(&path.rsplit('/').next().unwrap_or_default()))
        .collect();
    assert!(found.is_empty(), "{image} has {found:?}");
    // nginx is not ours, and its documentation may name anything.
    let ours = if name == "frontend" {
        "all/site all/etc/nginx/nginx.conf"
    } else {
        "all"
    };
    for secret in SECRETS {
        let found = shell
            .run(&format!("cd {at} && grep -rlaF -e {secret:?} {ours}"), SOON)
            .await;
        assert!(!found.well, "{image} has {secret:?} in {}", found.output);
    }
}

/// Notes the size of each.
pub async fn sizes(shell: &Shell, report: &mut Report) {
    for name in OURS {
        let size = shell
            .must(
                &format!("docker image inspect --format '{{{{.Size}}}}' {}", tag(name)),
                SOON,
            )
            .await;
        let bytes: f64 = size.trim().parse().expect("a number of bytes");
        report.note(format!("image {}: {:.1} MB", tag(name), bytes / 1e6));
    }
}

/// Notes which of the others' images are stand-ins.
pub async fn stand_ins(shell: &Shell, report: &mut Report) {
    let config = "docker compose --profile tools config --images | grep -v ^chatflow/ | sort -u";
    for image in shell.must(config, SOON).await.lines() {
        let label =
            format!("docker image inspect --format '{{{{index .Config.Labels \"local.standin\"}}}}' {image}");
        let kind = if shell.run(&label, SOON).await.output.trim() == "true" {
            "a stand-in"
        } else {
            "the real image"
        };
        report.note(format!("{image}: {kind}"));
    }
}

fn tag(name: &str) -> String {
    format!("chatflow/{name}:0.1.0")
}
