//! Crowds that come all at once: new, away for a while, and back after the edge was killed.

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

/// So many are on their way at once: a crowd, and less than a listener's queue holds.
const AT_ONCE: usize = 2000;

/// A crowd on a server of any kind: its handshakes, and on ChatFlow also the two kinds of coming back.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) async fn connect(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let sockets = size.sockets.unwrap_or(10_000);
    let rooms = sockets.div_ceil(ROOM);
    let running = start(contender, setup, rooms).await?;
    let mut record = Record::new("connect", contender);
    let crowd = Open {
        at_once: AT_ONCE,
        ..Open::plain(&running, sockets, ROOM)
    };
    let Some(cluster) = &running.cluster else {
        let mut load = Load::start(1)?;
        let cost = Cost::begin(&running, [&load])?;
        let seconds = load.open(crowd).await?;
        cost.end(&running, sockets, &mut record)?;
        record.set("sockets_per_s", sockets as f64 / seconds);
        return Ok(record);
    };
    cluster.fill(rooms, MISSED).await?;

    let missing = |missed| crowd.clone().having_missed(MISSED - missed, missed);
    // The one message that they have missed shows that they are in their rooms.
    let mut load = Load::start(1)?;
    measured(&running, &mut load, missing(1), "missed_1", &mut record).await?;
    load.close().await?;
    measured(&running, &mut load, missing(MISSED), "missed_50", &mut record).await?;

    let edge = running.servers.first().and_then(Server::supervised);
    let edge = edge.ok_or_else(|| Fault::other("no edge to kill"))?;
    let killed = clock::now();
    edge.kill().await;
    drop(load);
    edge.start();
    if let (Some(edge), Some(address)) = (running.servers.first(), running.addresses.first()) {
        edge.ready(address.port()).await?;
    }
    record.set("restart_until_ready_s", clock::seconds(killed, clock::now()));
    let mut load = Load::start(1)?;
    measured(&running, &mut load, missing(MISSED), "after_restart", &mut record).await?;
    record.set(
        "restart_until_all_resumed_s",
        clock::seconds(killed, clock::now()),
    );
    Ok(record)
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
