//! The edge's life: open everything, serve, drain.

use runtime::{Fatal, Shutdown, admin, health::Health};
use tokio::net::TcpListener;

use crate::{
    config::Config,
    door::Door,
    layers::rate::Rate,
    rest::app::App,
    router::router,
    serve,
    socket::{
        SocketLimits, Sockets,
        handshake::{Guards, Handshakes},
    },
    upstream::Upstream,
};

/// The part of the health that is up once the services were reached.
pub const SERVICES: &str = "services";

/// Runs a process that is an edge and nothing else.
///
/// # Errors
/// Where the port can't be had.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), Fatal> {
    let listener = admin::listen(config.listen.bind, config.listen.port)?;
    serve_on(listener, config, Health::new(), shutdown).await
}

/// Serves on an open listener until the shutdown begins.
///
/// # Errors
/// Where the listener has no address.
pub async fn serve_on(
    listener: TcpListener,
    config: Config,
    health: Health,
    shutdown: Shutdown,
) -> Result<(), Fatal> {
    let unfit = |error| Fatal::unavailable(format!("can't listen: {error}"));
    let address = listener.local_addr().map_err(unfit)?;
    let access = config.access;
    let upstream = Upstream::connect(&config.services, &shutdown);
    follow_start(&upstream, &health, &shutdown);
    let door = Door::new(&upstream, access.open, &shutdown);
    let most = serve::affordable(access.max_connections);
    let limits = SocketLimits {
        // The rest is for REST and for probes: sockets that take all they may have can't crowd them out.
        connections: most - most / 16,
        compression: access.compression,
        ..SocketLimits::default()
    };
    let broker = config.broker.open(&shutdown);
    let sockets = Sockets::start(
        upstream.clone(),
        broker,
        config.subscribing,
        door.clone(),
        limits,
        &health,
        &shutdown,
    )
    .map_err(|error| Fatal::unavailable(format!("can't watch sockets: {error}")))?;
    let app = App::new(upstream, door, access.max_upload_bytes);
    let http = &access.http;
    let per_minute = http.requests_per_minute;
    let rate = Rate::new(per_minute, per_minute / 6, &shutdown);
    let guards = Guards {
        origins: http.origins.clone(),
        rate: rate.clone(),
        proxy_hops: http.proxy_hops,
    };
    let router = router(app, sockets.routes(), http, rate, health, &shutdown);
    if access.open && !address.ip().is_loopback() {
        tracing::warn!(
            "OPEN_ACCESS is on: whoever reaches this address acts under any name without an account"
        );
    }
    tracing::info!(%address, open_access = access.open, services = %config.services.chat, "edge up");
    let handshakes = Handshakes::new(sockets, guards);
    serve::serve(listener, router, handshakes, most, &shutdown).await;
    Ok(())
}

/// Not ready before the services were reached once. Later outages are theirs to report: an edge that turned unready
/// with them would take the UI, and every answer that says what is wrong, away as well.
fn follow_start(upstream: &Upstream, health: &Health, shutdown: &Shutdown) {
    let (upstream, part) = (upstream.clone(), health.part(SERVICES));
    shutdown.spawn_until_begun(async move {
        upstream.reached().await;
        part.up();
    });
}
