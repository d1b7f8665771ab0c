//! The data directory that `initdb` makes once per build folder, and its copies; and who runs PostgreSQL.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{binaries, supervised::user};

/// Part of the template's name: count up when [`initdb`] changes.
const LAYOUT: u32 = 1;

/// A fresh data directory that the server's user owns.
pub(super) fn copy() -> TempDir {
    let template = template();
    let directory = folder();
    run(Command::new("cp")
        .args(["-R", "--reflink=auto", "--no-target-directory"])
        .arg(template)
        .arg(directory.path()));
    own(directory.path());
    directory
}

/// A PostgreSQL program and the arguments before its own: as root it runs as `postgres` or `nobody`, since it refuses root.
pub(super) fn command(name: &str) -> (PathBuf, Vec<OsString>) {
    let program = binaries::system(name, &debian_folders());
    match server_user() {
        None => (program, Vec::new()),
        Some(user) => {
            let args = [
                format!("--reuid={user}"),
                format!("--regid={user}"),
                "--clear-groups".into(),
            ];
            (
                binaries::system("setpriv", &[]),
                args.into_iter().map(Into::into).chain([program.into()]).collect(),
            )
        }
    }
}

/// Gives the data directory of a server that does not run log segments of 16 MB, as `initdb` would by itself.
pub(super) fn use_default_log_segments(data: &Path) {
    let (program, args) = command("pg_resetwal");
    run(Command::new(program)
        .args(args)
        .args(["--wal-segsize=16", "--pgdata"])
        .arg(data)
        .current_dir("/"));
}

fn template() -> PathBuf {
    let version = run(Command::new(binaries::system("postgres", &debian_folders())).arg("--version"));
    let number = version
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let number = number.unwrap_or_else(|| panic!("no version in {version:?}"));
    let template = binaries::build_folder().join(format!("test-postgres-{number}-{LAYOUT}"));
    if !template.exists() {
        // Made aside and moved into place whole, because other test processes do the same at this moment.
        let made = initdb();
        let aside = template.with_extension(uuid::Uuid::now_v7().simple().to_string());
        run(Command::new("cp").arg("-R").arg(made.path()).arg(&aside));
        if fs::rename(&aside, &template).is_err() {
            assert!(
                template.exists(),
                "{} can't be moved to {}",
                aside.display(),
                template.display()
            );
            let _ = fs::remove_dir_all(&aside);
        }
    }
    template
}

/// An empty directory that the server's user owns.
pub(super) fn empty() -> TempDir {
    let directory = folder();
    own(directory.path());
    directory
}

fn initdb() -> TempDir {
    let directory = empty();
    let (program, mut args) = command("initdb");
    // Small log segments: a new data directory is 16 MB smaller to copy.
    let options = format!(
        "--username={} --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync --wal-segsize=1",
        super::USER
    );
    args.extend(options.split(' ').map(Into::into));
    args.extend(["--pgdata".into(), directory.path().into()]);
    run(Command::new(program).args(args).current_dir("/"));
    directory
}

fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("chatflow-postgres-")
        .tempdir()
        .expect("a folder for PostgreSQL")
}

/// Gives a directory with all that is in it to the server's user, closed to others, as PostgreSQL demands.
pub(super) fn own(directory: &Path) {
    if let Some(user) = server_user() {
        run(Command::new("chown").args(["-R", &user]).arg(directory));
    }
    run(Command::new("chmod").arg("0700").arg(directory));
}

/// Whose rights the server gets: `None` for our own.
fn server_user() -> Option<String> {
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    (user() == 0).then(|| {
        let known = |user: &&str| accounts.lines().any(|line| line.split(':').next() == Some(user));
        let user = ["postgres", "nobody"].into_iter().find(known);
        user.expect("as root, PostgreSQL needs a user `postgres` or `nobody`")
            .to_owned()
    })
}

/// Debian keeps the server's programs outside of PATH, a folder per major version; the newest first.
fn debian_folders() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut versions: Vec<u32> = versions
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions
        .iter()
        .map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")))
        .collect()
}

/// Runs a command that can't fail, and returns what it says.
pub(super) fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} can't be run: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?} failed, {}: {errors}",
        output.status
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
