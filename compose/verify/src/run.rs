//! The verification, from the first step to the last.

use std::{path::Path, process::ExitCode, time::Instant};

use crate::{
    chatter::Chatter,
    checkout,
    checks::{
        browsers, config, containers, gateway, images, kills, observability, redis, single, spread, tls,
        traces,
    },
    guide,
    report::Report,
    shell::Shell,
    stack, walk,
};

/// The compose project: not "chatflow", which may be somebody's own stack on this machine.
const PROJECT: &str = "chatflow-verify";

/// Runs everything. Exit code 1 where a step failed.
pub async fn run() -> ExitCode {
    let began = Instant::now();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the workspace");
    let place = test_support::binaries::build_folder()
        .parent()
        .map(|target| target.join("compose-verify"))
        .expect("a target folder");
    let copy = checkout::copy(&workspace, &place).await;
    let shell = Shell::new(&copy.join("compose"), PROJECT);
    let mut report = Report::begin();

    // What an interrupted run has left.
    stack::down(&shell).await;
    let unnamed = stack::unnamed_volumes(&shell).await;
    if free_ports(&mut report).await {
        files(&mut report, &shell).await;
        walk_the_guide(&mut report, &shell, &copy).await;
        scaled(&mut report, &shell).await;
        others(&mut report, &shell).await;
        let all = shell.clone();
        report
            .step("no volume without a name is left", async move {
                let left = stack::unnamed_volumes(&all).await;
                let new: Vec<_> = left.difference(&unnamed).collect();
                assert!(new.is_empty(), "{new:?}");
            })
            .await;
        images::sizes(&shell, &mut report).await;
        images::stand_ins(&shell, &mut report).await;
    }
    report.close(&place.join("report.md"), began.elapsed().as_secs_f64());
    ExitCode::from(u8::from(report.failed() > 0))
}

/// Somebody's own stack must not be talked to by mistake.
async fn free_ports(report: &mut Report) -> bool {
    report
        .step("the ports of the stack are free on this machine", async {
            for port in [
                8092, 8020, 8021, 8022, 8023, 9000, 9001, 8080, 8443, 9090, 3000, 16686,
            ] {
                let listener = std::net::TcpListener::bind(("127.0.0.1", port));
                assert!(
                    listener.is_ok(),
                    "port {port} is taken: stop what listens there, then try again"
                );
            }
        })
        .await
}

async fn files(report: &mut Report, shell: &Shell) {
    report
        .step(
            "`docker compose config` has nothing to complain about, and every image is pinned",
            config::is_clean(shell.clone()),
        )
        .await;
    report
        .step(
            "memory limits sum up to less than 4 GB; host ports are on loopback",
            config::is_modest(shell.clone()),
        )
        .await;
}

/// Every command of compose/README.md, from the first to the last, while somebody chats.
async fn walk_the_guide(report: &mut Report, shell: &Shell, copy: &Path) {
    let blocks = guide::blocks(&copy.join("compose/README.md"));
    let _chatter = Chatter::start("alice");
    for block in blocks {
        let first = block
            .script
            .lines()
            .find(|line| !line.trim_start().starts_with('#'))
            .unwrap_or_default()
            .trim();
        let what = format!("guide, {}: {first}", block.heading);
        if block.needs_registry && !has_images(shell, &block.script).await {
            report.note(format!(
                "not run, as no registry has its images for this machine: {what}"
            ));
            continue;
        }
        let shell = shell.clone();
        report
            .step(what, async move { walk::run(&shell, &block).await })
            .await;
    }
    report
        .step(
            "the guide's last command leaves nothing behind",
            containers::all_gone(shell.clone()),
        )
        .await;
}

/// Whether all images of this way to start the stack are here, or a registry has them.
async fn has_images(shell: &Shell, script: &str) -> bool {
    let compose = script.split(" up ").next().unwrap_or_default();
    let pull = if script.contains("pull") {
        "timeout 300 docker pull --quiet redis:7-alpine".to_owned()
    } else {
        format!(
            "for image in $({compose} config --images); do \
               docker image inspect $image > /dev/null 2>&1 || timeout 300 docker pull --quiet $image; done"
        )
    };
    shell.run(&pull, stack::START * 4).await.well
}

