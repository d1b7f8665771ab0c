//! Ports that no other test process is given: each is reserved by a file lock for as long as this process lives.

use std::{
    fs::{self, File, OpenOptions},
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::Mutex,
};

use crate::supervised::user;

/// Below the range from which Linux takes the ports of outgoing connections, so that none of those sits on a port
/// that a stopped server wants back.
const RANGE: std::ops::Range<u16> = 12_000..31_000;

static RESERVED: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A free port on 127.0.0.1. Nobody else who asks here gets it while this process lives.
pub fn free() -> u16 {
    consecutive(1)
}

/// The first of `count` free ports in a row, each reserved as in [`free`].
pub fn consecutive(count: u16) -> u16 {
    let folder = folder();
    let mut locks = RESERVED
        .lock()
        .expect("another thread panicked while reserving a port");
    let size = RANGE.end - RANGE.start - count;
    let [.., high, low] = *uuid::Uuid::now_v7().as_bytes();
    let random = u16::from_be_bytes([high, low]);
    for step in 0..size {
        let first = RANGE.start + (random % size + step) % size;
        let run: Option<Vec<File>> = (first..first + count)
            .map(|port| reserve(&folder, port))
            .collect();
        if let Some(run) = run {
            locks.extend(run);
            return first;
        }
    }
    panic!(
        "no {count} free ports in a row between {} and {}",
        RANGE.start, RANGE.end
    )
}

fn reserve(folder: &std::path::Path, port: u16) -> Option<File> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join(port.to_string()))
        .expect("a port's lock file can be opened");
    file.try_lock().ok()?;
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).ok()?;
    Some(file)
}

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("chatflow-test-ports-{}", user()));
    fs::create_dir_all(&folder).expect("the folder of port locks can be made");
    folder
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports: HashSet<u16> = (0..100).map(|_| free()).collect();
        assert_eq!(ports.len(), 100);
    }

    #[test]
    fn a_taken_port_is_not_in_a_run() {
        let first = consecutive(4);
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        for port in first..first + 4 {
            assert!(reserve(&folder(), port).is_none(), "{port} is reserved already");
        }
    }
}
