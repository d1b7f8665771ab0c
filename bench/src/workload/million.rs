//! As many connections as were never asked of one process before, and then one message a second to a room of a thousand of them.

use std::time::Duration;

use super::{Size, cost::Cost, fan_out::all_joined, start};
use crate::{
    clock,
    contender::{Server, Setup},
    control::{Open, Pace, Publish},
    fault::Result,
    limits,
    load::Load,
    proc,
    record::Record,
};

/// Sockets of each room, and of each user: an edge lets a user have no more than a hundred.
const ROOM: u64 = 1000;
const PER_USER: u64 = 100;

/// Sockets that one generator holds.
const PER_GENERATOR: u64 = 250_000;

/// Connects `sockets` (a million) in rooms of a thousand, over as many generators as they need.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) async fn million(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let wanted = size.sockets.unwrap_or(1_000_000);
    let mut record = Record::new("million", contender);
    let allowed = limits::at_an_edge();
    let sockets = wanted.min(allowed) / PER_USER * PER_USER;
    if sockets < wanted {
        record.notes.push(format!(
            "{sockets} connections instead of {wanted}: one edge is one process, a process may have {} open files here (`ulimit -Hn`), \
             and an edge leaves a sixteenth of them to REST; with a higher limit the same command goes on up to {wanted}",
            limits::sockets().saturating_add(limits::OTHERS)
        ));
    }
    let running = start(contender, setup, sockets.div_ceil(ROOM)).await?;
    let resident = || running.servers.iter().map(Server::resident).sum::<Result<u64>>();
    let (before, kernel) = (resident()?, proc::kernel_sockets());

    let begun = clock::now();
    let mut loads = Vec::new();
    let mut first = 0;
    while first < sockets {
        let count = PER_GENERATOR
            .min(limits::sockets() / ROOM * ROOM)
            .min(sockets - first);
        let mut load = Load::start(1)?;
        let open = Open {
            first,
            users: sockets / PER_USER,
            at_once: 1000,
            patience: Duration::from_mins(10),
            ..Open::plain(&running, count, ROOM)
        };
        load.open(open).await?;
        loads.push(load);
        first += count;
    }
    record.set("sockets", sockets as f64);
    record.set(
        "sockets_per_s",
        sockets as f64 / clock::seconds(begun, clock::now()),
    );
    tokio::time::sleep(Duration::from_secs(10)).await;
    record.set("server_resident_mib", resident()? as f64 / 1_048_576.0);
    record.set(
        "bytes_per_socket",
        (resident()? as f64 - before as f64) / sockets as f64,
    );
    let kernel = proc::kernel_sockets() as f64 - kernel as f64;
    record.set("kernel_bytes_per_socket_both_ends", kernel / sockets as f64);

    let Some(load) = loads.first_mut() else {
        return Ok(record);
    };
    let publish = |pace, duration| Publish {
        way: running.way.clone(),
        rooms: 1,
        receivers: ROOM,
        pace,
        duration,
        patience: Duration::from_secs(30),
    };
    all_joined(load, publish(Pace::Once, Duration::ZERO)).await?;
    load.reset(Some(u32::try_from(ROOM).unwrap_or(u32::MAX))).await?;
    let cost = Cost::begin(&running, [&*load])?;
    let seconds = Duration::from_secs_f64(size.seconds.unwrap_or(60.0));
    let (messages, ..) = load.publish(publish(Pace::Every(1.0), seconds)).await?;
    let counted = load.count().await?;
    cost.end(&running, counted.deliveries, &mut record)?;
    record.set("messages", messages as f64);
    record.spread("to_last", counted.to_last);
    record.set("incomplete_messages", counted.incomplete as f64);
    let mut lost = 0;
    for load in &mut loads {
        lost += load.count().await?.lost;
    }
    record.set("lost_sockets", lost as f64);
    Ok(record)
}
