//! The listener: accepts connections, has handshakes taken out, speaks HTTP/1.1 with upgrades on the others, bounds them,
//! and drains them at the end.

use std::{
    convert::Infallible,
    io::{self, Write as _},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, response::Response};
use hyper::{Request, body::Incoming, server::conn::http1};
use hyper_util::rt::TokioTimer;
use runtime::Shutdown;
use rustix::{
    net::sockopt,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, sleep, timeout_at},
};
use tower::ServiceExt as _;

use crate::{
    preread::Preread,
    socket::handshake::{Greeted, Handshakes},
};

/// How long a connection may take to send a request's head: the first one, or the next one of a kept connection.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// How much longer the rest of a first head may take once the shutdown has begun.
const LAST_HEADS: Duration = Duration::from_secs(1);

/// The largest head of a request, in bytes.
pub(crate) const HEAD_BYTES: usize = 16 * 1024;

/// Header lines of a request.
pub(crate) const HEADERS: usize = 100;

/// The kernel drops a connection whose peer takes nothing of what we sent for so long.
const UNTAKEN_MS: u32 = 60_000;

/// Files that a process needs besides connections: stores, listeners, channels.
const OTHER_FILES: u64 = 256;

/// What a connection past the bound is told.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// A connection's place among those that the process can afford, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Semaphore>);

impl Place {
    /// Takes one, if there is one.
    pub(crate) fn take(places: &Arc<Semaphore>) -> Option<Self> {
        places.try_acquire().ok()?.forget();
        Some(Self(Arc::clone(places)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

/// The place of the connection that a request came on. A connection which becomes a WebSocket keeps its place.
#[derive(Debug, Clone)]
pub(crate) struct OfConnection(Arc<Mutex<Option<Place>>>);

impl OfConnection {
    /// Takes it for the WebSocket.
    pub(crate) fn keep(&self) -> Option<Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Serves at most so many connections at once, sockets included, until the shutdown begins. Connections in the
/// middle of a request end with it; the process waits for them.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    handshakes: Handshakes,
    most: usize,
    shutdown: &Shutdown,
) {
    // Connections inherit it from their listener.
    if let Err(error) = tune(&listener) {
        tracing::debug!(%error, "connections could not be tuned");
    }
    let places = Arc::new(Semaphore::new(most));
    let mut told_full = false;
    loop {
        let accepted = tokio::select! {
            () = shutdown.begun() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // No file left, or the peer is gone already: neither is an end.
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some(place) = Place::take(&places) else {
            if !std::mem::replace(&mut told_full, true) {
                tracing::warn!(most, "all connections are taken: more are refused");
            }
            // Not through the runtime, which does not know yet that it can be written.
            let told = stream.into_std().and_then(|mut stream| stream.write(FULL));
            tracing::trace!(?told, "a connection is refused");
            continue;
        };
        told_full = false;
        let (router, handshakes, token) = (router.clone(), handshakes.clone(), shutdown.clone());
        let by = Instant::now() + HEAD_PATIENCE;
        shutdown.spawn(async move {
            match greet(&handshakes, stream, peer, by, &token).await {
                // A task of its own: a crowd waits there, and need not hold what its handshakes took.
                Ok(Greeted::Socket(arrived)) => {
                    token.spawn(async move { handshakes.admit(arrived, place).await });
                }
                // Large, and mostly not needed.
                Ok(Greeted::Other(connection)) => {
                    Box::pin(converse(connection, peer, by, router, place, &token)).await;
                }
                Err(error) => tracing::debug!(%peer, %error, "a connection broke off, or says nothing"),
            }
        });
    }
}

/// Finds out what a connection is, if it says so in time. Once the shutdown has begun, who has said nothing is dropped,
/// and who is in the middle of a head may end it.
async fn greet(
    handshakes: &Handshakes,
    stream: TcpStream,
    peer: SocketAddr,
    by: Instant,
    shutdown: &Shutdown,
) -> io::Result<Greeted> {
    let greeting = async {
        tokio::select! {
            biased;
            said = stream.readable() => said?,
            () = shutdown.begun() => return Err(io::ErrorKind::ConnectionAborted.into()),
        }
        tokio::select! {
            biased;
            greeted = handshakes.greet(stream, peer) => greeted,
            () = async {
                shutdown.begun().await;
                sleep(LAST_HEADS).await;
            } => Err(io::ErrorKind::TimedOut.into()),
        }
    };
    timeout_at(by, greeting).await?
}

async fn converse(
    connection: Preread,
    peer: SocketAddr,
    by: Instant,
    router: Router,
    place: Place,
    shutdown: &Shutdown,
) {
    let place = OfConnection(Arc::new(Mutex::new(Some(place))));
    let service =
        hyper::service::service_fn(move |request| answer(router.clone(), peer, place.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // What is left of it. Who was slow with the first head is given no more for the next ones.
        .header_read_timeout(by.saturating_duration_since(Instant::now()))
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(connection, service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        // First, so that the server has what was read already: it ends a connection at once that has said nothing.
        biased;
        ended = connection.as_mut() => ended,
        () = shutdown.begun() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection broke off");
    }
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    place: OfConnection,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(place);
    router.oneshot(request.map(Body::new)).await
}

fn tune(listener: &TcpListener) -> io::Result<()> {
    sockopt::set_tcp_nodelay(listener, true)?;
    sockopt::set_tcp_user_timeout(listener, UNTAKEN_MS)?;
    sockopt::set_socket_keepalive(listener, true)?;
    Ok(())
}

/// As many connections as there can be open files, after asking for as many files as we may have.
pub(crate) fn affordable(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let needed = (wanted as u64).saturating_add(OTHER_FILES);
    let asked = maximum.map_or(needed, |maximum| maximum.min(needed));
    let allowed = match current {
        None => return wanted,
        Some(current) if current >= asked => current,
        Some(current) => {
            let more = Rlimit {
                current: Some(asked),
                maximum,
            };
            setrlimit(Resource::Nofile, more).map_or(current, |()| asked)
        }
    };
    let left = allowed
        .saturating_sub(OTHER_FILES)
        .max(allowed / 2)
        .min(wanted as u64);
    let left = usize::try_from(left).unwrap_or(wanted);
    if left < wanted {
        tracing::info!(
            connections = left,
            wanted,
            "fewer connections than MAX_CONNECTIONS: the limit of open files is low (ulimit -n)"
        );
    }
    left
}
