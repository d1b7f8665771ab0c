//! Messages to rooms: what a delivery costs the server.

use std::time::Duration;

use super::{Size, cost::Cost, start};
use crate::{
    contender::Setup,
    control::{Open, Pace, Publish},
    fault::Result,
    load::Load,
    record::Record,
};

/// One room, one message at a time at a fixed pace, so that nothing can be batched.
pub(super) async fn room_single(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let receivers = size.sockets.unwrap_or(1000);
    let pace = Pace::Every(size.rate.unwrap_or(100.0));
    one(
        "room-single",
        contender,
        size,
        setup,
        receivers,
        receivers,
        pace,
        true,
    )
    .await
}

/// The same room; many messages at once, and the next when all have been received.
pub(super) async fn room_burst(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let receivers = size.sockets.unwrap_or(1000);
    let pace = Pace::Bursts(size.burst.unwrap_or(500));
    one(
        "room-burst",
        contender,
        size,
        setup,
        receivers,
        receivers,
        pace,
        false,
    )
    .await
}

/// A thousand rooms of ten, and a hundred senders at full speed.
pub(super) async fn small_rooms(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let sockets = size.sockets.unwrap_or(10_000);
    let room_size = size.room_size.unwrap_or(10);
    one(
        "small-rooms",
        contender,
        size,
        setup,
        sockets,
        room_size,
        Pace::Senders(100),
        false,
    )
    .await
}

#[expect(clippy::too_many_arguments, reason = "they are what the workloads differ in")]
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
async fn one(
    workload: &str,
    contender: &str,
    size: &Size,
    setup: &Setup,
    sockets: u64,
    room_size: u64,
    pace: Pace,
    tracks: bool,
) -> Result<Record> {
    let rooms = sockets.div_ceil(room_size);
    let running = start(contender, setup, rooms).await?;
    let mut load = Load::start(size.threads.unwrap_or(1))?;
    let open = Open {
        addresses: running.addresses.clone(),
        sockets,
        first: 0,
        room_size,
        users: sockets,
        greeting: running.greeting.clone(),
        at_once: 200,
        patience: Duration::from_mins(2),
    };
    let opening = load.open(open).await?;
    let publish = |pace, duration| Publish {
        way: running.way.clone(),
        first_room: 0,
        rooms,
        receivers: room_size,
        pace,
        duration,
        patience: Duration::from_secs(30),
    };
    all_joined(&mut load, publish(Pace::Once, Duration::ZERO)).await?;
    load.reset(None).await?;
    load.publish(publish(pace, Duration::from_secs(1))).await?;
    load.reset(tracks.then(|| u32::try_from(room_size).unwrap_or(u32::MAX)))
        .await?;

    let mut record = Record::new(workload, contender);
    let cost = Cost::begin(&running, &load)?;
    let (messages, seconds, acknowledged) = load.publish(publish(pace, size.duration())).await?;
    let counted = load.count().await?;
    cost.end(&running, &load, counted.deliveries, &mut record)?;
    record.set("receivers", room_size as f64);
    record.set("messages", messages as f64);
    record.set("deliveries", counted.deliveries as f64);
    record.set("deliveries_per_s", counted.deliveries as f64 / seconds);
    record.set("messages_per_s", messages as f64 / seconds);
    record.set(
        "bytes_per_delivery",
        counted.bytes as f64 / counted.deliveries.max(1) as f64,
    );
    record.set("lost_sockets", counted.lost as f64);
    record.set("sockets_per_s", sockets as f64 / opening);
    if counted.deliveries != messages * room_size {
        record.notes.push(format!(
            "{} deliveries of {messages} messages to {room_size} each",
            counted.deliveries
        ));
    }
    for (name, spread) in [("to_last", counted.to_last), ("acknowledged", acknowledged)] {
        if let Some(spread) = spread {
            record.set(&format!("{name}_p50_ms"), spread.p50);
            record.set(&format!("{name}_p99_ms"), spread.p99);
            record.set(&format!("{name}_max_ms"), spread.max);
        }
    }
    Ok(record)
}

/// Sends a message to every room until all sockets receive it: being connected is not yet being in the room.
pub(super) async fn all_joined(load: &mut Load, once: Publish) -> Result<()> {
    let once = Publish {
        patience: Duration::from_secs(2),
        ..once
    };
    for _ in 0..10 {
        load.reset(None).await?;
        if load.publish(once.clone()).await.is_ok() {
            return Ok(());
        }
    }
    load.reset(None).await?;
    load.publish(once).await.map(drop)
}
