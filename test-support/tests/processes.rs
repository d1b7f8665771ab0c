//! A process of ours: its output, its exit code, its verbs.

use test_support::{
    binaries, ports,
    process::Process,
    supervised::{Spec, Supervised},
    wait,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_process_ends_with_its_code_and_its_output_is_kept() {
    let refused = Process::builder("s3-server").arg("--no-such-option").spawn();
    assert_eq!(refused.exited(wait::SOON).await.code(), Some(2));
    assert!(
        refused.output().contains("--no-such-option"),
        "{}",
        refused.output().tail()
    );
    assert_eq!(refused.exit_code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_sees_only_the_environment_it_was_given() {
    let env = Supervised::start_new(Spec {
        name: "env".into(),
        program: binaries::system("env", &[]),
        args: Vec::new(),
        env: vec![("DATABASE_URL".into(), "given".into())],
        directory: std::env::temp_dir(),
        stop_signal: "TERM",
        end_signal: "KILL",
        remove: None,
    });
    env.exited(wait::SOON).await;
    assert!(
        env.output().contains("DATABASE_URL=given"),
        "{}",
        env.output().tail()
    );
    assert!(
        !env.output().contains("CARGO_MANIFEST_DIR="),
        "{}",
        env.output().tail()
    );
    env.start();
    env.exited(wait::SOON).await;
    assert_eq!(
        env.output().matching("DATABASE_URL=given").len(),
        2,
        "the output of both lives is kept"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "ended before it was ready")]
async fn waiting_for_a_process_that_has_ended_fails_at_once() {
    let process = Process::builder("s3-server")
        .arg("--no-such-option")
        .ready_port(1)
        .spawn();
    process.wait_ready(wait::START).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_not_started_is_left_alone() {
    let process = Process::builder("s3-server").arg("--version").prepare();
    assert_eq!(process.pid(), None);
    process.kill().await;
    process.start();
    assert!(process.exited(wait::SOON).await.success());
    assert!(process.output().contains("s3-server"));
}

/// How many hours after the true time a server's clock is, as its answers have it.
async fn hours_ahead(port: u16) -> i64 {
    let answer = wait::eventually(wait::SOON, "the server answers", async || {
        reqwest::get(format!("http://127.0.0.1:{port}")).await.ok()
    });
    let date = answer.await.headers()["date"].clone();
    let date = jiff::fmt::rfc2822::parse(date.to_str().expect("a date is text")).expect("a date");
    let ahead = date.timestamp().as_second() - jiff::Timestamp::now().as_second();
    // A minute more than a busy machine needs.
    (ahead + 60).div_euclid(3600)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_jumps_and_keeps_its_offset_over_a_restart() {
    let port = ports::free();
    let server = Process::builder("s3-server").args(["--port", &port.to_string(), "--root", "."]);
    let server = server.clock().spawn();
    assert_eq!(hours_ahead(port).await, 0);
    server.set_clock(25 * 3600);
    // The server looks at its clock for this once a second.
    let jumped = async || hours_ahead(port).await == 25;
    wait::until(wait::SOON, "the clock has jumped", jumped).await;
    server.set_clock(-3 * 3600);
    server.kill().await;
    server.start();
    assert_eq!(hours_ahead(port).await, -3);
    let pid = server.pid().expect("it runs").to_string();
    drop(server);
    let left = std::fs::read_dir("/dev/shm").expect("shared memory").flatten();
    let left = left.filter(|entry| entry.file_name().to_string_lossy().ends_with(&pid));
    assert_eq!(left.count(), 0);
}
