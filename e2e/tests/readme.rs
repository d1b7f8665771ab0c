//! Every command of README.md is run, with the addresses of this test's own servers in place of the usual ones; a command
//! that no test knows how to run fails.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use e2e::stack::{PROGRAMS, SERVICES};
use serde_json::{Value, json};
use test_support::{
    binaries,
    client::{Rest, Socket},
    cluster::AllInOne,
    grpc_cli, ports, postgres,
    process::Process,
    redis, s3,
    supervised::{Spec, Supervised},
    wait,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("a README")
}

/// The fenced blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let (text, fence) = (readme(), format!("```{language}\n"));
    let starts = text.split(&fence).skip(1);
    starts
        .map(|rest| rest.split("\n```").next().unwrap_or_default().to_owned())
        .collect()
}

/// The commands of a shell block, continued lines joined.
fn commands(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ");
    joined
        .lines()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

fn is_of_the_five_processes(block: &str) -> bool {
    block.contains("target/release/edge")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_single_command_of_the_readme_works() {
    let chat = AllInOne::start().await;
    let singles = blocks("sh")
        .into_iter()
        .filter(|block| !is_of_the_five_processes(block));
    let mut count = 0;
    for command in singles.flat_map(|block| commands(&block)) {
        println!("$ {command}");
        match command.split(' ').next().unwrap_or_default() {
            "curl" => curl(&chat, &command).await,
            "grpcurl" => grpcurl(&chat, &command).await,
            "make" => make(&command),
            "cargo" => cargo(&command).await,
            "cd" => of_the_guide(&command),
            other => panic!("no test knows how to run {other:?}: {command}"),
        }
        count += 1;
    }
    assert!(count >= 10, "only {count} commands were found");
}

/// As written, but for the port.
async fn curl(chat: &AllInOne, command: &str) {
    let command = command.replace("http://localhost:8092", &chat.base_url());
    assert!(
        command.contains(&chat.base_url()),
        "another address than http://localhost:8092: {command}"
    );
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &command])
        .current_dir(root())
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || shell.output()).await;
    let output = output.expect("no panic").expect("sh can be run");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command}: {text}");
    let answer: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{command}: {error}: {text}"));
    assert!(answer["code"].is_null(), "{command} is refused: {text}");
}

/// With the ports of this all-in-one; through whichever client is installed.
async fn grpcurl(chat: &AllInOne, command: &str) {
    let (data, rest) = match command.split_once(" -d '") {
        Some((_, rest)) => rest
            .split_once('\'')
            .map(|(data, rest)| (Some(data), rest))
            .expect("a closing quote"),
        None => (
            None,
            command
                .strip_prefix("grpcurl -plaintext")
                .expect("grpcurl -plaintext"),
        ),
    };
    let words: Vec<&str> = rest.split_whitespace().collect();
    let addresses = [
        chat.chat_grpc(),
        chat.presence_grpc(),
        chat.notify_grpc(),
        chat.files_grpc(),
    ];
    let port = words[0]
        .strip_prefix("localhost:802")
        .unwrap_or_else(|| panic!("not one of our ports: {command}"));
    let address = &addresses[port.parse::<usize>().expect("a port")];
    match words[1..] {
        ["list"] => assert!(!grpc_cli::list(address).await.is_empty()),
        ["describe", service] => {
            assert!(
                grpc_cli::list(address).await.iter().any(|name| name == service),
                "{command}"
            );
        }
        [method] => {
            let request: Value = data.map_or(json!({}), |data| serde_json::from_str(data).expect("JSON"));
            let answer = grpc_cli::stream(address, method, &request).await;
            answer.unwrap_or_else(|refusal| panic!("{command}: {refusal:?}"));
        }
        _ => panic!("no test knows how to run this: {command}"),
    }
}

fn make(command: &str) {
    let target = command.strip_prefix("make ").expect("a target");
    let makefile = std::fs::read_to_string(root().join("Makefile")).expect("a Makefile");
    assert!(
        makefile.contains(&format!("\n{target}:")),
        "there is no target for {command}"
    );
}

/// What compose does is tried by `make compose-test`, which runs all commands of its guide.
fn of_the_guide(command: &str) {
    let command = command
        .strip_prefix("cd compose && ")
        .expect("in the folder compose");
    let guide = std::fs::read_to_string(root().join("compose/README.md")).expect("a guide");
    assert!(
        guide.contains(&format!("```sh\n{command}\n```")),
        "{command} is not a command of the guide"
    );
}

