//! Where programs are found: our own beside the test binary, a server's on PATH and in Debian's folders.

use std::{
    path::{Path, PathBuf},
    process::Command,
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

/// One of the workspace's own binaries. Where it is missing, cargo builds it, with the profile of the test binary.
///
/// A binary that is there is taken as it is: `make test` builds all of them first.
pub fn own(name: &str) -> PathBuf {
    let folder = build_folder();
    let binary = folder.join(name);
    if !binary.exists() {
        build(name, &folder);
        assert!(
            binary.exists(),
            "cargo has built {name}, but {} is not there",
            binary.display()
        );
    }
    binary
}

fn build(package: &str, folder: &Path) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args([
            "build",
            "--quiet",
            "--package",
            package,
            "--bin",
            package,
            "--target-dir",
        ])
        .arg(folder.parent().expect("a build folder lies in the target folder"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let status = command.status().expect("cargo can be run");
    assert!(status.success(), "cargo could not build {package}: {status}");
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
