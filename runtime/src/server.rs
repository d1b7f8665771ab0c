//! The gRPC server stack: health, reflection, request ids, deadlines, limits, metrics, log lines, drain.

mod layer;
mod store_probe;

use std::{net::SocketAddr, time::Duration};

use tokio::net::TcpListener;
use tonic::{service::Routes, transport::server::TcpIncoming};
use tower::ServiceBuilder;

use crate::{Fatal, Shutdown, health::Health};

pub use layer::{RpcLayer, RpcService};
pub use store_probe::probe;

/// Requests that one process works on at once; more are answered `RESOURCE_EXHAUSTED`.
const MAX_IN_FLIGHT: usize = 4096;

/// Requests on one connection at once.
const MAX_STREAMS: u32 = 2048;

/// Connections end after this time, so that new replicas get their share.
const MAX_CONNECTION_AGE: Duration = Duration::from_mins(5);

/// How long `NOT_SERVING` is told before connections are closed, so that clients look elsewhere.
const GOODBYE: Duration = Duration::from_millis(300);

/// How long after the shutdown has begun calls in flight may go on: a caller that takes nothing of its answer would keep
/// the process for ever.
const CALLS_END: Duration = Duration::from_secs(3);

/// Serves `services` with health and reflection until the shutdown begins and calls in flight have ended, or had their time.
///
/// `names` are the full names of the services (`chatflow.chat.v1.ChatService`), whose health follows `health`.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(
    listener: TcpListener,
    mut services: tonic::service::RoutesBuilder,
    names: &'static [&'static str],
    health: Health,
    shutdown: Shutdown,
) -> Result<(), Fatal> {
    let address: Option<SocketAddr> = listener.local_addr().ok();
    let (reporter, health_service) = tonic_health::server::health_reporter();
    services.add_service(health_service);
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // What refusals carry: without it a stranger sees base64.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health")
    };
    let named = |builder: tonic_reflection::server::Builder<'static>| {
        names
            .iter()
            .fold(builder, |builder, name| builder.with_service_name(*name))
    };
    let unfit = |error: tonic_reflection::server::Error| Fatal::software(format!("reflection: {error}"));
    services.add_service(named(reflection()).build_v1().map_err(unfit)?);
    services.add_service(named(reflection()).build_v1alpha().map_err(unfit)?);

    follow_health(reporter, names, &health, &shutdown);

    let routes: Routes = services.routes();
    let drained = {
        let shutdown = shutdown.clone();
        async move {
            shutdown.begun().await;
            tokio::time::sleep(GOODBYE).await;
        }
    };
    let given_up = async move {
        shutdown.begun().await;
        tokio::select! {
            () = tokio::time::sleep(CALLS_END) => {}
            () = shutdown.time_is_up() => {}
        }
    };
    // Set here, because the server's own setting does not reach a listener that is open already: without it, an answer
    // may wait some 40 ms for the acknowledgement of the one before.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tracing::debug!(?address, "gRPC up");
    let served = tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .max_concurrent_streams(MAX_STREAMS)
        .max_connection_age(MAX_CONNECTION_AGE)
        .layer(ServiceBuilder::new().layer(RpcLayer::new(MAX_IN_FLIGHT)))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, drained);
    tokio::select! {
        served = served => {
            served.map_err(|error| Fatal::unavailable(format!("the gRPC server failed: {error}")))
        }
        () = given_up => {
            tracing::warn!("calls that did not end in time are cut off");
            Ok(())
        }
    }
}

fn follow_health(
    reporter: tonic_health::server::HealthReporter,
    names: &'static [&'static str],
    health: &Health,
    shutdown: &Shutdown,
) {
    let mut ready = health.watch();
    let begun = shutdown.clone();
    shutdown.spawn(async move {
        loop {
            let serving = *ready.borrow_and_update() && !begun.has_begun();
            let status = if serving {
                tonic_health::ServingStatus::Serving
            } else {
                tonic_health::ServingStatus::NotServing
            };
            for name in names.iter().copied().chain([""]) {
                reporter.set_service_status(name, status).await;
            }
            if begun.has_begun() {
                return;
            }
            tokio::select! {
                changed = ready.changed() => if changed.is_err() { return },
                () = begun.begun() => {}
            }
        }
    });
}
