//! One room over several edges, so wide that one process could not hold its sockets.

use std::time::Duration;

use super::{Size, cost::Cost, start};
use crate::{
    clock,
    contender::{Running, Setup},
    control::{Counted, Open, Order, Pace, Publish},
    fault::{Fault, Result},
    limits,
    load::Load,
    record::Record,
};

/// Sockets of one edge in the room that spans several.
const PER_EDGE: u64 = 2_000;

/// Sockets of one user on one edge: less than an edge lets one have.
const PER_USER: u64 = 90;

/// How long the sockets of one edge may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// A generator with its sockets in the room.
struct Crowd {
    load: Load,
    sockets: u64,
}

/// One room with `sockets` in all, in equal parts on the edges, and messages one at a time.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) async fn wide_room(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let edges = setup.edges.max(1) as u64;
    let sockets = size.sockets.unwrap_or(PER_EDGE * edges);
    let running = start(contender, setup, 1).await?;
    let mut crowds = connect(&running, sockets).await?;
    let mut record = Record::new("wide-room", contender);
    record.set("edges", running.servers.len() as f64);
    one_by_one(&running, &mut crowds, size, &mut record).await?;
    Ok(record)
}

/// A generator for each edge. Whoever comes is announced to all who are there, so one socket of each user comes first, on all edges: what
/// comes then is nobody new.
async fn connect(running: &Running, sockets: u64) -> Result<Vec<Crowd>> {
    let edges = running.addresses.len().max(1) as u64;
    let most = sockets.div_ceil(edges);
    if most > limits::sockets() {
        return Err(Fault::other(format!(
            "{most} sockets at an edge, and a process may have {} here",
            limits::sockets()
        )));
    }
    let users = most.div_ceil(PER_USER).max(most.min(PER_USER));
    let mut crowds = Vec::new();
    for (index, address) in running.addresses.iter().enumerate() {
        let first = index as u64 * most;
        let sockets = most.min(sockets.saturating_sub(first));
        let open = Open {
            addresses: vec![*address],
            first,
            users,
            patience: PATIENCE,
            ..Open::plain(running, sockets, u64::MAX)
        };
        crowds.push((Load::start(1)?, open));
    }
    for (load, open) in &mut crowds {
        let sockets = users.min(open.sockets);
        load.open(Open {
            sockets,
            ..open.clone()
        })
        .await?;
    }
    let mut connected = Vec::new();
    for (mut load, open) in crowds {
        let known = users.min(open.sockets);
        let others = Open {
            first: open.first + known,
            sockets: open.sockets - known,
            ..open.clone()
        };
        load.open(others).await?;
        connected.push(Crowd {
            load,
            sockets: open.sockets,
        });
    }
    Ok(connected)
}

/// Messages to the room, sent by the first generator and received by all.
async fn one_by_one(running: &Running, crowds: &mut [Crowd], size: &Size, record: &mut Record) -> Result<()> {
    let pace = Pace::Every(size.rate.unwrap_or(1.0));
    warm(running, crowds).await?;
    for crowd in crowds.iter_mut() {
        let receivers = u32::try_from(crowd.sockets).unwrap_or(u32::MAX);
        crowd.load.reset(Some(receivers)).await?;
    }
    let cost = Cost::begin(running, crowds.iter().map(|crowd| &crowd.load))?;
    let (messages, seconds, acknowledged) =
        publish(running, crowds, pace, size.duration(), Duration::from_secs(30)).await?;
    let mut counted = Vec::new();
    for crowd in crowds.iter_mut() {
        counted.push(crowd.load.count().await?);
    }
    cost.end(
        running,
        counted.iter().map(|counted| counted.deliveries).sum(),
        record,
    )?;
    told(crowds, &counted, (messages, seconds), record);
    if let Some(spread) = acknowledged {
        record.set("acknowledged_p99_ms", spread.p99);
    }
    Ok(())
}

/// Puts into the record what all have received: the last of all receivers is the last of the slowest crowd.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn told(crowds: &[Crowd], counted: &[Counted], (messages, seconds): (u64, f64), record: &mut Record) {
    let receivers: u64 = crowds.iter().map(|crowd| crowd.sockets).sum();
    let deliveries: u64 = counted.iter().map(|counted| counted.deliveries).sum();
    record.set("receivers", receivers as f64);
    record.set("messages", messages as f64);
    record.set("deliveries", deliveries as f64);
    record.set("deliveries_per_s", deliveries as f64 / seconds);
    let lost: u64 = counted.iter().map(|counted| counted.lost).sum();
    record.set("lost_sockets", lost as f64);
    let incomplete = counted.iter().map(|counted| counted.incomplete).max();
    record.set("incomplete_messages", incomplete.unwrap_or(0) as f64);
    let spreads = || counted.iter().filter_map(|counted| counted.to_last);
    for (name, slowest) in [
        (
            "to_last_p50_ms",
            spreads().map(|spread| spread.p50).reduce(f64::max),
        ),
        (
            "to_last_p99_ms",
            spreads().map(|spread| spread.p99).reduce(f64::max),
        ),
        (
            "to_last_max_ms",
            spreads().map(|spread| spread.max).reduce(f64::max),
        ),
    ] {
        if let Some(value) = slowest {
            record.set(name, value);
        }
    }
    if deliveries != messages * receivers {
        record.notes.push(format!(
            "{deliveries} deliveries of {messages} messages to {receivers} each"
        ));
    }
}

/// A message to the room until all receive it: being connected is not yet being in the room.
async fn warm(running: &Running, crowds: &mut [Crowd]) -> Result<()> {
    let patience = Duration::from_secs(15);
    for attempt in 1.. {
        for crowd in crowds.iter_mut() {
            crowd.load.reset(None).await?;
        }
        match publish(running, crowds, Pace::Once, Duration::ZERO, patience).await {
            Err(fault) if attempt == 10 => return Err(fault),
            Err(_) => {}
            Ok(_) => break,
        }
    }
    Ok(())
}

/// Lets the first generator send, and waits until all have received all.
async fn publish(
    running: &Running,
    crowds: &mut [Crowd],
    pace: Pace,
    duration: Duration,
    patience: Duration,
) -> Result<(u64, f64, Option<crate::control::Spread>)> {
    let Some((first, others)) = crowds.split_first_mut() else {
        return Err(Fault::other("no edge to send to"));
    };
    let publish = Publish {
        way: running.way.clone(),
        rooms: 1,
        receivers: first.sockets,
        pace,
        duration,
        patience,
    };
    let (messages, seconds, acknowledged) = first.load.publish(publish).await?;
    let received = clock::now();
    for other in others {
        let order = Order::Await {
            deliveries: messages * other.sockets,
            patience,
        };
        other.load.ask(&order).await?;
    }
    // Until the last of all generators has them, not the one that sends alone.
    let seconds = seconds + clock::seconds(received, clock::now());
    Ok((messages, seconds, acknowledged))
}
