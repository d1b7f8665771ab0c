//! Other people's servers: each a folder of `bench/peers/` with a `peer.json` that says how to start it and how to speak to it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use test_support::ports;
use tokio::time::sleep;

use super::{Running, Server, Source};
use crate::{
    control::{Greeting, Way},
    fault::{Fault, Result},
};

/// A peer that is installed.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Its folder's name.
    pub(crate) name: String,
    description: Description,
    folder: PathBuf,
}

/// `peer.json`.
#[derive(Debug, Clone, Deserialize)]
struct Description {
    title: String,
    versions: Vec<String>,
    start: Vec<String>,
    socket: Greeting,
    publish: Publish,
    /// Where it takes messages by HTTP.
    #[serde(default)]
    publish_path: String,
    /// How long it takes to be ready after its port accepts.
    #[serde(default)]
    settle_ms: u64,
    /// Whether it is several processes, the first of which ends the others if it is asked to end.
    #[serde(default)]
    has_workers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Publish {
    Redis,
    Nats,
    Http,
}

/// All peers that are described, with those that are installed apart.
pub(crate) fn all() -> Result<(Vec<Peer>, Vec<String>)> {
    let described = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    let (mut installed, mut missing) = (Vec::new(), Vec::new());
    let mut entries: Vec<PathBuf> = fs::read_dir(described)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    entries.sort();
    for entry in entries {
        let Some(name) = entry.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let Ok(text) = fs::read_to_string(entry.join("peer.json")) else {
            continue;
        };
        let description = serde_json::from_str(&text)
            .map_err(|error| Fault::other(format!("{name}/peer.json: {error}")))?;
        let folder = folder().join(name);
        if folder.join(".installed").is_file() {
            installed.push(Peer {
                name: name.to_owned(),
                description,
                folder,
            });
        } else {
            missing.push(name.to_owned());
        }
    }
    Ok((installed, missing))
}

/// The peer of this name, if it is installed.
pub(super) fn find(name: &str) -> Result<Option<Peer>> {
    Ok(all()?.0.into_iter().find(|peer| peer.name == name))
}

/// Where `bench/peers/install.sh` puts them.
fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("BENCH_PEERS") {
        return folder.into();
    }
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    home.join(".cache/chatflow/bench-peers")
}

impl Peer {
    /// Its title and versions, in one line.
    pub(crate) fn versions(&self) -> String {
        let output = self
            .description
            .versions
            .split_first()
            .and_then(|(program, args)| {
                std::process::Command::new(program)
                    .args(args)
                    .current_dir(&self.folder)
                    .output()
                    .ok()
            });
        let versions = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        format!("{}: {}", self.description.title, versions.unwrap_or_default())
    }

    /// Whether what is published to Redis reaches its sockets: the others are given their messages themselves.
    pub(super) fn hears_redis(&self) -> bool {
        self.description.publish == Publish::Redis
    }

    /// Starts it beside its source, and waits until it takes connections.
    pub(super) async fn start(&self, source: Source) -> Result<Running> {
        // A second one for those that listen on two.
        let port = ports::consecutive(2);
        let Some((program, args)) = self.description.start.split_first() else {
            return Err(Fault::other(format!(
                "{}/peer.json does not say how to start it",
                self.name
            )));
        };
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let env = [
            ("PORT", port.to_string()),
            ("REDIS_URL", format!("redis://{}", source.redis)),
        ];
        let start = if self.description.has_workers {
            Server::start_with_workers
        } else {
            Server::start
        };
        let server = start(&self.name, Path::new(program), &args, &env, &self.folder);
        let greeting = self.description.socket.clone();
        server.accepts(port).await?;
        server.accepts(port + greeting.socket_port_offset).await?;
        sleep(Duration::from_millis(self.description.settle_ms)).await;
        let way = match self.description.publish {
            Publish::Redis => source.way,
            Publish::Http => Way::Http(
                ([127, 0, 0, 1], port).into(),
                self.description.publish_path.clone(),
            ),
            Publish::Nats => Way::Nats(([127, 0, 0, 1], port).into()),
        };
        Ok(Running {
            addresses: vec![([127, 0, 0, 1], port).into()],
            greeting,
            way,
            servers: vec![server],
            others: source.others,
            cluster: source.cluster,
            profile: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_is_described() {
        let (installed, missing) = all().unwrap();
        assert_eq!(installed.len() + missing.len(), 8);
        assert!(installed.iter().all(|peer| !peer.description.start.is_empty()));
    }

    #[test]
    fn only_who_hears_redis_hears_chat_svc() {
        for (name, hears) in [("uwebsockets", true), ("nchan", false), ("nats", false)] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name);
            let description = fs::read(folder.join("peer.json")).unwrap();
            let peer = Peer {
                name: name.into(),
                description: serde_json::from_slice(&description).unwrap(),
                folder,
            };
            assert_eq!(peer.hears_redis(), hears, "{name}");
        }
    }

    #[test]
    fn a_description_may_leave_out_what_is_usual() {
        let least = r#"{"title":"t","versions":["v"],"start":["s"],"socket":{"path":"/{room}"},"publish":"http","publish_path":"/p/{room}"}"#;
        let description: Description = serde_json::from_str(least).unwrap();
        assert_eq!(description.publish, Publish::Http);
        assert_eq!(
            (
                description.socket.ready_after,
                description.settle_ms,
                description.socket.socket_port_offset
            ),
            (0, 0, 0)
        );
        assert!(serde_json::from_str::<Description>(r#"{"title":"t"}"#).is_err());
    }
}
