//! The service's life: open the store and the broker, serve, drain.

use std::sync::Arc;

use broker::Source;
use proto::notify::notify_service_server::SERVICE_NAME;
use runtime::{Fatal, Shutdown, admin, health::Health, server};
use tokio::net::TcpListener;

use crate::{Config, Notifications, grpc, retention, store};

/// The services whose health and reflection are told.
const NAMES: &[&str] = &[SERVICE_NAME];

/// The whole process: the admin port and the service.
///
/// # Errors
/// A port that is taken, a store that can't be made.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), Fatal> {
    let health = Health::new();
    if let Some(port) = config.listen.admin_port {
        admin::serve(config.listen.bind, port, health.clone(), &shutdown)?;
    }
    serve(config, health, shutdown).await
}

/// The service alone, its store a part of `health`, until the shutdown begins and calls in flight have ended.
///
/// # Errors
/// A port that is taken, a store that can't be made.
pub async fn serve(config: Config, health: Health, shutdown: Shutdown) -> Result<(), Fatal> {
    let listener = admin::listen(config.listen.bind, config.listen.port)?;
    serve_on(listener, config, health, shutdown).await
}

/// [`serve`] on a port that is open already.
///
/// # Errors
/// A store that can't be made.
pub async fn serve_on(
    listener: TcpListener,
    config: Config,
    health: Health,
    shutdown: Shutdown,
) -> Result<(), Fatal> {
    let address = listener.local_addr().unwrap_or(config.listen.address());
    let broker_place = match &config.broker {
        Source::Redis(url) => url.to_string(),
        Source::Cluster(url) => url.to_string(),
        Source::Shared(_) => "in process".to_owned(),
    };
    let store = store::open(&config.database, health.part("notify-store"), &shutdown)
        .await
        .map_err(|error| Fatal::unavailable(error.to_string()))?;
    let notifications = Arc::new(Notifications::new(
        Arc::clone(&store),
        config.broker.open(&shutdown),
        shutdown.clone(),
    ));
    retention::sweep_until_shutdown(store, notifications.touched(), &shutdown);
    tracing::info!(
        %address,
        store = %config.database,
        broker = broker_place,
        "notify-svc up"
    );
    server::serve(listener, grpc::routes(notifications), NAMES, health, shutdown).await
}
