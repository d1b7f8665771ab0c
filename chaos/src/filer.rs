//! Somebody who uploads files now and then and, in the end, wants each that was accepted back as it was.

use std::{sync::Arc, time::Duration};

use rand::{Rng as _, RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use tokio::{sync::watch, time::sleep};

use crate::{board::Board, history::Room, person::Phase};

/// How often there is something to upload.
const EVERY: Duration = Duration::from_millis(700);

/// Sizes of files, in bytes.
const SIZES: std::ops::Range<usize> = 1..400_000;

/// How long an upload may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long the last download may take to succeed when everything is healed.
const HEALED_WITHIN: Duration = Duration::from_secs(30);

/// What an accepted file was.
#[derive(Debug)]
struct Accepted {
    id: String,
    bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct Answer {
    id: String,
}

/// What came of the uploads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uploads {
    /// Tried.
    pub tried: u64,
    /// Answered 201.
    pub accepted: u64,
}

/// Uploads until the phase is no longer [`Phase::Living`], then downloads what was accepted and tells what is missing.
pub(crate) async fn live(
    doors: Arc<[String]>,
    board: Board,
    mut phase: watch::Receiver<Phase>,
    seed: u64,
) -> Uploads {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0xf11e);
    let http = reqwest::Client::builder()
        .timeout(PATIENCE)
        .no_proxy()
        .build()
        .unwrap_or_default();
    let mut uploads = Uploads::default();
    let mut accepted = Vec::new();
    while *phase.borrow() == Phase::Living {
        let mut bytes = vec![0; random.random_range(SIZES)];
        random.fill_bytes(&mut bytes);
        let door = &doors[random.random_range(0..doors.len())];
        let form = Form::new()
            .text("room_id", Room(0).id())
            .text("user_id", "filer")
            .part("file", Part::bytes(bytes.clone()).file_name("noise.bin"));
        let url = format!("http://{door}/api/files/upload");
        let answer = http.post(url).multipart(form).send().await;
        // Where nobody listens, a person, or the proxy in front, goes to another edge.
        let nobody = answer.as_ref().is_err_and(reqwest::Error::is_connect);
        uploads.tried += u64::from(!nobody);
        if let Ok(answer) = answer {
            let status = answer.status();
            if status == 201
                && let Ok(Answer { id }) = answer.json().await
            {
                uploads.accepted += 1;
                accepted.push(Accepted { id, bytes });
            } else if !status.is_server_error() && status != 201 {
                board.trouble(format!("an upload was answered {status}"));
            }
        }
        tokio::select! {
            () = sleep(EVERY) => {}
            _ = phase.changed() => {}
        }
    }
    for file in &accepted {
        let url = format!("http://{}/api/files/{}/download", doors[0], file.id);
        if !is_there(&http, &url, &file.bytes).await {
            board.trouble(format!(
                "file {} was accepted, and can't be had as it was",
                file.id
            ));
        }
    }
    uploads
}

async fn is_there(http: &reqwest::Client, url: &str, bytes: &[u8]) -> bool {
    let download = async {
        loop {
            if let Ok(answer) = http.get(url).send().await
                && answer.status().is_success()
                && let Ok(body) = answer.bytes().await
            {
                return body == bytes;
            }
            sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(HEALED_WITHIN, download)
        .await
        .unwrap_or(false)
}