/// The stack at more than one replica of everything.
async fn scaled(report: &mut Report, shell: &Shell) {
    let one = shell.clone();
    report
        .step("up --wait, then at once a message", async move {
            stack::up(&one, "").await;
            gateway::a_message_can_be_sent().await;
        })
        .await;
    for name in images::OURS.into_iter().filter(|name| *name != "chatflow") {
        report
            .step(
                format!("image {name}: no root, no tools, no secrets"),
                images::is_bare(shell.clone(), name),
            )
            .await;
    }
    let more = shell.clone();
    report
        .step(format!("up --wait {}", stack::SCALED), async move {
            stack::up(&more, stack::SCALED).await;
        })
        .await;
    report
        .step(
            "containers are read-only, without rights, healthy",
            containers::are_confined(shell.clone()),
        )
        .await;
    report
        .step(
            "databases are out of the gateway's reach",
            containers::databases_are_apart(shell.clone()),
        )
        .await;
    report
        .step(
            "two browsers chat on two edges",
            browsers::chat_with_each_other(shell.clone()),
        )
        .await;
    report
        .step(
            "the page and the documentation through the gateway",
            gateway::the_page_is_served_well(shell.clone()),
        )
        .await;
    report
        .step(
            "request ids, problems, sizes through the gateway",
            gateway::answers_stay_in_form(shell.clone()),
        )
        .await;
    report
        .step(
            "100 MB up and down through the gateway, one byte more is refused",
            gateway::files_stream_through(shell.clone()),
        )
        .await;
    report
        .step(
            "every line of grpcurl-examples/, through the gateway",
            spread::grpc_examples_run(),
        )
        .await;
    let all = shell.clone();
    report
        .step(
            "Prometheus finds every replica, and no alert fires",
            observability::prometheus_sees_all(shell.clone()),
        )
        .await;
    report
        .step(
            "60 sockets are spread over three edges and hear each other",
            async move {
                spread::make_room().await;
                spread::sockets_are_on_all_edges(all, 3).await;
            },
        )
        .await;
    report
        .step(
            "calls are spread over both replicas of each service",
            spread::calls_are_on_all_replicas(shell.clone()),
        )
        .await;
    report
        .step(
            "every container is replaced by rolling-update.sh under load: no loss, no repeat, no failed request",
            kills::a_rolling_update_is_not_noticed(shell.clone()),
        )
        .await;
    for service in [
        "edge",
        "chat-service",
        "presence-service",
        "notification-service",
        "file-service",
    ] {
        let what =
            format!("a replica of {service} is killed under load: no loss, no repeat, no failed request");
        report
            .step(what, kills::is_not_noticed(shell.clone(), service))
            .await;
    }
    report
        .step(
            "Redis stopped and started: messages go on",
            redis::is_a_hint(shell.clone()),
        )
        .await;
    report
        .step(
            "scaled to one edge and back to three under way",
            spread::scaling_is_followed(shell.clone()),
        )
        .await;
    report
        .step(
            "without an edge the gateway says so in the API's own form",
            gateway::no_edge_is_told_in_form(shell.clone()),
        )
        .await;
    report
        .step(
            "whoever invents addresses is limited all the same",
            gateway::limits_count_real_addresses(),
        )
        .await;
    report
        .step(
            "one message is one trace, from its sender's socket to three edges",
            traces::follow_a_message(shell.clone()),
        )
        .await;
}

async fn others(report: &mut Report, shell: &Shell) {
    report
        .step(
            "https with certificates from a folder",
            tls::is_the_same_by_https(shell.clone()),
        )
        .await;
    let own = shell.clone();
    report
        .step("down --volumes", async move { stack::down(&own).await })
        .await;
    report
        .step("nothing is left", containers::all_gone(shell.clone()))
        .await;
    let alone = Shell::new(shell.folder(), "chatflow-single-verify");
    let build = alone.clone();
    report
        .step("single.yml is built", async move {
            build
                .must("docker compose -f single.yml build", stack::START * 8)
                .await;
        })
        .await;
    report
        .step(
            "image chatflow: no root, no tools, no secrets",
            images::is_bare(shell.clone(), "chatflow"),
        )
        .await;
    report
        .step(
            "single.yml: one container, one volume, kept through a kill",
            single::keeps_what_was_said(alone.clone()),
        )
        .await;
    report
        .step("nothing is left of it", containers::all_gone(alone))
        .await;
}
