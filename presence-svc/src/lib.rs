//! Who is online and who types: state that lives only as long as somebody renews it, and the news when it changes.

mod announce;
mod config;
mod error;
mod grpc;
mod presence;
pub mod store;
mod sweeper;

use proto::presence::presence_service_server::PresenceServiceServer;
use runtime::{
    Fatal, Shutdown, admin,
    health::{Health, Part},
    server,
};
use tokio::net::TcpListener;

pub use config::{Config, Settings};
use presence::Presence;

/// The services whose health this process reports.
const NAMES: &[&str] = &["chatflow.presence.v1.PresenceService"];

/// Largest request in bytes: 10,000 beats with some twenty rooms each.
const MAX_REQUEST: usize = 16 * 1024 * 1024;

/// The process: its admin port and [`serve`].
///
/// # Errors
/// A port that can't be had.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), Fatal> {
    let health = Health::new();
    if let Some(port) = config.listen.admin_port {
        admin::serve(config.listen.bind, port, health.clone(), &shutdown)?;
    }
    serve(config, health, shutdown).await
}

/// Serves on the configured port until the shutdown begins and calls in flight have ended.
///
/// # Errors
/// A port that can't be had, a listener that fails.
pub async fn serve(config: Config, health: Health, shutdown: Shutdown) -> Result<(), Fatal> {
    let listener = admin::listen(config.listen.bind, config.listen.port)?;
    serve_on(listener, config, health, shutdown).await
}

/// [`serve`] on a listener that is open already.
///
/// # Errors
/// A listener that fails.
pub async fn serve_on(
    listener: TcpListener,
    config: Config,
    health: Health,
    shutdown: Shutdown,
) -> Result<(), Fatal> {
    let address = listener
        .local_addr()
        .map_err(|error| Fatal::unavailable(format!("can't listen: {error}")))?;
    let (store_name, broker_name) = (config.store.to_string(), config.broker.to_string());
    let store = config.store.open(config.lifetimes, &shutdown);
    let broker = config.broker.open(&shutdown);

    // Before the first of them is up: with one part up and the other not yet there, it would seem ready.
    let (store_part, broker_part) = (health.part("presence-store"), health.part("presence-broker"));
    let asked = store.clone();
    server::probe(store_part, &shutdown, move || {
        let store = asked.clone();
        async move { store.ping().await }
    });
    follow_broker(&broker, broker_part, &shutdown);

    let presence = Presence::new(store, broker, config.lifetimes, shutdown.clone());
    sweeper::start(presence.clone(), &shutdown);

    tracing::info!(%address, store = store_name, broker = broker_name, "presence service up");
    let mut routes = tonic::service::Routes::builder();
    routes.add_service(
        PresenceServiceServer::new(grpc::Rpc::new(presence)).max_decoding_message_size(MAX_REQUEST),
    );
    server::serve(listener, routes, NAMES, health, shutdown).await
}

/// Without the broker nobody hears of a change: another replica may still be heard. Not so where a server of a cluster is
/// gone: all replicas miss it alike, and with none of them ready everybody would go offline.
fn follow_broker(broker: &broker::Broker, part: Part, shutdown: &Shutdown) {
    let mut reachable = broker.reachable();
    shutdown.spawn_until_begun(async move {
        loop {
            if *reachable.borrow_and_update() {
                part.up();
            } else {
                part.down("not connected");
            }
            if reachable.changed().await.is_err() {
                return;
            }
        }
    });
}
