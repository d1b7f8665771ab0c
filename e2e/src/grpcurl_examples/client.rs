//! The shell that runs the scripts, with a `grpcurl` on its PATH: the installed one, or a stand-in made of `buf`.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use test_support::{binaries, grpc_cli};

/// An address as grpcurl takes it: without `http://`.
pub(super) fn plain(address: &str) -> String {
    let address = address.strip_prefix("http://").unwrap_or(address);
    address.trim_end_matches('/').to_owned()
}

/// Runs a script that has to end well, and returns all that it printed, each line of the script included as it is read.
pub(super) async fn transcript(name: &str, script: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(format!("{name}.sh"));
    fs::write(&path, script).expect("a script");
    // One stream for both, or nobody could tell which line an error belongs to.
    let command = [OsString::from("exec sh -v \"$0\" 2>&1"), path.into_os_string()];
    let output = sh(command).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name}.sh: {}:\n{text}", output.status);
    text
}

/// The services at an address, or the methods of one of them, by reflection.
pub(super) async fn list(address: &str, service: Option<&str>) -> Vec<String> {
    let Some(service) = service else {
        return grpc_cli::list(address).await;
    };
    let command = [
        "exec grpcurl -plaintext \"$0\" list \"$1\"",
        &plain(address),
        service,
    ];
    let output = sh(command.map(OsString::from)).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(str::to_owned).collect()
}

async fn sh<const N: usize>(args: [OsString; N]) -> Output {
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .args(args)
        .env("PATH", path())
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || shell.output()).await;
    output.expect("no panic").expect("sh can be run")
}

/// PATH, and behind it what takes the place of a `grpcurl` that is not installed.
fn path() -> OsString {
    let tools = binaries::tools_folder();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace");
    let installed = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&installed)
        .chain([
            tools.join("bin"),
            root.join("test-support/shims/grpcurl-by-buf/bin"),
        ])
        .chain(buf_of_npm(&tools.join("npm/node_modules/@bufbuild")));
    std::env::join_paths(folders).expect("no folder has a colon in its name")
}

/// Where npm has put `buf`: the binary for this machine first, in a package of its own, then the script that starts it, which
/// takes as long again as a call does.
fn buf_of_npm(packages: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(packages)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let mut folders: Vec<PathBuf> = found.map(|package| package.path().join("bin")).collect();
    folders.sort_by(|a, b| b.cmp(a));
    folders
}
