//! One room over several edges.

use std::time::Duration;

use super::{Size, cost::Cost, start};
use crate::{
    contender::{Running, Setup},
    control::{Counted, Open, Order, Pace, Publish},
    fault::Result,
    limits,
    load::Load,
    record::Record,
};

/// Sockets of one edge in the room that spans several.
const PER_EDGE: u64 = 2_000;

/// One room with the same number of sockets on each edge.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) async fn wide_room(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let per_edge = size.sockets.unwrap_or(PER_EDGE).min(limits::sockets());
    let running = start(contender, setup, 1).await?;
    let mut loads = connect(&running, per_edge, u64::MAX).await?;
    let mut record = Record::new("wide-room", contender);
    one_by_one(&running, &mut loads, per_edge, size, &mut record).await?;
    record.set("edges", running.servers.len() as f64);
    Ok(record)
}

/// A generator for each edge, with so many sockets in rooms of this size.
async fn connect(running: &Running, per_edge: u64, room_size: u64) -> Result<Vec<Load>> {
    let mut loads = Vec::new();
    for (index, address) in running.addresses.iter().enumerate() {
        let mut load = Load::start(1)?;
        let open = Open {
            addresses: vec![*address],
            first: index as u64 * per_edge,
            users: u64::MAX,
            patience: Duration::from_mins(1),
            ..Open::plain(running, per_edge, room_size)
        };
        load.open(open).await?;
        loads.push(load);
    }
    Ok(loads)
}

/// Messages to the first room, which has so many sockets of each generator.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
async fn one_by_one(
    running: &Running,
    loads: &mut [Load],
    members: u64,
    size: &Size,
    record: &mut Record,
) -> Result<()> {
    let publish = |pace, duration| Publish {
        way: running.way.clone(),
        first_room: 0,
        rooms: 1,
        receivers: members,
        pace,
        duration,
        patience: Duration::from_secs(30),
    };
    let pace = Pace::Every(size.rate.unwrap_or(1.0));
    // Being connected is not yet being in the room.
    let warm_up = warm(loads, publish(Pace::Once, Duration::ZERO), members).await;
    warm_up?;
    for load in loads.iter_mut() {
        load.reset(Some(u32::try_from(members).unwrap_or(u32::MAX)))
            .await?;
    }
    let Some((first, others)) = loads.split_first_mut() else {
        return Ok(());
    };
    let cost = Cost::begin(running, first)?;
    let (messages, seconds, acknowledged) = first.publish(publish(pace, size.duration())).await?;
    for other in others {
        let order = Order::Await {
            deliveries: messages * members,
            patience: Duration::from_secs(30),
        };
        other.ask(&order).await?;
    }
    let mut counted = Vec::new();
    for load in loads.iter_mut() {
        counted.push(load.count().await?);
    }
    let deliveries: u64 = counted.iter().map(|counted| counted.deliveries).sum();
    if let Some(first) = loads.first() {
        cost.end(running, first, deliveries, record)?;
    }
    record.set("receivers", (members * loads.len() as u64) as f64);
    record.set("messages", messages as f64);
    record.set("deliveries", deliveries as f64);
    record.set("deliveries_per_s", deliveries as f64 / seconds);
    record.set(
        "lost_sockets",
        counted.iter().map(|counted| counted.lost).sum::<u64>() as f64,
    );
    let slowest = |pick: fn(&Counted) -> Option<f64>| counted.iter().filter_map(pick).reduce(f64::max);
    for (name, value) in [
        (
            "to_last_p50_ms",
            slowest(|counted| counted.to_last.map(|spread| spread.p50)),
        ),
        (
            "to_last_p99_ms",
            slowest(|counted| counted.to_last.map(|spread| spread.p99)),
        ),
        (
            "to_last_max_ms",
            slowest(|counted| counted.to_last.map(|spread| spread.max)),
        ),
        ("acknowledged_p99_ms", acknowledged.map(|spread| spread.p99)),
    ] {
        if let Some(value) = value {
            record.set(name, value);
        }
    }
    Ok(())
}

async fn warm(loads: &mut [Load], once: Publish, members: u64) -> Result<()> {
    let patience = Duration::from_secs(5);
    for attempt in 1.. {
        for load in loads.iter_mut() {
            load.reset(None).await?;
        }
        let Some((first, others)) = loads.split_first_mut() else {
            break;
        };
        let mut all = first
            .publish(Publish {
                patience,
                ..once.clone()
            })
            .await
            .map(drop);
        for other in others {
            let order = Order::Await {
                deliveries: members,
                patience,
            };
            all = all.and(other.ask(&order).await.map(drop));
        }
        match all {
            Err(fault) if attempt == 10 => return Err(fault),
            Err(_) => {}
            Ok(()) => break,
        }
    }
    Ok(())
}
