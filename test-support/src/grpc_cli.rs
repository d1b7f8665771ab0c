//! A stranger's gRPC client on the command line: `grpcurl` where it is on PATH, else `buf curl`; both learn the schema by
//! server reflection.

use std::{
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tonic::Code;

use crate::binaries;

/// How a server has refused a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The gRPC status code.
    pub code: Code,
    /// All that the tool has printed about it, details included.
    pub text: String,
}

/// The program that plays the client.
#[derive(Clone, Debug)]
enum Tool {
    Grpcurl(PathBuf),
    Buf(PathBuf),
}

/// The full names of the services that the server at `address` (`http://host:port` or `host:port`) lists, sorted. Panics
/// where it lists none.
pub async fn list(address: &str) -> Vec<String> {
    let address = plain(address);
    let output = run(move |tool| match tool {
        Tool::Grpcurl(path) => command(path, &["-plaintext", "-max-time", "20", &address, "list"]),
        Tool::Buf(path) => buf(path, &["--list-services", &format!("http://{address}")]),
    })
    .await;
    assert!(output.status.success(), "no list of services: {}", both(&output));
    let mut names: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .collect();
    names.sort();
    names
}

/// Calls a unary method, such as `chatflow.chat.v1.ChatService/ListRooms`, with a JSON request. The answer is proto3's
/// JSON: camelCase names, fields with default values left out, 64-bit numbers as strings.
pub async fn call(address: &str, method: &str, request: &Value) -> Result<Value, Refusal> {
    let mut answers = stream(address, method, request).await?;
    assert_eq!(answers.len(), 1, "{method} answers with one message: {answers:?}");
    Ok(answers.remove(0))
}

/// As [`call`], for a method that answers with any number of messages.
pub async fn stream(address: &str, method: &str, request: &Value) -> Result<Vec<Value>, Refusal> {
    let (address, request) = (plain(address), request.to_string());
    let url = format!("http://{address}/{method}");
    let method = method.to_owned();
    let output = run(move |tool| match tool {
        Tool::Grpcurl(path) => command(
            path,
            &["-plaintext", "-max-time", "20", "-d", &request, &address, &method],
        ),
        Tool::Buf(path) => buf(path, &["--data", &request, &url]),
    })
    .await;
    if output.status.success() {
        let answers: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&output.stdout)
            .into_iter()
            .collect();
        return Ok(answers.unwrap_or_else(|error| panic!("{error}: {}", both(&output))));
    }
    let text = both(&output);
    let code = code(&output).unwrap_or_else(|| panic!("no gRPC status: {text}"));
    Err(Refusal { code, text })
}

fn plain(address: &str) -> String {
    address
        .strip_prefix("http://")
        .unwrap_or(address)
        .trim_end_matches('/')
        .to_owned()
}

fn command(path: PathBuf, args: &[&str]) -> Command {
    let mut command = Command::new(path);
    command.args(args);
    command
}

fn buf(path: PathBuf, args: &[&str]) -> Command {
    let flags = [
        "curl",
        "--timeout",
        "20s",
        "--http2-prior-knowledge",
        "--protocol",
        "grpc",
    ];
    command(path, &[&flags[..], args].concat())
}

fn both(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// `grpcurl` ends with 64 + the status, `buf` prints `{"code": "not_found", …}`.
fn code(output: &Output) -> Option<Code> {
    let errors = String::from_utf8_lossy(&output.stderr);
    let named = errors.find('{').and_then(|start| {
        let mut values = serde_json::Deserializer::from_str(&errors[start..]).into_iter::<Value>();
        let name = values.next()?.ok()?["code"].as_str()?.to_owned();
        (0..=16)
            .map(Code::from_i32)
            .find(|code| name == snake_case(*code))
    });
    named.or_else(|| {
        output
            .status
            .code()
            .filter(|it| (65..=80).contains(it))
            .map(|it| Code::from_i32(it - 64))
    })
}

fn snake_case(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    // The protocol that buf names codes after writes this one with one l.
    name.replace("cancelled", "canceled")
}

async fn run(command: impl FnOnce(Tool) -> Command + Send + 'static) -> Output {
    let run = move || {
        command(tool())
            .stdin(Stdio::null())
            .output()
            .expect("the gRPC client can be run")
    };
    tokio::task::spawn_blocking(run)
        .await
        .expect("running the gRPC client does not panic")
}

fn tool() -> Tool {
    let cached = binaries::tools_folder();
    if let Some(path) = binaries::find("grpcurl", &[cached.join("bin")]) {
        return Tool::Grpcurl(path);
    }
    let path = binaries::find("buf", &[cached.join("npm/node_modules/.bin")]);
    Tool::Buf(path.expect("neither grpcurl nor buf is installed: run `make setup`"))
}
