//! A TCP proxy that breaks a connection in the ways a network does, while both ends live on.

use std::{
    net::SocketAddr,
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How many bytes are carried at a time.
const CHUNK: usize = 16 * 1024;

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It works.
    None,
    /// It works, and every chunk (up to 16 KiB) arrives this much later.
    Delay(Duration),
    /// Connections stay open, new ones too, but no byte arrives. What was sent meanwhile arrives afterwards.
    Stall,
    /// Connections are reset, new ones too.
    Cut,
}

/// A proxy on a port of its own. Dropping it ends its connections.
pub struct Proxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    accepted: Arc<AtomicU64>,
    _stop: DropGuard,
}

impl Proxy {
    /// A proxy to `target` (`host:port`, or a URL of which only that part is used), without a fault at first.
    pub async fn to(target: &str) -> Self {
        let target = authority(target).to_owned();
        let listener = TcpListener::bind(("127.0.0.1", crate::ports::free()))
            .await
            .expect("a free port can be bound");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (fault, faults) = watch::channel(Fault::None);
        let accepted = Arc::new(AtomicU64::new(0));
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(accept(
            listener,
            target,
            faults,
            accepted.clone(),
        )));
        Self {
            address,
            fault,
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
        self.fault.send_replace(fault);
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

async fn accept(
    listener: TcpListener,
    target: String,
    faults: watch::Receiver<Fault>,
    accepted: Arc<AtomicU64>,
) {
    // Dropped with this future, and with it every connection.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        accepted.fetch_add(1, Ordering::SeqCst);
        connections.spawn(carry(client, target.clone(), faults.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(mut client: TcpStream, target: String, faults: watch::Receiver<Fault>) {
    let mut cut = faults.clone();
    let both_ways = async {
        if let Ok(mut server) = TcpStream::connect(target).await {
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let (from_client, to_client) = client.split();
            let (from_server, to_server) = server.split();
            tokio::join!(
                one_way(from_client, to_server, faults.clone()),
                one_way(from_server, to_client, faults.clone())
            );
        }
    };
    tokio::select! {
        () = both_ways => {}
        _ = cut.wait_for(|fault| *fault == Fault::Cut) => {
            // With unsent or unread bytes discarded, the peer gets a reset instead of an orderly end.
            let _ = client.set_zero_linger();
        }
    }
}

async fn one_way(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut faults: watch::Receiver<Fault>,
) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let fault = *faults.borrow();
        if let Fault::Delay(delay) = fault {
            tokio::time::sleep(delay).await;
        }
        if faults.wait_for(|fault| *fault != Fault::Stall).await.is_err()
            || to.write_all(&chunk[..length]).await.is_err()
        {
            return;
        }
    }
    // The end of one direction is passed on; the other may go on.
    let _ = to.shutdown().await;
}
