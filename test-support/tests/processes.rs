//! A process of ours: its output, its exit code, its verbs.

use test_support::{
    binaries,
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
