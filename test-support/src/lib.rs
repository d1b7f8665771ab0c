//! The test harness: real servers on free ports, clusters of our own processes, and clients for them.
//!
//! Everything here panics with a message that names what failed: a test has nothing to do with such an error but
//! to stop. Every server ends when its value is dropped and, through a watcher process that holds the other end of a pipe,
//! also when the test process panics, aborts or is killed.

pub mod binaries;
pub mod client;
mod clock;
pub mod cluster;
pub mod collector;
mod disk;
pub mod grpc_cli;
pub mod open_files;
pub mod output;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod s3;
pub mod sampling;
pub mod supervised;
pub mod wait;
