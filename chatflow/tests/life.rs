//! The process as whoever starts it sees it: what it says, how it ends.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use test_support::{client::Rest, ports};

/// A start in debug builds on a busy machine, and an end as the contract has it.
const END: Duration = Duration::from_secs(5);

struct Chatflow {
    child: Child,
    said: Vec<String>,
    port: u16,
    base: u16,
}

fn command(port: u16, base: u16, data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatflow"));
    command
        .env_clear()
        .args(["--port", &port.to_string(), "--grpc-base-port", &base.to_string()])
        .arg("--data-dir")
        .arg(data)
        .stdin(Stdio::null());
    command
}

impl Chatflow {
    /// Returns when it said that it is ready.
    fn start(data: &Path) -> Self {
        let (port, base) = (ports::free(), ports::consecutive(4));
        let mut child = command(port, base, data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let mut said = Vec::new();
        for line in BufReader::new(child.stdout.take().expect("stdout is piped")).lines() {
            said.push(line.expect("lines of text"));
            if said.last().expect("a line was said").contains("Ctrl-C") {
                break;
            }
        }
        Self {
            child,
            said,
            port,
            base,
        }
    }

    fn end(&mut self, signal: &str) -> ExitStatus {
        let pid = self.child.id().to_string();
        Command::new("kill")
            .args([signal, &pid])
            .status()
            .expect("kill is installed");
        self.child.wait().expect("it ends")
    }
}

impl Drop for Chatflow {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Exit code and the text on standard error.
fn refused(command: &mut Command) -> (i32, String) {
    let output = command.output().expect("the binary starts");
    let told = String::from_utf8(output.stderr).expect("lines of text");
    (output.status.code().expect("an exit code"), told)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_where_it_is_and_ends_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut chatflow = Chatflow::start(&data);
    let said = chatflow.said.join("\n");
    let url = format!("http://localhost:{}", chatflow.port);
    for part in [
        url.as_str(),
        "/api/files/docs",
        &chatflow.base.to_string(),
        data.to_str().unwrap(),
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let rest = Rest::new(format!("http://127.0.0.1:{}", chatflow.port));
    let new = serde_json::json!({ "user_id": "alice", "content": "still here?" });
    let _ = rest
        .post("/api/chat/rooms/general/messages", &new)
        .await
        .expect(201);
    for file in ["chat.db", "notifications.db", "files.db", "files", ".lock"] {
        assert!(data.join(file).exists(), "{file}");
    }
    let began = Instant::now();
    let ended = chatflow.end("-INT");
    assert!(ended.success(), "{ended}");
    assert!(began.elapsed() < END, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let url = "/api/chat/rooms/general/messages";
    let mut first = Chatflow::start(folder.path());
    let rest = Rest::new(format!("http://127.0.0.1:{}", first.port));
    let new = serde_json::json!({ "user_id": "alice", "content": "still here?" });
    let sent = rest.post(url, &new).await.expect(201).json();
    first.end("-KILL");
    let again = Chatflow::start(folder.path());
    let rest = Rest::new(format!("http://127.0.0.1:{}", again.port));
    assert_eq!(rest.get(url).await.expect(200).json(), serde_json::json!([sent]));
}

#[test]
fn what_is_taken_is_named_with_the_option_that_changes_it() {
    let folder = tempfile::tempdir().unwrap();
    let running = Chatflow::start(folder.path());
    let (port, base) = (ports::free(), ports::consecutive(4));
    let other = tempfile::tempdir().unwrap();
    for (mut command, parts) in [
        (command(port, base, folder.path()), ["in use", "--data-dir"]),
        (
            command(running.port, base, other.path()),
            [&*running.port.to_string().leak(), "--port"],
        ),
        (
            command(port, running.base, other.path()),
            [&*running.base.to_string().leak(), "--grpc-base-port"],
        ),
    ] {
        let (code, told) = refused(&mut command);
        assert_eq!(code, 69, "{told}");
        assert_eq!(told.trim().lines().count(), 1, "{told}");
        assert!(parts.iter().all(|part| told.contains(part)), "{told}");
    }
}

#[test]
fn bad_options_are_told_together() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(1, 1, folder.path());
    let (code, told) = refused(command.args(["--bind", "nowhere", "--max-connections", "many"]));
    assert_eq!(code, 64, "{told}");
    assert!(
        told.contains("BIND") && told.contains("MAX_CONNECTIONS"),
        "{told}"
    );
    assert!(!folder.path().join(".lock").exists(), "nothing was begun");
    let (code, _) = refused(command.arg("--no-such-option"));
    assert_eq!(code, 64);
}

#[test]
fn health_asks_the_running_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Chatflow::start(folder.path());
    let port = running.port.to_string();
    let ask = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatflow"));
        let output = command.env_clear().args(["health", "--port", &port]).output();
        output.unwrap().status.code()
    };
    assert_eq!(ask(), Some(0));
    running.end("-KILL");
    assert_eq!(ask(), Some(1));
}
