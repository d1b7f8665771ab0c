//! A large file through the edge, up and down.

use futures_util::StreamExt;

use super::{Size, cost::Cost, start};
use crate::{
    clock,
    contender::Setup,
    fault::{Fault, Result},
    load::Load,
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
    let edge = running.cluster.as_ref().and_then(|cluster| cluster.edges.first());
    let edge = edge.ok_or_else(|| Fault::other(format!("{contender} keeps no files")))?;
    let load = Load::start(1)?;
    let mebibytes = size.burst.unwrap_or(MEBIBYTES);
    let content: Vec<u8> = (0..mebibytes * 1024 * 1024)
        .map(|at| at.to_le_bytes()[1] ^ at.to_le_bytes()[2])
        .collect();
    let content = bytes::Bytes::from(content);
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .map_err(|error| failed(&error))?;
    let mut record = Record::new("files", contender);
    let moved = (mebibytes * TIMES) as f64;

    let cost = Cost::begin(&running, &load)?;
    let begun = clock::now();
    let mut url = String::new();
    for _ in 0..TIMES {
        let file = reqwest::multipart::Part::stream_with_length(content.clone(), content.len() as u64)
            .file_name("large.bin");
        let form = reqwest::multipart::Form::new()
            .text("room_id", "r0")
            .text("user_id", "u0")
            .part("file", file);
        let answer = client
            .post(format!("{edge}/api/files/upload"))
            .multipart(form)
            .send()
            .await;
        let answer = answer
            .and_then(reqwest::Response::error_for_status)
            .map_err(|error| failed(&error))?;
        let stored: serde_json::Value = answer.json().await.map_err(|error| failed(&error))?;
        stored["url"].as_str().unwrap_or_default().clone_into(&mut url);
    }
    let mut one = Record::new("", "");
    cost.end(&running, &load, 1, &mut one)?;
    record.set("upload_mib_per_s", moved / clock::seconds(begun, clock::now()));
    record.set(
        "upload_edge_cores",
        one.figures.get("server_cores").copied().unwrap_or(0.0),
    );
    record.set(
        "upload_files_svc_cores",
        one.figures.get("files-svc_cores").copied().unwrap_or(0.0),
    );

    let cost = Cost::begin(&running, &load)?;
    let begun = clock::now();
    for _ in 0..TIMES {
        let answer = client.get(format!("{edge}{url}")).send().await;
        let answer = answer
            .and_then(reqwest::Response::error_for_status)
            .map_err(|error| failed(&error))?;
        let mut came = 0;
        let mut stream = answer.bytes_stream();
        while let Some(chunk) = stream.next().await {
            came += chunk.map_err(|error| failed(&error))?.len();
        }
        if came != content.len() {
            return Err(Fault::other(format!(
                "{came} of {} bytes came back",
                content.len()
            )));
        }
    }
    let mut one = Record::new("", "");
    cost.end(&running, &load, 1, &mut one)?;
    record.set("download_mib_per_s", moved / clock::seconds(begun, clock::now()));
    record.set(
        "download_edge_cores",
        one.figures.get("server_cores").copied().unwrap_or(0.0),
    );
    record.set(
        "download_files_svc_cores",
        one.figures.get("files-svc_cores").copied().unwrap_or(0.0),
    );
    let resident = running
        .servers
        .iter()
        .map(crate::contender::Server::resident)
        .sum::<Result<u64>>()?;
    record.set("edge_resident_mib", resident as f64 / 1_048_576.0);
    Ok(record)
}

fn failed(error: &reqwest::Error) -> Fault {
    Fault::other(format!("the edge: {error}"))
}
