//! Where programs are found: our own beside the test binary, a server's on PATH and in Debian's folders.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

/// The folder of this build's binaries, such as `target/debug`.
pub fn build_folder() -> PathBuf {
    let test = std::env::current_exe().expect("the test binary has a path");
    let folder = test.parent().expect("the test binary lies in a folder");
    if folder.ends_with("deps") || folder.ends_with("examples") {
        folder.parent().expect("deps lies in the build folder").to_owned()
    } else {
        folder.to_owned()
    }
}

/// One of the workspace's own binaries, as new as its sources.
///
/// `make test` builds all of them first. Where one is missing or older than a source, as after an edit, cargo builds
/// it now.
pub fn own(name: &str) -> PathBuf {
    let binary = build_folder().join(name);
    let built = [&binary, &stamp(name)]
        .into_iter()
        .filter_map(|path| modified(path))
        .max();
    let sources = if name == S3_SERVER {
        root().join("test-support/s3-server")
    } else {
        root()
    };
    // A stamp alone is not enough: somebody may have cleaned the build folder in part.
    if !binary.exists() || built < newest(&sources) {
        build(name);
        assert!(
            binary.exists(),
            "cargo has built {name}, but {} is not there",
            binary.display()
        );
    }
    binary
}

/// The binary that needs no other crate of ours, and that service crates use without building the whole workspace.
const S3_SERVER: &str = "s3-server";

/// When cargo was last asked for a binary: it leaves one alone that a changed source does not reach.
fn stamp(name: &str) -> PathBuf {
    build_folder().join(format!(".asked-for-{name}"))
}

fn build(name: &str) {
    let begun = SystemTime::now();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let folder = build_folder();
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--target-dir"])
        .arg(folder.parent().expect("a build folder has a parent"));
    // The same selection as in `make test`: another one would compile dependencies anew with other features.
    command.args(if name == S3_SERVER {
        ["--package", S3_SERVER]
    } else {
        ["--workspace", "--bins"]
    });
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let status = command.current_dir(root()).status().expect("cargo can be run");
    assert!(status.success(), "cargo could not build {name}: {status}");
    let stamped = File::create(stamp(name)).and_then(|file| file.set_modified(begun));
    stamped.expect("the build folder can be written to");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate lies in the workspace")
        .to_owned()
}

/// When the youngest file that may be part of a binary was changed.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let times = entries.filter_map(|entry| {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.is_dir() {
            let is_source = !name.starts_with('.') && !NO_SOURCES.contains(&name.as_ref());
            return is_source.then(|| newest(&path)).flatten();
        }
        let is_source = folder != root() || name == "Cargo.toml" || name == "Cargo.lock";
        is_source.then(|| modified(&path)).flatten()
    });
    times.max()
}

/// Folders of which no binary is made.
const NO_SOURCES: [&str; 11] = [
    "target",
    "data",
    "tests",
    "e2e",
    "chaos",
    "test-support",
    "bench",
    "docs",
    "compose",
    "grpcurl-examples",
    "scripts",
];

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// A program of this machine: on PATH, or in one of `folders`. `None` where it is in neither.
pub fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(folders.iter().cloned())
        .map(|folder| folder.join(name))
        .find(|it| it.is_file())
}

/// As [`find`], but panics with what to do where the program is missing.
pub fn system(name: &str, folders: &[PathBuf]) -> PathBuf {
    find(name, folders).unwrap_or_else(|| panic!("{name} is not installed: run `make setup`"))
}

/// The folder in which `make setup` keeps tools that the system does not package.
pub fn tools_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("CHATFLOW_TOOLS") {
        return folder.into();
    }
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    std::env::var_os("XDG_CACHE_HOME")
        .map_or_else(home, PathBuf::from)
        .join("chatflow/tools")
}
