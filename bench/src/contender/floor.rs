//! The floors, as processes.

use std::path::Path;

use test_support::ports;

use super::{Running, Server, Source};
use crate::{
    control::Greeting,
    fault::{Doing, Result},
};

/// Starts a floor that writes in this way, on so many threads (0: one per core).
pub(super) async fn start(write: &str, threads: usize, source: Source) -> Result<Running> {
    let port = ports::free();
    let program = std::env::current_exe().doing("finding the floor")?;
    let (port_text, redis, threads) = (port.to_string(), source.redis.to_string(), threads.to_string());
    let args = [
        "floor",
        "--port",
        &port_text,
        "--redis",
        &redis,
        "--write",
        write,
        "--threads",
        &threads,
    ];
    let server = Server::start(&format!("floor-{write}"), &program, &args, &[], Path::new("/"));
    server.accepts(port).await?;
    Ok(Running {
        addresses: vec![([127, 0, 0, 1], port).into()],
        greeting: Greeting {
            path: "/ws/{room}/{user}".into(),
            ..Greeting::default()
        },
        way: source.way,
        servers: vec![server],
        others: source.others,
        cluster: source.cluster,
    })
}

/// A Redis of its own, and where it is.
pub(super) async fn redis() -> Result<(Server, std::net::SocketAddr)> {
    let port = ports::free();
    let port_text = port.to_string();
    let args = [
        "--port",
        &port_text,
        "--bind",
        "127.0.0.1",
        "--appendonly",
        "no",
        "--daemonize",
        "no",
        "--save",
        "",
    ];
    let server = Server::start(
        "redis",
        &super::server::system("redis-server")?,
        &args,
        &[],
        Path::new("/"),
    );
    server.accepts(port).await?;
    Ok((server, ([127, 0, 0, 1], port).into()))
}
