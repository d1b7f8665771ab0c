//! The Redis of a contender: one server, or a cluster of three.

use std::{net::SocketAddr, path::Path};

use test_support::ports;

use super::{Server, server::system};
use crate::fault::{Fault, Result};

/// Where messages go through.
pub(super) enum Broker {
    /// One server.
    Single(SocketAddr),
    /// Three servers that share the rooms, and one beside them for presence, which is not kept on a cluster.
    Cluster(Box<test_support::redis::Cluster>, SocketAddr),
}

impl Broker {
    /// Starts it; its processes are told too.
    pub(super) async fn start(cluster: bool) -> Result<(Self, Vec<Server>)> {
        let (single, address) = start(if cluster { "redis-presence" } else { "redis" }).await?;
        if !cluster {
            return Ok((Self::Single(address), vec![single]));
        }
        let cluster = test_support::redis::Cluster::start_new().await;
        let mut servers = vec![single];
        for master in cluster.masters() {
            let pid = master.process().pid();
            let pid = pid.ok_or_else(|| Fault::other("a server of the cluster has ended"))?;
            servers.push(Server::of("redis", pid));
        }
        Ok((Self::Cluster(Box::new(cluster), address), servers))
    }

    /// What a service is told of it.
    pub(super) fn env(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Single(address) => vec![("REDIS_URL", format!("redis://{address}"))],
            Self::Cluster(cluster, presence) => vec![
                ("REDIS_URL", cluster.url()),
                ("PRESENCE_REDIS_URL", format!("redis://{presence}")),
                ("EDGE_SUBSCRIBE", "rooms".into()),
            ],
        }
    }

    /// The address of the only server.
    pub(super) fn single(&self) -> Result<SocketAddr> {
        match self {
            Self::Single(address) => Ok(*address),
            Self::Cluster(..) => Err(Fault::other("floors and peers know no cluster")),
        }
    }
}

/// A server, and where it is.
pub(super) async fn start(name: &str) -> Result<(Server, SocketAddr)> {
    let port = ports::free();
    let args =
        format!("--port {port} --bind 127.0.0.1 --appendonly no --daemonize no --loglevel warning --save");
    let args: Vec<&str> = args.split(' ').chain([""]).collect();
    let server = Server::start(name, &system("redis-server")?, &args, &[], Path::new("/"));
    server.accepts(port).await?;
    Ok((server, ([127, 0, 0, 1], port).into()))
}
