//! Sockets that do nothing: what each keeps resident.

use std::time::Duration;

use tokio::time::sleep;

use super::{Size, start};
use crate::{
    contender::{Running, Server, Setup},
    control::Open,
    fault::Result,
    limits,
    load::Load,
    proc,
    record::Record,
};

/// Three numbers of sockets, each in a room of ten: what the servers keep resident for them above what they keep without any.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) async fn idle(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let most = size.sockets.unwrap_or_else(|| limits::sockets().min(18_000));
    let room_size = size.room_size.unwrap_or(10);
    let running = start(contender, setup, most.div_ceil(room_size)).await?;
    let mut load = Load::start(1)?;
    let mut record = Record::new("idle", contender);
    let (at_first, kernel_at_first) = settled(&running).await?;
    record.set("without_sockets_mib", at_first as f64 / 1_048_576.0);
    let (mut opened, mut before) = (0, at_first);
    for (name, step) in [("a_sixteenth", most / 16), ("a_quarter", most / 4), ("all", most)] {
        let open = Open {
            first: opened,
            users: most,
            ..Open::plain(&running, step - opened, room_size)
        };
        let sockets = step - opened;
        let seconds = load.open(open).await?;
        let (resident, kernel) = settled(&running).await?;
        record.set(&format!("sockets_at_{name}"), step as f64);
        record.set(&format!("resident_mib_at_{name}"), resident as f64 / 1_048_576.0);
        // Of the last step, which is the largest by far.
        record.set("sockets_per_s", sockets as f64 / seconds);
        record.set(
            "bytes_per_socket",
            (resident as f64 - at_first as f64) / step as f64,
        );
        record.set(
            "bytes_per_socket_last_step",
            (resident as f64 - before as f64) / sockets as f64,
        );
        (opened, before) = (step, resident);
        let kernel = kernel as f64 - kernel_at_first as f64;
        record.set("kernel_bytes_per_socket_both_ends", kernel / step as f64);
    }
    record.set("sockets", most as f64);
    let counted = load.count().await?;
    record.set("lost_sockets", counted.lost as f64);
    Ok(record)
}

/// What the servers and the kernel keep once they keep no less for two seconds.
async fn settled(running: &Running) -> Result<(u64, u64)> {
    let resident = || running.servers.iter().map(Server::resident).sum::<Result<u64>>();
    let mut least = resident()?;
    let mut since = 0;
    for _ in 0..20 {
        sleep(Duration::from_millis(500)).await;
        let now = resident()?;
        since = if now + 65_536 < least { 0 } else { since + 1 };
        least = least.min(now);
        if since == 4 {
            break;
        }
    }
    Ok((resident()?, proc::kernel_sockets()))
}
