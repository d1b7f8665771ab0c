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

/// Two numbers of sockets, each in a room of ten: what the second number takes above the first, and all of it above nothing.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) async fn idle(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let most = size.sockets.unwrap_or_else(|| limits::sockets().min(18_000));
    let room_size = size.room_size.unwrap_or(10);
    let running = start(contender, setup, most.div_ceil(room_size)).await?;
    let mut load = Load::start(1)?;
    let mut record = Record::new("idle", contender);
    let (at_first, kernel_at_first) = settled(&running).await?;
    record.set("without_sockets_mib", at_first as f64 / 1_048_576.0);
    let mut opened = 0;
    let mut last = at_first;
    for step in [most / 5, most] {
        let open = Open {
            first: opened,
            users: most,
            ..Open::plain(&running, step - opened, room_size)
        };
        let sockets = step - opened;
        let seconds = load.open(open).await?;
        opened = step;
        record.set(&format!("sockets_per_s_{step}"), sockets as f64 / seconds);
        let (resident, kernel) = settled(&running).await?;
        let each = |now: u64, before: u64, sockets: u64| (now as f64 - before as f64) / sockets as f64;
        record.set(
            &format!("bytes_per_socket_{step}"),
            each(resident, at_first, step),
        );
        record.set(
            &format!("bytes_per_socket_of_the_last_{sockets}"),
            each(resident, last, sockets),
        );
        record.set(
            &format!("kernel_bytes_per_socket_both_ends_{step}"),
            each(kernel, kernel_at_first, step),
        );
        last = resident;
    }
    let whole = |name: &str| {
        record
            .figures
            .get(&format!("{name}_{most}"))
            .copied()
            .unwrap_or_default()
    };
    let (bytes, kernel) = (
        whole("bytes_per_socket"),
        whole("kernel_bytes_per_socket_both_ends"),
    );
    record.set("bytes_per_socket", bytes);
    record.set("kernel_bytes_per_socket_both_ends", kernel);
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
