//! chat-svc as a process: the binary beside ours, as released.

use std::{net::SocketAddr, time::Duration};

use proto::chat::{CreateRoomRequest, chat_service_client::ChatServiceClient};
use tempfile::TempDir;
use test_support::{
    binaries, ports,
    supervised::{Spec, Supervised},
    wait,
};

use crate::callers;

/// A running chat-svc. Ends with its value.
pub(crate) struct Chat {
    process: Supervised,
    port: u16,
    admin: u16,
    _folder: TempDir,
}

impl Chat {
    /// On a store, without Redis: frames are encoded and given to a broker in the process.
    pub(crate) async fn start(database_url: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let (port, admin) = (ports::free(), ports::free());
        let program = binaries::build_folder().join("chat-svc");
        assert!(
            program.exists(),
            "{} is missing: cargo build --release -p chat-svc",
            program.display()
        );
        let set = |name: &str, value: String| (name.to_owned(), value.into());
        let process = Supervised::start_new(Spec {
            name: "chat-svc".to_owned(),
            program,
            args: Vec::new(),
            env: vec![
                set("PORT", port.to_string()),
                set("ADMIN_PORT", admin.to_string()),
                set("DATABASE_URL", database_url.to_owned()),
                set("NOTIFY_URL", String::new()),
            ],
            directory: folder.path().to_owned(),
            stop_signal: "TERM",
            end_signal: "KILL",
            remove: Some(folder.path().to_owned()),
        });
        let chat = Self {
            process,
            port,
            admin,
            _folder: folder,
        };
        let ready = || async { chat.get("/readyz").await.is_some() };
        chat.process.ready(wait::START, ready).await;
        chat
    }

    /// Its gRPC port.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid().expect("it runs")
    }

    /// Makes the rooms that callers send to.
    pub(crate) async fn make_rooms(&self, count: usize) {
        let mut client = ChatServiceClient::connect(format!("http://{}", self.address()))
            .await
            .expect("chat-svc answers");
        for number in 0..count {
            let request = CreateRoomRequest {
                id: callers::room(number),
                ..Default::default()
            };
            client.create_room(request).await.expect("a room");
        }
    }

    /// How many batches it has committed, and how many changes they held.
    pub(crate) async fn batches(&self) -> (f64, f64) {
        let metrics = self.get("/metrics").await.expect("metrics");
        let value = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
        };
        (
            value("chatflow_chat_batch_size_count"),
            value("chatflow_chat_batch_size_sum"),
        )
    }

    async fn get(&self, path: &str) -> Option<String> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .no_proxy()
            .build()
            .ok()?;
        let answer = client
            .get(format!("http://127.0.0.1:{}{path}", self.admin))
            .send()
            .await
            .ok()?;
        answer.error_for_status().ok()?.text().await.ok()
    }
}
