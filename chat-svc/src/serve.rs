//! The service's life: open the store and the broker, start what runs beside the calls, serve, drain.

use std::sync::Arc;

use broker::Source;
use proto::chat::{chat_service_server, identity_service_server};
use runtime::{Fatal, Shutdown, admin, client, health::Health, server};
use sql::{DatabaseUrl, Db};
use tokio::{net::TcpListener, sync::Notify};
use tonic::service::{Routes, RoutesBuilder};

use crate::{
    clock::Clock,
    config::Config,
    gauges,
    grpc::{chat::Chat, identity::Identity},
    identity::{self, Identities},
    log::appender::{Appender, Parts, Publisher},
    outbox::relay::{self, Relay},
    store::{MIGRATIONS, Replicas, SqlStore},
};

/// The services whose health and reflection are told.
const NAMES: &[&str] = &[
    chat_service_server::SERVICE_NAME,
    identity_service_server::SERVICE_NAME,
];

/// Connections to PostgreSQL, or readers of SQLite.
const CONNECTIONS: usize = 12;

/// Committers at PostgreSQL: rooms of different ones do not wait for each other. More of them make more and smaller batches
/// of the same sends, each of which costs a flush of the log; with fewer, the processor waits for flushes. SQLite has one
/// writer.
const COMMITTERS: usize = 3;

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
    let db = Db::open(&config.database, "chat-svc", CONNECTIONS)
        .map_err(|error| Fatal::unavailable(format!("DATABASE_URL: {error}")))?;
    let replicas = Replicas::open(&config.replicas, "chat-svc", CONNECTIONS, &shutdown)
        .map_err(|error| Fatal::unavailable(format!("DATABASE_READ_URL: {error}")))?;
    sql::bring_up(&db, &MIGRATIONS, health.part("chat-store"), &shutdown).await;
    tracing::info!(
        address = %listener.local_addr().unwrap_or(config.listen.address()),
        store = %config.database,
        replicas = config.replicas.len(),
        broker = broker_place(&config.broker),
        "chat-svc up"
    );
    let routes = services(config, SqlStore::new(db).with_replicas(replicas), &shutdown);
    server::serve(listener, routes, NAMES, health, shutdown).await
}

/// Both services, and what runs beside them.
fn services(config: Config, store: SqlStore, shutdown: &Shutdown) -> RoutesBuilder {
    let clock = Clock::system();
    let broker = config.broker.open(shutdown);
    gauges::follow_broker(&broker, shutdown);
    let publisher = Publisher::start(broker, shutdown);
    let mentioned = Arc::new(Notify::new());
    let parts = Parts {
        store: store.clone(),
        clock: clock.clone(),
        publisher: publisher.clone(),
        mentioned: Arc::clone(&mentioned),
    };
    let committers = match config.database {
        DatabaseUrl::Sqlite(_) => 1,
        DatabaseUrl::Postgres(_) => COMMITTERS,
    };
    let appender = Appender::start(&parts, committers, shutdown);
    if let Some(url) = &config.notify {
        let relay = Relay {
            store: store.clone(),
            clock: clock.clone(),
            notify: client::connect("notify-svc", url, shutdown),
            mentioned,
        };
        relay::start(relay, shutdown);
    }
    gauges::follow_outbox(store.clone(), shutdown);
    identity::sweep(store.clone(), clock.clone(), shutdown);
    let identities = Identities::new(store.clone(), clock.clone());
    let mut routes = Routes::builder();
    routes
        .add_service(chat_service_server::ChatServiceServer::new(Chat {
            store,
            appender,
            publisher,
            clock,
            tasks: shutdown.clone(),
        }))
        .add_service(identity_service_server::IdentityServiceServer::new(Identity {
            identities,
        }));
    routes
}

fn broker_place(broker: &Source) -> String {
    match broker {
        Source::Redis(url) => url.to_string(),
        Source::Cluster(url) => url.to_string(),
        Source::Shared(_) => "in process".to_owned(),
    }
}
