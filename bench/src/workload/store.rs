//! What `bench-store` measures: chat-svc beside what its store does by itself, and rooms with a long history.

use std::{collections::BTreeMap, process::Stdio};

use tokio::process::Command;

use super::Size;
use crate::{
    contender::Setup,
    fault::{Doing, Fault, Result},
    record::Record,
};

/// Messages of a room's history.
const HISTORY: u64 = 100_000;

/// Sends beside the bare database. Each run is one round.
pub(super) async fn sends(workload: &str, more: &[&str], setup: &Setup) -> Result<Record> {
    let mut args = vec!["send", "--rounds", "1"];
    args.extend(more);
    run(workload, &args, setup).await
}

/// One room's log, read whole and in partitions.
pub(super) async fn history(size: &Size, setup: &Setup) -> Result<Record> {
    let messages = size.burst.unwrap_or(HISTORY).to_string();
    let args = ["history", "--partitions", "16", "--messages", &messages];
    run("history", &args, setup).await
}

async fn run(workload: &str, args: &[&str], setup: &Setup) -> Result<Record> {
    let mut command = Command::new(setup.programs.join("bench-store"));
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.doing("bench-store")?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Fault::other(errors));
    }
    let figures: serde_json::Result<BTreeMap<String, f64>> = serde_json::from_slice(&output.stdout);
    let mut record = Record::new(workload, "chatflow");
    record.figures = figures.map_err(|error| Fault::other(format!("bench-store: {error}")))?;
    Ok(record)
}
