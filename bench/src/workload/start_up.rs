//! The all-in-one on an empty folder: how long until it is ready, what it keeps, and how large it is.

use std::{fs, time::Duration};

use test_support::ports;
use tokio::time::sleep;

use crate::{
    clock,
    contender::{Server, Setup},
    control::Spread,
    fault::{Doing, Fault, Result},
    record::Record,
};

/// Times that it is started.
const TIMES: usize = 7;

/// How long it is left alone before its memory is taken.
const IDLE: Duration = Duration::from_secs(3);

/// The programs whose sizes are told.
const PROGRAMS: [&str; 6] = [
    "chatflow",
    "edge",
    "chat-svc",
    "presence-svc",
    "notify-svc",
    "files-svc",
];

/// Starts the all-in-one several times.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) async fn start(setup: &Setup) -> Result<Record> {
    let mut record = Record::new("start", "chatflow");
    let program = setup.programs.join("chatflow");
    let (mut empty, mut again) = (Vec::new(), Vec::new());
    for time in 0..TIMES {
        let directory = tempfile::tempdir().doing("an empty folder")?;
        for (waits, last) in [(&mut empty, false), (&mut again, true)] {
            let (port, grpc) = (ports::free(), ports::consecutive(4));
            let env = [("PORT", port.to_string()), ("GRPC_BASE_PORT", grpc.to_string())];
            let begun = clock::now();
            let server = Server::start("chatflow", &program, &[], &env, directory.path());
            server.ready(port).await?;
            waits.push(clock::now() - begun);
            if last && time == TIMES - 1 {
                sleep(IDLE).await;
                record.set("idle_resident_mb", server.resident()? as f64 / 1e6);
                let before = (clock::now(), server.cpu()?);
                sleep(IDLE).await;
                let cores = (server.cpu()? - before.1) as f64 / 1e9 / clock::seconds(before.0, clock::now());
                record.set("idle_cores", cores);
            }
            if let Some(process) = server.supervised() {
                process.stop(Duration::from_secs(20)).await;
            }
        }
    }
    record.spread("ready_on_an_empty_folder", Spread::of(empty));
    record.spread("ready_on_its_own_data", Spread::of(again));
    for program in PROGRAMS {
        let file = setup.programs.join(program);
        let size = fs::metadata(&file)
            .map_err(|error| Fault::other(format!("{}: {error}", file.display())))?
            .len();
        record.set(&format!("{program}_binary_mib"), size as f64 / 1_048_576.0);
    }
    Ok(record)
}
