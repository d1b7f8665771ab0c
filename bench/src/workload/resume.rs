//! Those who were away: a page of history, and a thousand messages that were missed.

use std::time::Duration;

use super::{Size, cost::Cost, rest::Rest, start};
use crate::{
    contender::Setup,
    control::{Open, Spread},
    fault::Result,
    load::Load,
    record::Record,
};

/// Messages that were missed.
const MISSED: u64 = 1000;

/// Messages of a page of history.
const PAGE: u64 = 200;

/// Times that a thing is done alone.
const ALONE: u64 = 200;

/// History and resume on ChatFlow, in a room of as many messages as `burst` says.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) async fn resume(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let history = size.burst.unwrap_or(10_000).max(MISSED);
    let running = start(contender, setup, 1).await?;
    let (cluster, rest) = Rest::of(&running)?;
    cluster.fill(1, history).await?;
    let mut record = Record::new("resume", contender);
    record.set("messages_in_room", history as f64);

    for (name, query) in [
        ("page_newest", String::new()),
        ("page_middle", format!("&before={}", history / 2)),
        ("page_oldest", "&after=0".to_owned()),
    ] {
        let query = format!("limit={PAGE}{query}");
        let mut waits = Vec::new();
        for _ in 0..ALONE {
            waits.push(rest.page("r0", &query).await?);
        }
        record.spread(name, Spread::of(waits));
    }

    let back = Open {
        users: u64::MAX,
        ..Open::plain(&running, 1, u64::MAX)
    };
    let back = back.having_missed(history - MISSED, MISSED);
    let mut load = Load::start(1)?;
    let mut waits = Vec::new();
    for number in 0..ALONE {
        let seconds = load
            .open(Open {
                first: number,
                ..back.clone()
            })
            .await?;
        waits.push(u64::try_from(Duration::from_secs_f64(seconds).as_nanos()).unwrap_or(u64::MAX));
    }
    record.spread("resume_1000_alone", Spread::of(waits));

    let crowd = size.sockets.unwrap_or(500);
    let cost = Cost::begin(&running, [&load])?;
    let all = Open {
        sockets: crowd,
        first: ALONE,
        at_once: 100,
        ..back
    };
    let seconds = load.open(all).await?;
    record.set("resume_sockets_per_s", crowd as f64 / seconds);
    record.set("resume_messages_per_s", (crowd * MISSED) as f64 / seconds);
    cost.end_as(&running, (crowd * MISSED, "message"), "resume", &mut record)?;
    Ok(record)
}
