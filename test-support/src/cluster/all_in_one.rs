//! The `chatflow` binary: everything in one process on embedded stores.

use std::path::PathBuf;

use crate::{
    ports,
    process::{Builder, Process},
    wait,
};

/// A running all-in-one with a data directory of its own.
pub struct AllInOne {
    /// The process, for its verbs: terminate, kill, start, pause.
    pub process: Process,
    port: u16,
    grpc_base_port: u16,
}

impl AllInOne {
    /// Starts it on free ports and waits until it is ready.
    pub async fn start() -> Self {
        Self::start_with(|process| process).await
    }

    /// As [`Self::start`], with more settings, such as environment variables.
    pub async fn start_with(settings: impl FnOnce(Builder) -> Builder) -> Self {
        let (port, grpc_base_port) = (ports::free(), ports::consecutive(4));
        let process = Process::builder("chatflow")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args([
                "--grpc-base-port",
                &grpc_base_port.to_string(),
                "--data-dir",
                "data",
            ])
            .ready_port(port);
        let process = settings(process).spawn();
        process.wait_ready(wait::START).await;
        Self {
            process,
            port,
            grpc_base_port,
        }
    }

    /// Starts it again after it ended, on the same ports and data, and waits until it is ready.
    pub async fn start_again(&self) {
        self.process.start();
        self.process.wait_ready(wait::START).await;
    }

    /// `http://127.0.0.1:<port>`.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// `ws://127.0.0.1:<port>` followed by `path`, such as `/ws/general/alice?username=alice`.
    pub fn ws_url(&self, path: &str) -> String {
        format!("ws://127.0.0.1:{}{path}", self.port)
    }

    /// `http://127.0.0.1:<port>` of the chat service.
    pub fn chat_grpc(&self) -> String {
        self.grpc(0)
    }

    /// `http://127.0.0.1:<port>` of the presence service.
    pub fn presence_grpc(&self) -> String {
        self.grpc(1)
    }

    /// `http://127.0.0.1:<port>` of the notification service.
    pub fn notify_grpc(&self) -> String {
        self.grpc(2)
    }

    /// `http://127.0.0.1:<port>` of the file service.
    pub fn files_grpc(&self) -> String {
        self.grpc(3)
    }

    /// Its data directory.
    pub fn data_directory(&self) -> PathBuf {
        self.process.directory().join("data")
    }

    fn grpc(&self, offset: u16) -> String {
        format!("http://127.0.0.1:{}", self.grpc_base_port + offset)
    }
}
