//! The floors, as processes.

use std::path::Path;

use test_support::ports;

use super::{Running, Server, Source};
use crate::{
    control::Greeting,
    fault::{Doing, Result},
};

/// Starts so many floors that write in this way, each with a thread per core, as there can be several edges.
pub(super) async fn start(write: &str, count: usize, source: Source) -> Result<Running> {
    let program = std::env::current_exe().doing("finding the floor")?;
    let redis = source.redis.to_string();
    let (mut servers, mut addresses) = (Vec::new(), Vec::new());
    for _ in 0..count.max(1) {
        let port = ports::free();
        let port_text = port.to_string();
        let args = ["floor", "--port", &port_text, "--redis", &redis, "--write", write];
        let server = Server::start(&format!("floor-{write}"), &program, &args, &[], Path::new("/"));
        server.accepts(port).await?;
        servers.push(server);
        addresses.push(([127, 0, 0, 1], port).into());
    }
    Ok(Running {
        addresses,
        greeting: Greeting {
            path: "/ws/{room}/{user}".into(),
            ..Greeting::default()
        },
        way: source.way,
        servers,
        others: source.others,
        cluster: source.cluster,
        profile: None,
    })
}
