//! What operators use: the flags that every binary has, and the three addresses of every process.

use std::{ffi::OsString, sync::Arc};

use e2e::{Stack, lines::Line};
use test_support::{ports, process::Process, wait};

pub(crate) fn lines() -> Vec<Line> {
    e2e::lines![
        every_binary_has_help_and_version,
        health_answers_for_the_running_process,
        health_of_a_process_that_is_not_there_is_1,
        every_process_serves_livez_readyz_and_metrics,
    ]
}

const BINARIES: [(&str, &str); 6] = [
    ("chatflow", "8092"),
    ("edge", "8092"),
    ("chat-svc", "8020"),
    ("presence-svc", "8021"),
    ("notify-svc", "8022"),
    ("files-svc", "8023"),
];

async fn run(binary: &str, args: &[&str], env: &[(&str, String)]) -> (Option<i32>, String) {
    let builder = Process::builder(binary).args(args.iter().map(OsString::from));
    let process = env
        .iter()
        .fold(builder, |builder, (name, value)| builder.env(name, value))
        .spawn();
    let code = process.exited(wait::SOON).await.code();
    (code, process.output().lines().join("\n"))
}

async fn every_binary_has_help_and_version(_stack: Arc<Stack>) {
    for (binary, port) in BINARIES {
        let (code, help) = run(binary, &["--help"], &[]).await;
        assert_eq!(code, Some(0), "{binary} --help: {help}");
        for wanted in ["PORT", port, "--port", "health", "LOG"] {
            assert!(
                help.contains(wanted),
                "{binary} --help does not tell of {wanted}:\n{help}"
            );
        }
        let (code, version) = run(binary, &["--version"], &[]).await;
        assert_eq!(code, Some(0), "{binary} --version: {version}");
        assert!(version.starts_with(binary) && version.contains('.'), "{version}");
    }
    let (_, help) = run("chatflow", &["--help"], &[]).await;
    for flag in [
        "--port",
        "--bind",
        "--grpc-base-port",
        "--data-dir",
        "PORT",
        "BIND",
        "GRPC_BASE_PORT",
        "DATA_DIR",
    ] {
        assert!(
            help.contains(flag),
            "chatflow --help does not tell of {flag}:\n{help}"
        );
    }
    let variables: [(&str, &[&str]); 5] = [
        (
            "edge",
            &["REDIS_URL", "CHAT_URL", "PRESENCE_URL", "NOTIFY_URL", "FILES_URL"],
        ),
        ("chat-svc", &["DATABASE_URL", "REDIS_URL", "ADMIN_PORT"]),
        ("presence-svc", &["REDIS_URL", "ADMIN_PORT"]),
        ("notify-svc", &["DATABASE_URL", "REDIS_URL", "ADMIN_PORT"]),
        (
            "files-svc",
            &[
                "DATABASE_URL",
                "MINIO_ENDPOINT",
                "MINIO_ACCESS_KEY",
                "MINIO_SECRET_KEY",
                "MINIO_BUCKET",
            ],
        ),
    ];
    for (binary, names) in variables {
        let (_, help) = run(binary, &["--help"], &[]).await;
        for name in names {
            assert!(
                help.contains(name),
                "{binary} --help does not tell of {name}:\n{help}"
            );
        }
    }
}

/// The port on which each process of the stack serves its admin addresses, as its own `health` is told it.
async fn health_answers_for_the_running_process(stack: Arc<Stack>) {
    let port = stack.base_url().rsplit(':').next().unwrap_or_default().to_owned();
    let front = if stack.cluster().is_some() {
        "edge"
    } else {
        "chatflow"
    };
    let (code, said) = run(front, &["health"], &[("PORT", port)]).await;
    assert_eq!(code, Some(0), "{front} health: {said}");
    for (binary, process) in stack.processes() {
        let ready = process
            .get("/readyz")
            .await
            .unwrap_or_else(|| panic!("{binary} does not answer"));
        let admin = ready.url().port().expect("a port").to_string();
        if !["edge", "chatflow"].contains(&binary) {
            let (code, said) = run(binary, &["health"], &[("ADMIN_PORT", admin)]).await;
            assert_eq!(code, Some(0), "{binary} health: {said}");
        }
    }
}

async fn health_of_a_process_that_is_not_there_is_1(_stack: Arc<Stack>) {
    for (binary, _) in BINARIES {
        let nobody = ports::free().to_string();
        let env = [("PORT", nobody.clone()), ("ADMIN_PORT", nobody)];
        let (code, said) = run(binary, &["health"], &env).await;
        assert_eq!(code, Some(1), "{binary} health: {said}");
    }
}

async fn every_process_serves_livez_readyz_and_metrics(stack: Arc<Stack>) {
    for (binary, process) in stack.processes() {
        for (path, content) in [("/livez", "ok"), ("/readyz", "ready"), ("/metrics", "# TYPE")] {
            let answer = process
                .get(path)
                .await
                .unwrap_or_else(|| panic!("{binary} {path}: no answer"));
            assert_eq!(answer.status(), 200, "{binary} {path}");
            let text = answer.text().await.expect("a body");
            assert!(text.contains(content), "{binary} {path}: {text}");
        }
    }
}
