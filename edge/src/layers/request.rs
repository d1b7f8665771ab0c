//! The outermost layer: a request's id and deadline, its log line and its place in the metrics.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode},
    middleware::Next,
    response::Response,
};
use runtime::{deadline, request_id};
use tracing::Instrument as _;

use super::{address::ClientAddress, bodies::Counted};

/// What the calls behind one request may take in all. Uploads and downloads set their own.
const DEADLINE: Duration = Duration::from_secs(10);

/// How loud a request's log line is.
#[derive(Debug, Clone, Copy)]
enum Loudness {
    /// Asked by machines, every few seconds.
    Silent,
    /// The UI's and the documentation's files.
    Debug,
    Info,
}

/// Runs a request; `proxy_hops` as in [`ClientAddress::of`].
pub async fn handle(State(proxy_hops): State<usize>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let offered = request.headers().get(request_id::HEADER);
    let id = request_id::accept_or_make(offered.map(HeaderValue::as_bytes));
    let address = ClientAddress::of(&request, proxy_hops);
    request.extensions_mut().insert(address);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().cloned();

    let span = tracing::info_span!("http", request_id = %id);
    let work = deadline::within(DEADLINE, next.run(request));
    let mut response = request_id::scope(Arc::clone(&id), work).instrument(span).await;

    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(request_id::HEADER, value);
    }
    let status = response.status();
    let over = move |bytes| {
        record(
            &id,
            &method,
            &path,
            route.as_ref(),
            status,
            began.elapsed(),
            bytes,
        );
    };
    response.map(|body| Body::new(Counted::new(body, over)))
}

fn record(
    id: &str,
    method: &Method,
    path: &str,
    route: Option<&MatchedPath>,
    status: StatusCode,
    took: Duration,
    bytes: u64,
) {
    // The template, never the path: a path is the caller's and must not make new time series. Nor may odd methods.
    let route = route.map_or("none", MatchedPath::as_str);
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PATCH,
        Method::DELETE,
        Method::PUT,
        Method::OPTIONS,
    ];
    let label = if known.contains(method) {
        method.to_string()
    } else {
        "other".to_owned()
    };
    let labels = [
        ("route", route.to_owned()),
        ("method", label),
        ("status", status.as_str().to_owned()),
    ];
    metrics::histogram!("chatflow_http_seconds", &labels).record(took.as_secs_f64());
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds of a request are far below 2^52"
    )]
    let ms = took.as_micros() as f64 / 1000.0;
    let status = status.as_u16();
    match loudness(path, status) {
        Loudness::Silent => {}
        Loudness::Debug => tracing::debug!(target: "http", %method, path, status, ms, bytes, request_id = id),
        Loudness::Info => tracing::info!(target: "http", %method, path, status, ms, bytes, request_id = id),
    }
}

fn loudness(path: &str, status: u16) -> Loudness {
    let ours = ["/livez", "/readyz", "/metrics"];
    let called = path.starts_with("/api/") || path == "/ws" || path.starts_with("/ws/");
    if ours.contains(&path) {
        Loudness::Silent
    } else if (called && !path.contains("/docs/")) || status >= 500 {
        Loudness::Info
    } else {
        Loudness::Debug
    }
}
