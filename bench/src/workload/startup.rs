//! The all-in-one on an empty data folder: how soon it is ready, and how much it keeps.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use test_support::ports;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use crate::{
    contender::{Server, Setup},
    fault::{Doing, Fault, Result},
    record::Record,
};

const PROGRAMS: [&str; 6] = [
    "chatflow",
    "edge",
    "chat-svc",
    "presence-svc",
    "notify-svc",
    "files-svc",
];

/// How long it is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(3);

/// Starts it once.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) async fn start(setup: &Setup) -> Result<Record> {
    let mut record = Record::new("start", "chatflow");
    let program = setup.programs.join("chatflow");
    let folder = tempfile::tempdir().doing("an empty data folder")?;
    let (port, grpc) = (ports::free().to_string(), ports::consecutive(4).to_string());
    let data = folder.path().join("data");
    let data = data
        .to_str()
        .ok_or_else(|| Fault::other("a folder's name that is no text"))?;
    let arguments = ["--port", &port, "--grpc-base-port", &grpc, "--data-dir", data];
    let begun = Instant::now();
    let server = Server::start("chatflow", &program, &arguments, &[], folder.path());
    while !is_ready(&port).await {
        server.pid()?;
        if begun.elapsed() > Duration::from_secs(30) {
            return Err(Fault::other("chatflow is not ready within 30 s"));
        }
        sleep(Duration::from_millis(1)).await;
    }
    record.set("ready_ms", begun.elapsed().as_secs_f64() * 1e3);
    sleep(IDLE).await;
    record.set("idle_resident_mb", server.resident()? as f64 / 1e6);
    for name in PROGRAMS {
        record.set(
            &format!("{name}_binary_mb"),
            size(&setup.programs.join(name))? as f64 / 1e6,
        );
    }
    Ok(record)
}

fn size(program: &Path) -> Result<u64> {
    fs::metadata(program)
        .map(|metadata| metadata.len())
        .doing(&program.display().to_string())
}

/// One request on a connection of its own, with nothing around it that takes time.
async fn is_ready(port: &str) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).await?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            .await?;
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).await?;
        Ok::<_, std::io::Error>(begin.ends_with(b" 200"))
    };
    asked.await.unwrap_or(false)
}
