//! Crowds that come all at once: new, away for a while, and back after the edge was killed.

use std::fs;

use super::{Size, cost::Cost, start};
use crate::{
    clock,
    contender::{Running, Server, Setup},
    control::Open,
    fault::{Fault, Result},
    load::Load,
    record::Record,
};

/// Messages that each room has, and that who was away has missed.
const MISSED: u64 = 50;

/// Sockets of each room.
const ROOM: u64 = 10;

/// Connections that an edge lets wait to be accepted, where the kernel lets it.
const QUEUE: usize = 4096;

/// A crowd on a server of any kind: its handshakes, and on ChatFlow also the two kinds of coming back.
pub(super) async fn connect(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let sockets = size.sockets.unwrap_or(10_000);
    let rooms = sockets.div_ceil(ROOM);
    let running = start(contender, setup, rooms).await?;
    let mut record = Record::new("connect", contender);
    let crowd = Open {
        at_once: at_once(),
        ..Open::plain(&running, sockets, ROOM)
    };
    if (crowd.at_once as u64) < sockets {
        record.notes.push(format!(
            "{} of {sockets} are under way at once: the kernel lets no more wait to be accepted (net.core.somaxconn, and what an edge asks for)",
            crowd.at_once
        ));
    }
    let cluster = running.cluster.as_ref();
    if let Some(cluster) = cluster.filter(|cluster| !cluster.edges.is_empty()) {
        cluster.fill(rooms, MISSED).await?;
        coming_back(&running, &crowd, &mut record).await?;
    }
    measured(&running, &mut Load::start(1)?, crowd, "new", &mut record).await?;
    Ok(record)
}

/// The crowd that was away, and the crowd whose edge was killed.
async fn coming_back(running: &Running, crowd: &Open, record: &mut Record) -> Result<()> {
    let missing = |missed| crowd.clone().having_missed(MISSED - missed, missed);
    let mut load = Load::start(1)?;
    // The one message that they have missed shows that they are in their rooms.
    measured(running, &mut load, missing(1), "missed_1", record).await?;
    load.close().await?;
    measured(running, &mut load, missing(MISSED), "missed_50", record).await?;

    let edge = running.servers.first().and_then(Server::supervised);
    let edge = edge.ok_or_else(|| Fault::other("no edge to kill"))?;
    let killed = clock::now();
    edge.kill().await;
    drop(load);
    edge.start();
    if let (Some(edge), Some(address)) = (running.servers.first(), running.addresses.first()) {
        edge.ready(address.port()).await?;
    }
    record.set(
        "after_restart_until_ready_s",
        clock::seconds(killed, clock::now()),
    );
    let mut load = Load::start(1)?;
    measured(running, &mut load, missing(MISSED), "after_restart", record).await?;
    record.set("after_restart_until_all_s", clock::seconds(killed, clock::now()));
    load.close().await
}

/// As many as can be under way with none turned away: whose connection finds no place in the queue tries again after a second.
fn at_once() -> usize {
    let kernel = fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
    kernel
        .trim()
        .parse()
        .map_or(QUEUE, |kernel: usize| kernel.min(QUEUE))
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
async fn measured(
    running: &Running,
    load: &mut Load,
    crowd: Open,
    name: &str,
    record: &mut Record,
) -> Result<()> {
    let sockets = crowd.sockets;
    let cost = Cost::begin(running, [&*load])?;
    let seconds = load.open(crowd).await?;
    record.set(&format!("{name}_s"), seconds);
    record.set(&format!("{name}_sockets_per_s"), sockets as f64 / seconds);
    cost.end_as(running, (sockets, "socket"), name, record)
}