/// `cargo run --release` runs the workspace's default member, the all-in-one, which this test runs as a debug build.
async fn cargo(command: &str) {
    let options = command
        .strip_prefix("cargo run --release")
        .unwrap_or_else(|| panic!("not known: {command}"));
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    assert!(
        manifest.contains("default-members = [\"chatflow\"]"),
        "{command} runs something else"
    );
    if let Some(options) = options.strip_prefix(" -- ") {
        let process = Process::builder("chatflow").args(options.split(' ')).spawn();
        assert_eq!(process.exited(wait::SOON).await.code(), Some(0), "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_websocket_session_of_the_readme_is_what_happens() {
    let chat = AllInOne::start().await;
    let session = blocks("text")
        .into_iter()
        .find(|block| block.contains("websocat"))
        .expect("a WebSocket session");
    let mut lines = session.lines();
    let command = lines.next().expect("the command");
    let url = command.split('\'').nth(1).expect("a quoted address");
    let mut socket = Socket::connect(&url.replace("ws://localhost:8092", &chat.ws_url(""))).await;
    socket.send_text(lines.next().expect("a client's frame")).await;
    // The ack and the message may come in either order.
    let kind_of = |shown: &str| shown.split('"').nth(3).expect("a type").to_owned();
    let mut awaited: Vec<(String, &str)> = lines.map(|shown| (kind_of(shown), shown)).collect();
    while !awaited.is_empty() {
        let any = |frame: &Value| awaited.iter().any(|(kind, _)| frame["type"] == kind.as_str());
        let frame = socket
            .wait_where(&format!("the rest of {awaited:?}"), wait::SOON, any)
            .await;
        let at = awaited
            .iter()
            .position(|(kind, _)| frame["type"] == kind.as_str())
            .expect("an awaited one");
        let (_, shown) = awaited.remove(at);
        // Ids and times are cut short with an ellipsis; every field that is shown is there.
        for field in shown
            .split(['{', ','])
            .filter_map(|part| part.strip_prefix('"')?.split('"').next())
        {
            assert!(!frame[field].is_null(), "{field} of {shown} is not in {frame}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_five_processes_start_as_the_readme_says() {
    let block = blocks("sh")
        .into_iter()
        .find(|block| is_of_the_five_processes(block));
    let block = block.expect("a block that starts the five processes");
    let (postgres, redis, s3) = tokio::join!(
        postgres::Server::start_new(postgres::Durability::Off),
        redis::Server::start_new(),
        s3::Server::start_new()
    );
    s3.create_bucket("chatfiles");
    let mut script = block
        .replace("redis://127.0.0.1:6379", &redis.url())
        .replace("http://127.0.0.1:9000", &s3.url());
    for database in ["chat_db", "notifications_db", "files_db"] {
        postgres.create_database(database).await;
        let written = format!("postgres://chatuser:secret@127.0.0.1/{database}");
        assert!(script.contains(&written), "{database} is not at {written}");
        script = script.replace(&written, &postgres.url(database));
    }
    script = script
        .lines()
        .filter(|line| !line.starts_with("cargo build --release --workspace --bins"))
        .collect::<Vec<_>>()
        .join("\n");

    // The usual ports may be taken on this machine: each process is told another one, and where the others are.
    let ports = SERVICES.map(|_| ports::free());
    let mut urls = String::new();
    for (service, port) in SERVICES.iter().zip(ports) {
        let _ = write!(urls, " {}_URL=http://127.0.0.1:{port}", service.to_uppercase());
    }
    let front = ports::free();
    for (name, port) in SERVICES
        .iter()
        .map(|name| format!("{name}-svc"))
        .zip(ports)
        .chain([("edge".to_owned(), front)])
    {
        let binary = binaries::own(&name);
        let run = format!(
            "env PORT={port} ADMIN_PORT={}{urls} {}",
            ports::free(),
            binary.display()
        );
        let written = format!("target/release/{name}");
        assert!(script.contains(&written), "{name} is not started");
        script = script.replace(&written, &run);
    }
    let directory = tempfile::tempdir().expect("a folder");
    let shell = Supervised::start_new(Spec {
        name: "the README's five processes".into(),
        program: binaries::system("sh", &[]),
        args: vec![
            "-c".into(),
            format!("trap 'kill $(jobs -p)' TERM\n{script} &\nwait; wait").into(),
        ],
        env: Vec::new(),
        directory: directory.path().to_owned(),
        stop_signal: "TERM",
        end_signal: "TERM",
        remove: None,
    });
    let rest = Rest::new(format!("http://127.0.0.1:{front}"));
    let ready = async || {
        let request = rest.request(reqwest::Method::GET, "/readyz");
        rest.try_send(request)
            .await
            .is_ok_and(|answer| answer.status == 200)
    };
    shell.ready(wait::START, ready).await;
    let message = json!({"user_id": "alice", "content": "as the README says"});
    let _ = rest
        .post("/api/chat/rooms/general/messages", &message)
        .await
        .expect(201);
    let _ = rest
        .upload("general", "alice", "a.txt", "hello")
        .await
        .expect(201);
    assert_eq!(
        s3.objects("chatfiles")
            .iter()
            .filter(|path| path.extension().is_none())
            .count(),
        1,
        "it is in S3"
    );
    let client = tokio_postgres::connect(&postgres.url("chat_db"), tokio_postgres::NoTls).await;
    let (client, connection) = client.expect("a connection");
    tokio::spawn(connection);
    let row = client
        .query_one("SELECT count(*) FROM messages", &[])
        .await
        .expect("a count");
    assert_eq!(row.get::<_, i64>(0), 1, "it is in PostgreSQL");
    shell.kill().await;
}

/// The environment variables that `--help` tells of.
async fn variables(binary: &str) -> BTreeSet<String> {
    let process = Process::builder(binary).arg("--help").spawn();
    assert_eq!(
        process.exited(wait::SOON).await.code(),
        Some(0),
        "{binary} --help"
    );
    let help = process.output().lines().join("\n");
    let names = help
        .split("[env: ")
        .skip(1)
        .filter_map(|rest| rest.split(['=', ']']).next());
    names.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_settings_lists_what_the_binaries_take() {
    let text = readme();
    let (_, settings) = text.split_once("\n## Settings").expect("a chapter on settings");
    let settings = settings.split("\n## ").next().unwrap_or_default();
    let rows = settings.lines().filter(|line| line.starts_with('|'));
    // The first cell of a row names one or more variables.
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let is_variable = |name: &&str| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    let listed: BTreeSet<String> = cells
        .flat_map(|cell| {
            cell.split('`')
                .filter(is_variable)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    let mut taken = BTreeSet::new();
    for binary in PROGRAMS {
        taken.extend(variables(binary).await);
    }
    let missing: Vec<_> = taken.difference(&listed).collect();
    let unknown: Vec<_> = listed.difference(&taken).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "not in the table: {missing:?}; taken by no binary: {unknown:?}"
    );
}
