//! Who is measured: ChatFlow, the floors, and other servers, all behind the same face.

pub(crate) mod chatflow;
mod floor;
mod peer;
mod redis;
mod server;
mod variant;

use std::{net::SocketAddr, path::PathBuf};

use crate::{
    control::{Greeting, Way},
    fault::{Fault, Result},
};

pub(crate) use peer::{Peer, all as peers};
pub(crate) use server::Server;

/// The floor that needs more of the kernel than the others.
pub(crate) const FLOOR_URING: &str = "floor-uring";

/// What a contender has to be prepared for.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// The folder of ChatFlow's programs.
    pub(crate) programs: PathBuf,
    /// Rooms that exist, from number 0 on.
    pub(crate) rooms: u64,
    /// How many edges, where there can be several.
    pub(crate) edges: usize,
    /// How many replicas of chat-svc, where there can be several.
    pub(crate) chats: usize,
    /// Whether also others are sent their messages by chat-svc, so that all have the same arrivals: the contender takes the place of the edge.
    pub(crate) through_chat: bool,
    /// Whether Redis is a cluster of three servers, where it can be.
    pub(crate) redis_cluster: bool,
    /// Whether history may be read from a replica of PostgreSQL, where there is history.
    pub(crate) read_replica: bool,
    /// Where samples of the stacks of what holds the sockets are put, if they are taken.
    pub(crate) profile: Option<PathBuf>,
    /// Another database for chat-svc.
    pub(crate) chat_database: Option<String>,
    /// Further settings of ChatFlow's programs: program, variable, value.
    pub(crate) env: Vec<(String, String, String)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            programs: test_support::binaries::build_folder(),
            rooms: 0,
            edges: 1,
            chats: 1,
            through_chat: false,
            redis_cluster: false,
            read_replica: false,
            profile: None,
            chat_database: None,
            env: Vec::new(),
        }
    }
}

/// A contender that runs. All of it ends when this is dropped.
pub(crate) struct Running {
    /// Where sockets connect to.
    pub(crate) addresses: Vec<SocketAddr>,
    /// What a socket says.
    pub(crate) greeting: Greeting,
    /// How a message gets in.
    pub(crate) way: Way,
    /// What holds the sockets: its time is the contender's.
    pub(crate) servers: Vec<Server>,
    /// What else takes part, such as Redis: its time is told apart.
    pub(crate) others: Vec<Server>,
    /// ChatFlow's own, where it is that.
    pub(crate) cluster: Option<chatflow::Cluster>,
    /// Where samples of the stacks of [`Self::servers`] are put, if they are taken.
    pub(crate) profile: Option<PathBuf>,
}

/// Where the messages of a contender come from that is not ChatFlow.
struct Source {
    redis: SocketAddr,
    way: Way,
    others: Vec<Server>,
    cluster: Option<chatflow::Cluster>,
}

/// Starts a contender by its name, which may end in a variant, and waits until it takes connections.
pub(crate) async fn start(name: &str, setup: &Setup) -> Result<Running> {
    let (name, setup) = variant::of(name, setup)?;
    let mut running = of_kind(name, &setup).await?;
    running.profile = setup.profile;
    Ok(running)
}

async fn of_kind(name: &str, setup: &Setup) -> Result<Running> {
    if name == "chatflow" {
        return chatflow::start(setup).await;
    }
    let write = match name {
        "floor-each" => "frame",
        "floor-batched" => "batch",
        FLOOR_URING => "ring",
        name => {
            let peer = peer::find(name)?.ok_or_else(|| {
                Fault::other(format!("no contender is called {name}, or it is not installed"))
            })?;
            if setup.through_chat && !peer.hears_redis() {
                return Err(Fault::other(format!(
                    "{name} does not hear what chat-svc publishes"
                )));
            }
            return peer.start(source(setup).await?).await;
        }
    };
    floor::start(write, setup.edges, source(setup).await?).await
}

async fn source(setup: &Setup) -> Result<Source> {
    if setup.through_chat {
        let backend = chatflow::backend(setup).await?;
        let redis = backend.cluster.redis.single()?;
        return Ok(Source {
            redis,
            way: Way::Grpc(backend.cluster.chats.clone()),
            others: backend.others,
            cluster: Some(backend.cluster),
        });
    }
    let (server, redis) = redis::start("redis").await?;
    Ok(Source {
        redis,
        way: Way::Redis(redis),
        others: vec![server],
        cluster: None,
    })
}
