//! A large file through the edge, up and down.

use bytes::Bytes;
use futures_util::StreamExt;

use super::{
    Size,
    cost::Cost,
    rest::{self, Rest},
    start,
};
use crate::{
    contender::{Running, Server, Setup},
    fault::{Fault, Result},
    record::Record,
};

/// The size of the file, in MiB.
const MEBIBYTES: u64 = 64;

/// Times that it goes each way.
const TIMES: u64 = 3;

/// Uploads and downloads a file through the edge; files-svc keeps it in a folder.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) async fn files(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let running = start(contender, setup, 1).await?;
    let (_, rest) = Rest::of(&running)?;
    let mebibytes = size.burst.unwrap_or(MEBIBYTES);
    let content: Vec<u8> = (0..mebibytes * 1024 * 1024)
        .map(|at| at.to_le_bytes()[1] ^ at.to_le_bytes()[2])
        .collect();
    let content = Bytes::from(content);
    let mut record = Record::new("files", contender);
    let mut url = String::new();
    let upload = async || {
        url = rest.upload(&content).await?;
        Ok(())
    };
    measured("upload", mebibytes, &running, &mut record, upload).await?;
    let download = async || downloaded(&rest, &url, content.len()).await;
    measured("download", mebibytes, &running, &mut record, download).await?;
    let resident = running
        .servers
        .iter()
        .map(Server::resident)
        .sum::<Result<u64>>()?;
    record.set("edge_resident_mib", resident as f64 / 1_048_576.0);
    Ok(record)
}

/// Moves the file several times in one direction.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
async fn measured(
    name: &str,
    mebibytes: u64,
    running: &Running,
    record: &mut Record,
    mut once: impl AsyncFnMut() -> Result<()>,
) -> Result<()> {
    let cost = Cost::begin(running, [])?;
    for _ in 0..TIMES {
        once().await?;
    }
    let mut one = Record::new("", "");
    cost.end(running, 1, &mut one)?;
    let figure = |name: &str| one.figures.get(name).copied().unwrap_or_default();
    let moved = (mebibytes * TIMES) as f64;
    record.set(&format!("{name}_mib_per_s"), moved / figure("cost_seconds"));
    record.set(&format!("{name}_edge_cores"), figure("server_cores"));
    record.set(&format!("{name}_files_svc_cores"), figure("files-svc_cores"));
    Ok(())
}

async fn downloaded(rest: &Rest, url: &str, length: usize) -> Result<()> {
    let mut came = 0;
    let mut stream = rest.get(url).await?.bytes_stream();
    while let Some(chunk) = stream.next().await {
        came += chunk.map_err(|error| rest::failed(&error))?.len();
    }
    if came == length {
        Ok(())
    } else {
        Err(Fault::other(format!("{came} of {length} bytes came back")))
    }
}
