//! Files: bytes in an object store under a UUID, metadata in a table.
//!
//! The object is written first and its row after: the row alone makes a file exist. What breaks off in between is taken
//! back at once, and what a killed process leaves is removed by the sweep.

mod config;
mod download;
mod error;
mod file;
mod grpc;
mod limits;
mod name;
pub mod objects;
mod sniff;
mod store;
mod sweep;
mod upload;

use std::sync::Arc;

use proto::files::files_service_server::SERVICE_NAME;
use runtime::{Fatal, Shutdown, admin, health::Health, server};
use tokio::net::TcpListener;
use tonic::service::RoutesBuilder;

pub use config::{Config, Settings};
pub use limits::Limits;

use crate::{
    download::Downloads,
    grpc::Grpc,
    store::{FileStore, SqlFiles},
    sweep::Sweep,
    upload::Uploads,
};

const NAMES: &[&str] = &[SERVICE_NAME];

/// Runs the service with an admin port of its own until the shutdown has drained it.
///
/// # Errors
/// Where a port is taken, or the embedded store's folder can't be made.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), Fatal> {
    let health = Health::new();
    if let Some(port) = config.listen.admin_port {
        admin::serve(config.listen.bind, port, health.clone(), &shutdown)?;
    }
    serve(config, health, shutdown).await
}

/// Runs the service inside a process whose health is `health` until the shutdown has drained it.
///
/// # Errors
/// As [`run`].
pub async fn serve(config: Config, health: Health, shutdown: Shutdown) -> Result<(), Fatal> {
    let listener = admin::listen(config.listen.bind, config.listen.port)?;
    serve_on(listener, config, health, shutdown).await
}

/// As [`serve`], on a socket that listens already.
///
/// # Errors
/// As [`run`].
pub async fn serve_on(
    listener: TcpListener,
    config: Config,
    health: Health,
    shutdown: Shutdown,
) -> Result<(), Fatal> {
    let files = SqlFiles::open(&config.database)
        .map_err(|error| Fatal::unavailable(format!("the files database can't be opened: {error}")))?;
    let objects = objects::open(&config.objects)
        .map_err(|error| Fatal::unavailable(format!("{}: {error}", config.objects)))?;

    // Before the first of them is up: with one part up and the other not yet there, it would seem ready.
    let (files_part, objects_part) = (health.part("files-store"), health.part("files-objects"));
    files.bring_up(files_part, &shutdown).await;
    let checked = Arc::clone(&objects);
    server::probe(objects_part, &shutdown, move || {
        let objects = Arc::clone(&checked);
        async move { objects.check().await }
    });

    let files: Arc<dyn FileStore> = Arc::new(files);
    let limits = config.limits;
    Sweep::new(&files, &objects, limits).start(&shutdown);
    let service = Grpc {
        uploads: Uploads::new(&files, &objects, limits, &shutdown),
        downloads: Downloads::new(&files, &objects, limits, &shutdown),
        files,
        limits,
        shutdown: shutdown.clone(),
    };
    let mut routes = RoutesBuilder::default();
    grpc::add(service, &mut routes);

    let address = listener.local_addr().map(|address| address.to_string());
    tracing::info!(
        address = address.unwrap_or_default(),
        store = %config.database,
        objects = %config.objects,
        "files service up"
    );
    server::serve(listener, routes, NAMES, health, shutdown).await
}
