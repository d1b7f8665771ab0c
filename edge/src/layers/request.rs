//! The outermost layer: a request's id and deadline, its log line, its place in the metrics and its trace.

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
use runtime::{
    deadline, request_id,
    trace::{Span, SpanKind, key},
};
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
    let address = ClientAddress::of(&request, proxy_hops);
    request.extensions_mut().insert(address);
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map(|matched| Arc::from(matched.as_str()));
    let asked = Asked::by(&request, route);
    let traced = asked.span();

    let span = tracing::info_span!("http", request_id = %asked.id, trace_id = traced.trace_id());
    let work = traced.scope(deadline::within(DEADLINE, next.run(request)));
    let mut response = request_id::scope(Arc::clone(&asked.id), work)
        .instrument(span)
        .await;

    if let Ok(value) = HeaderValue::from_str(&asked.id) {
        response.headers_mut().insert(request_id::HEADER, value);
    }
    let status = response.status();
    let over = move |bytes| asked.record(status, bytes, &traced);
    response.map(|body| Body::new(Counted::new(body, over)))
}

/// What was asked, when, and by which id.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) id: Arc<str>,
    began: Instant,
    method: Method,
    path: String,
    route: Option<Arc<str>>,
}

impl Asked {
    /// What a request asks, now. `route` is the template of its path.
    pub(crate) fn by(request: &Request, route: Option<Arc<str>>) -> Self {
        let offered = request.headers().get(request_id::HEADER);
        Self {
            id: request_id::accept_or_make(offered.map(HeaderValue::as_bytes)),
            began: Instant::now(),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            route,
        }
    }

    /// The template, never the path: a path is the caller's and must not make new time series.
    fn route(&self) -> &str {
        self.route.as_deref().unwrap_or("none")
    }

    /// Nor may odd methods.
    fn method(&self) -> &str {
        let known = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PATCH,
            Method::DELETE,
            Method::PUT,
            Method::OPTIONS,
        ];
        if known.contains(&self.method) {
            self.method.as_str()
        } else {
            "other"
        }
    }

    /// The root of the request's trace, unless it is one of those that machines and pages send by the clock. A trace that
    /// the client names is not gone on with: whoever may write one header must not decide what is sampled.
    pub(crate) fn span(&self) -> Span {
        if !self.route.as_deref().is_some_and(is_traced) {
            return Span::default();
        }
        let span = Span::root_named(SpanKind::Server, || format!("{} {}", self.method(), self.route()));
        span.text("http.request.method", self.method());
        span.text("http.route", self.route());
        span.text(key::REQUEST_ID, &self.id);
        span
    }

    /// Its line in the log, its place in the metrics, and the end of its span.
    pub(crate) fn record(&self, status: StatusCode, bytes: u64, traced: &Span) {
        let took = self.began.elapsed();
        traced.number("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            traced.fail("the answer is an error of the server's");
        }
        let labels = [
            ("route", self.route().to_owned()),
            ("method", self.method().to_owned()),
            ("status", status.as_str().to_owned()),
        ];
        metrics::histogram!("chatflow_http_seconds", &labels).record(took.as_secs_f64());
        #[expect(
            clippy::cast_precision_loss,
            reason = "microseconds of a request are far below 2^52"
        )]
        let ms = took.as_micros() as f64 / 1000.0;
        let (method, path, request_id) = (&self.method, &self.path, &*self.id);
        let (status, trace_id) = (status.as_u16(), traced.trace_id());
        match loudness(path, status) {
            Loudness::Silent => {}
            Loudness::Debug => {
                tracing::debug!(target: "http", %method, path, status, ms, bytes, request_id, trace_id);
            }
            Loudness::Info => {
                tracing::info!(target: "http", %method, path, status, ms, bytes, request_id, trace_id);
            }
        }
    }
}

/// By the template: in a path, `health` and `docs` may be what somebody called a room.
fn is_traced(route: &str) -> bool {
    let called = route.starts_with("/api/") || route == "/ws" || route.starts_with("/ws/");
    let of_machines = route.ends_with("/health") || route.ends_with("/docs") || route.contains("/docs/");
    called && !of_machines
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

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn what_people_ask_for_is_traced_whatever_their_rooms_are_called() {
        let traced = async |route: MatchedPath| is_traced(route.as_str()).to_string();
        let routes = [
            "/api/chat/rooms/{room_id}/messages",
            "/api/presence/users/{user_id}",
            "/ws/{room_id}/{user_id}",
            "/ws",
            "/api/chat/health",
            "/api/chat/docs",
            "/api/chat/docs/{*rest}",
            "/readyz",
        ];
        let router = routes
            .iter()
            .fold(Router::new(), |router, route| router.route(route, get(traced)));
        for (path, expected) in [
            ("/api/chat/rooms/docs/messages", "true"),
            ("/api/chat/rooms/health/messages", "true"),
            ("/api/presence/users/health", "true"),
            ("/api/presence/users/docs", "true"),
            ("/ws/docs/health", "true"),
            ("/ws", "true"),
            ("/api/chat/health", "false"),
            ("/api/chat/docs", "false"),
            ("/api/chat/docs/index.css", "false"),
            ("/readyz", "false"),
        ] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            let body = axum::body::to_bytes(answer.into_body(), 64).await.unwrap();
            assert_eq!(body, expected, "{path}");
        }
    }
}
