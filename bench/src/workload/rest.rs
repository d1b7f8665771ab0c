//! A client of an edge's REST interface.

use crate::{
    clock,
    contender::{Running, chatflow::Cluster},
    fault::{Fault, Result},
};

/// A client of the first edge.
pub(super) struct Rest {
    client: reqwest::Client,
    edge: String,
}

impl Rest {
    /// For what runs, with its cluster; a fault where it has no such interface.
    pub(super) fn of(running: &Running) -> Result<(&Cluster, Self)> {
        let cluster = running.cluster.as_ref();
        let found = cluster.and_then(|cluster| Some((cluster, cluster.edges.first()?.clone())));
        let (cluster, edge) = found.ok_or_else(|| Fault::other("only ChatFlow keeps history and files"))?;
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.map_err(|error| failed(&error))?;
        Ok((cluster, Self { client, edge }))
    }

    /// Reads a page of a room's history. Returns how many nanoseconds it took.
    pub(super) async fn page(&self, room: &str, query: &str) -> Result<u64> {
        let begun = clock::now();
        let answer = self
            .get(&format!("/api/chat/rooms/{room}/messages?{query}"))
            .await?;
        answer.bytes().await.map_err(|error| failed(&error))?;
        Ok(clock::now() - begun)
    }

    /// Gets what is at this path.
    pub(super) async fn get(&self, path: &str) -> Result<reqwest::Response> {
        let request = self.client.get(format!("{}{path}", self.edge));
        let answer = request.send().await;
        answer
            .and_then(reqwest::Response::error_for_status)
            .map_err(|error| failed(&error))
    }

    /// Uploads a file to the room `r0`. Returns where it is now.
    pub(super) async fn upload(&self, content: &bytes::Bytes) -> Result<String> {
        let file = reqwest::multipart::Part::stream_with_length(content.clone(), content.len() as u64)
            .file_name("large.bin");
        let form = reqwest::multipart::Form::new()
            .text("room_id", "r0")
            .text("user_id", "u0")
            .part("file", file);
        let request = self.client.post(format!("{}/api/files/upload", self.edge));
        let answer = request.multipart(form).send().await;
        let answer = answer
            .and_then(reqwest::Response::error_for_status)
            .map_err(|error| failed(&error))?;
        let stored: serde_json::Value = answer.json().await.map_err(|error| failed(&error))?;
        Ok(stored["url"].as_str().unwrap_or_default().to_owned())
    }
}

/// What went wrong between it and the edge.
pub(super) fn failed(error: &reqwest::Error) -> Fault {
    Fault::other(format!("the edge: {error}"))
}
