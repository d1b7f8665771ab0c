//! Messages that are accepted: how many per second, and how long one takes.

use std::time::Duration;

use super::{Size, cost::Cost, start};
use crate::{
    contender::{Running, Setup},
    control::{Open, Pace, Publish, Talk},
    fault::{Fault, Result},
    load::Load,
    record::Record,
};

/// Rooms that are sent to.
const ROOMS: u64 = 100;

/// As [`send`], with chat-svc on SQLite.
pub(super) async fn send_sqlite(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let setup = Setup {
        chat_database: Some("sqlite://chat.db".into()),
        ..setup.clone()
    };
    let mut record = send(contender, size, &setup).await?;
    record.workload = "send-sqlite".into();
    Ok(record)
}

/// Sends by gRPC to chat-svc and by WebSocket to the edge, one at a time and many at once, with nobody else listening.
pub(super) async fn send(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let running = start(contender, setup, ROOMS).await?;
    if running
        .cluster
        .as_ref()
        .is_none_or(|cluster| cluster.edges.is_empty())
    {
        return Err(Fault::other(format!("{contender} acknowledges nothing")));
    }
    let mut record = Record::new("send", contender);
    let duration = size.duration().min(Duration::from_secs(5));
    let mut load = Load::start(1)?;
    for senders in [1, 16, 256] {
        let publish = |seconds| Publish {
            way: running.way.clone(),
            first_room: 0,
            rooms: ROOMS,
            receivers: 0,
            pace: Pace::Senders(senders),
            duration: seconds,
            patience: Duration::from_secs(30),
        };
        load.publish(publish(Duration::from_millis(500))).await?;
        let cost = Cost::begin(&running, [&load])?;
        let sent = load.publish(publish(duration)).await?;
        note(&mut record, &format!("grpc_{senders}"), sent, cost, &running)?;
    }
    for (name, sockets, window) in [
        ("websocket_1", 1, 1),
        ("websocket_100", 100, 1),
        ("websocket_100_of_8", 100, 8),
    ] {
        let mut load = Load::start(1)?;
        load.open(Open::plain(&running, sockets, 1)).await?;
        load.reset(None).await?;
        load.talk(Talk {
            window,
            duration: Duration::from_millis(500),
        })
        .await?;
        load.reset(None).await?;
        let cost = Cost::begin(&running, [&load])?;
        let sent = load.talk(Talk { window, duration }).await?;
        note(&mut record, name, sent, cost, &running)?;
    }
    Ok(record)
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn note(
    record: &mut Record,
    name: &str,
    (messages, seconds, acknowledged): (u64, f64, Option<crate::control::Spread>),
    cost: Cost,
    running: &Running,
) -> Result<()> {
    record.set(&format!("{name}_per_s"), messages as f64 / seconds);
    record.spread(name, acknowledged);
    cost.end_as(running, (messages, "message"), name, record)
}
