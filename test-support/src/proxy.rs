//! A TCP proxy that breaks connections in the ways a network does, while both ends live on.
//!
//! ```text
//! client ── accept ── Way: client → server ──▶ server
//!                  ◀─ Way: server → client ──
//! ```
//! All connections watch one state, the [`Fault`]; what is right for a connection as a whole (a reset, a server that
//! vanishes) is in `connection`, what is right for the bytes of one direction in `way`. Healthy traffic costs one read
//! and one write a chunk, so a proxy may stay where load is measured.

mod connection;
mod fault;
mod network;
mod pushes;
mod way;

use std::{
    net::SocketAddr,
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
};

use connection::Protocol;
use network::{Network, State};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use fault::{Direction, Fault};

/// A proxy on a port of its own. Dropping it ends its connections.
///
/// Its verbs return at once; connections follow a moment later.
pub struct Proxy {
    address: SocketAddr,
    protocol: Protocol,
    state: watch::Sender<State>,
    accepted: Arc<AtomicU64>,
    _stop: DropGuard,
}

impl Proxy {
    /// A proxy to `target` (`host:port`, or a URL of which only that part is used), without a fault at first.
    pub async fn to(target: &str) -> Self {
        Self::start(target, Protocol::Any).await
    }

    /// A proxy to a Redis, which knows [`Fault::Pushes`] too.
    pub async fn to_redis(target: &str) -> Self {
        Self::start(target, Protocol::Redis).await
    }

    async fn start(target: &str, protocol: Protocol) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", crate::ports::free()))
            .await
            .expect("a free port can be bound");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (state, watcher) = watch::channel(State::new(authority(target)));
        let accepted = Arc::new(AtomicU64::new(0));
        let stop = CancellationToken::new();
        let accept = connection::accept(
            listener,
            address,
            protocol,
            Network::new(watcher),
            accepted.clone(),
        );
        tokio::spawn(stop.clone().run_until_cancelled_owned(accept));
        Self {
            address,
            protocol,
            state,
            accepted,
            _stop: stop.drop_guard(),
        }
    }

    /// `127.0.0.1:<port>`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The URL with its host and port replaced by the proxy's.
    pub fn url(&self, url: &str) -> String {
        url.replacen(authority(url), &self.address(), 1)
    }

    /// Changes what the network does, for connections that are open and for new ones.
    pub fn set(&self, fault: Fault) {
        assert!(
            fault != Fault::Pushes || self.protocol == Protocol::Redis,
            "only a proxy to a Redis can lose its pushes"
        );
        self.state.send_modify(|state| state.set(fault));
    }

    /// What the network does.
    pub fn fault(&self) -> Fault {
        self.state.borrow().fault
    }

    /// Resets the connections that are open, once; new ones are not concerned.
    pub fn reset_all(&self) {
        self.state.send_modify(|state| state.resets += 1);
    }

    /// Sends new connections to another target, as in [`Self::to`], and resets those that are open.
    pub fn reroute(&self, target: &str) {
        self.state.send_modify(|state| {
            state.target = authority(target).into();
            state.resets += 1;
        });
    }

    /// How many connections it has taken so far, for seeing that a client has come back.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// `host:port` of a URL, without scheme, user and path.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or(rest);
    rest.rsplit_once('@').map_or(rest, |(_, host)| host)
}
