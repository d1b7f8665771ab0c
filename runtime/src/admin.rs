//! `/livez`, `/readyz` and `/metrics`: what an operator's tools ask every process.

use std::net::{IpAddr, SocketAddr};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket};

use crate::{Fatal, Shutdown, health::Health, metrics};

/// Connections that may wait to be accepted: thousands of clients come back in the same second when another edge has
/// died. The kernel takes no more than `net.core.somaxconn`, which is 4096 on Linux.
const BACKLOG: u32 = 4096;

#[derive(Clone)]
struct Asked {
    health: Health,
    shutdown: Shutdown,
}

/// The three routes, for a process that serves HTTP anyway.
pub fn routes(health: Health, shutdown: Shutdown) -> Router {
    metrics::install();
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(exposition))
        .with_state(Asked { health, shutdown })
}

/// Serves the three routes on a port of their own until the process ends.
///
/// # Errors
/// Where the port is taken.
pub fn serve(bind: IpAddr, port: u16, health: Health, shutdown: &Shutdown) -> Result<SocketAddr, Fatal> {
    let listener = listen(bind, port)?;
    let address = listener
        .local_addr()
        .map_err(|e| Fatal::unavailable(format!("can't listen: {e}")))?;
    let app = routes(health, shutdown.clone());
    // Answers while draining too (readiness says so); ends when everything else has.
    shutdown.spawn_beside(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "the admin port failed");
        }
    });
    Ok(address)
}

/// Opens a listening socket, with one clear line where that can't be.
///
/// # Errors
/// The address is taken or not ours: exit code 69.
pub fn listen(bind: IpAddr, port: u16) -> Result<TcpListener, Fatal> {
    let address = SocketAddr::new(bind, port);
    open(address).map_err(|error| {
        Fatal::unavailable(match error.kind() {
            std::io::ErrorKind::AddrInUse => format!("{address} is taken by another process"),
            std::io::ErrorKind::AddrNotAvailable => format!("{address} is not an address of this machine"),
            std::io::ErrorKind::PermissionDenied => format!("no permission to listen on {address}"),
            _ => format!("can't listen on {address}: {error}"),
        })
    })
}

/// Opens a listening socket.
///
/// # Errors
/// What the kernel says.
pub fn open(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // As the usual way to listen does: a process that starts again finds its port though old connections linger on it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn readyz(State(asked): State<Asked>) -> impl IntoResponse {
    let draining = asked.shutdown.has_begun();
    let ready = asked.health.is_ready() && !draining;
    let parts: serde_json::Map<String, serde_json::Value> = asked
        .health
        .report()
        .into_iter()
        .map(|(name, trouble)| (name.to_owned(), trouble.unwrap_or_else(|| "ok".to_owned()).into()))
        .collect();
    let status = if ready {
        "ready"
    } else if draining {
        "draining"
    } else {
        "not ready"
    };
    let code = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (code, Json(json!({ "status": status, "parts": parts })))
}

async fn exposition() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        metrics::render(),
    )
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::*;

    async fn readiness(at: SocketAddr) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(at).await?;
        stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn draining_is_told_until_everything_has_drained() {
        let shutdown = Shutdown::new();
        let health = Health::new();
        health.part("itself").up();
        let at = serve(Ipv4Addr::LOCALHOST.into(), 0, health, &shutdown).unwrap();
        assert!(readiness(at).await.unwrap().contains("200 OK"));

        let (drained, draining) = tokio::sync::oneshot::channel::<()>();
        shutdown.spawn(async move { draining.await.is_ok() });
        let finishing = shutdown.clone();
        let finished = tokio::spawn(async move { finishing.finish().await });
        shutdown.begun().await;
        let told = readiness(at).await.unwrap();
        assert!(told.contains("503") && told.contains("draining"), "{told}");

        drained.send(()).unwrap();
        finished.await.unwrap();
    }
}
