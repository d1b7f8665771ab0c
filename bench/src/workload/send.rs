//! Messages that are accepted: how many per second, and how long one takes.

use std::time::Duration;

use super::{Size, bare::Bare, cost::Cost, start};
use crate::{
    contender::{Running, Setup},
    control::{Open, Pace, Publish, Spread, Talk},
    fault::{Fault, Result},
    load::Load,
    record::Record,
};

/// Rooms that are sent to by gRPC.
const ROOMS: u64 = 100;

/// Sockets of a lone sender, and of each of a hundred. An edge takes 200 messages a second over one, and a thousand at once: so many take more
/// than any sender sends.
const OF_ONE: usize = 32;
const OF_A_HUNDRED: usize = 4;

/// How long sockets and callers send before it is measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// Turns in which lone sends and bare commits are taken, and how long each is: some 250 sends.
const TURNS: usize = 6;
const TURN: Duration = Duration::from_millis(400);

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
    let running = start(contender, setup, ROOMS * OF_A_HUNDRED as u64).await?;
    if running
        .cluster
        .as_ref()
        .is_none_or(|cluster| cluster.edges.is_empty())
    {
        return Err(Fault::other(format!("{contender} acknowledges nothing")));
    }
    let mut record = Record::new("send", contender);
    let duration = size.duration().min(Duration::from_secs(5));
    lone(&running, setup, &mut record).await?;
    for (name, senders, sockets, window) in [
        ("websocket_1", 1, OF_ONE, 1),
        ("websocket_100", 100, OF_A_HUNDRED, 1),
        ("websocket_100_of_8", 100, OF_A_HUNDRED, 8),
    ] {
        let talk = |duration| Talk {
            sockets,
            window,
            duration,
        };
        let mut load = talkative(&running, senders * sockets, talk(WARM_UP)).await?;
        let cost = Cost::begin(&running, [&load])?;
        let sent = load.talk(talk(duration)).await?;
        note(&mut record, name, sent, cost, &running)?;
    }
    let mut load = Load::start(1)?;
    for callers in [1, 16, 256] {
        let publish = |duration| Publish {
            way: running.way.clone(),
            rooms: ROOMS,
            receivers: 0,
            pace: Pace::Callers(callers),
            duration,
            patience: Duration::from_secs(30),
        };
        load.publish(publish(WARM_UP)).await?;
        let cost = Cost::begin(&running, [&load])?;
        let sent = load.publish(publish(duration)).await?;
        note(&mut record, &format!("grpc_{callers}"), sent, cost, &running)?;
    }
    Ok(record)
}

/// A generator whose sockets, each in a room of its own, have sent for a while.
async fn talkative(running: &Running, sockets: usize, talk: Talk) -> Result<Load> {
    let mut load = Load::start(1)?;
    load.open(Open::plain(running, sockets as u64, 1)).await?;
    load.reset(None).await?;
    load.talk(talk).await?;
    load.reset(None).await?;
    Ok(load)
}

/// How long a send takes with nobody else there and, on PostgreSQL, a commit of one row: in turns, so that what disturbs one disturbs the other.
async fn lone(running: &Running, setup: &Setup, record: &mut Record) -> Result<()> {
    let talk = |duration| Talk {
        sockets: OF_ONE,
        window: 1,
        duration,
    };
    let mut load = talkative(running, OF_ONE, talk(WARM_UP)).await?;
    let mut bare = match &running.cluster {
        Some(cluster) if setup.chat_database.is_none() => Some(Bare::new(cluster).await?),
        _ => None,
    };
    if let Some(bare) = &mut bare {
        bare.commit(WARM_UP).await?;
    }
    let (mut own, mut bares) = (None, Vec::new());
    for _ in 0..TURNS {
        // Of all turns, since nothing is counted anew.
        (.., own) = load.talk(talk(TURN)).await?;
        if let Some(bare) = &mut bare {
            bares.extend(bare.commit(TURN).await?);
        }
    }
    let bare = Spread::of(bares);
    record.spread("lone", own);
    record.spread("bare_lone", bare);
    if let (Some(own), Some(bare)) = (own, bare) {
        record.set("lone_p99_by_2_bare_and_1_ms", own.p99 / (2.0 * bare.p99 + 1.0));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn note(
    record: &mut Record,
    name: &str,
    (messages, seconds, acknowledged): (u64, f64, Option<Spread>),
    cost: Cost,
    running: &Running,
) -> Result<()> {
    record.set(&format!("{name}_messages"), messages as f64);
    record.set(&format!("{name}_per_s"), messages as f64 / seconds);
    record.spread(name, acknowledged);
    cost.end_as(running, (messages, "message"), name, record)
}
