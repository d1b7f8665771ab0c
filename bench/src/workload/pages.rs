//! Pages of history for many readers at once: what each costs the database, and its replica where there is one.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Size, cost::Cost, rest::Rest, start};
use crate::{
    clock,
    contender::Setup,
    control::Spread,
    fault::{Fault, Result},
    record::Record,
};

/// Rooms that are read.
const ROOMS: u64 = 100;

/// Messages of each.
const HISTORY: u64 = 2_000;

/// Readers, each with its next page as soon as the last has come.
const READERS: u64 = 16;

/// Messages of a page.
const PAGE: u64 = 50;

/// Readers that go backwards through rooms of as many messages as `burst` says.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) async fn pages(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let history = size.burst.unwrap_or(HISTORY).max(PAGE);
    let running = start(contender, setup, ROOMS).await?;
    let (cluster, rest) = Rest::of(&running)?;
    cluster.fill(ROOMS, history).await?;
    let rest = Arc::new(rest);
    read(&rest, history, Duration::from_millis(500)).await?;

    let mut record = Record::new("pages", contender);
    let cost = Cost::begin(&running, [])?;
    let begun = clock::now();
    let waits = read(&rest, history, size.duration()).await?;
    let seconds = clock::seconds(begun, clock::now());
    let pages = waits.len() as u64;
    cost.end(&running, pages, &mut record)?;
    record.set("pages", pages as f64);
    record.set("pages_per_s", pages as f64 / seconds);
    for name in ["postgres", "postgres-replica", "chat-svc"] {
        if let Some(cores) = record.figures.get(&format!("{name}_cores")) {
            let each = cores * 1e6 * seconds / pages.max(1) as f64;
            record.set(&format!("{name}_us_per_page"), each);
        }
    }
    record.spread("page", Spread::of(waits));
    Ok(record)
}

/// How long each page took, in nanoseconds.
async fn read(rest: &Arc<Rest>, history: u64, duration: Duration) -> Result<Vec<u64>> {
    let end = Instant::now() + duration;
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            let rest = Arc::clone(rest);
            tokio::spawn(async move {
                let mut waits = Vec::new();
                for turn in 0.. {
                    if Instant::now() > end {
                        break;
                    }
                    let room = (reader + turn * READERS) % ROOMS;
                    let before = history - (turn * PAGE) % (history - PAGE + 1);
                    let query = format!("limit={PAGE}&before={before}");
                    waits.push(rest.page(&format!("r{room}"), &query).await?);
                }
                Ok::<_, Fault>(waits)
            })
        })
        .collect();
    let mut waits = Vec::new();
    for reader in readers {
        let read = reader.await.map_err(|error| Fault::other(error.to_string()))?;
        waits.extend(read?);
    }
    Ok(waits)
}
