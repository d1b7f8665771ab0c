//! What happens around every RPC: its id, its deadline, its place in the queue, its metrics, its log line, its span.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use http::{Request, Response};
use tokio::sync::Semaphore;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};
use tracing::Instrument as _;

use crate::{
    deadline, request_id,
    trace::{self, key},
};

/// So much earlier than the caller do we give up, so that our answer still reaches it.
const WAY_BACK: Duration = Duration::from_millis(2);

/// Wraps a server's routes.
#[derive(Debug, Clone)]
pub struct RpcLayer {
    places: Arc<Semaphore>,
}

impl RpcLayer {
    /// With so many calls at once; more are shed.
    pub fn new(max_in_flight: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(max_in_flight)),
        }
    }
}

impl<S> Layer<S> for RpcLayer {
    type Service = RpcService<S>;
    fn layer(&self, inner: S) -> Self::Service {
        RpcService {
            inner,
            places: Arc::clone(&self.places),
        }
    }
}

/// See [`RpcLayer`].
#[derive(Debug, Clone)]
pub struct RpcService<S> {
    inner: S,
    places: Arc<Semaphore>,
}

impl<S> Service<Request<Body>> for RpcService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let method = Method::of(request.uri().path());
        if method.housekeeping {
            return Box::pin(inner.call(request));
        }
        let place = Arc::clone(&self.places).try_acquire_owned();
        let header = |name: &str| request.headers().get(name);
        let id = request_id::accept_or_make(header(request_id::HEADER).map(http::HeaderValue::as_bytes));
        let limit = header("grpc-timeout")
            .and_then(|v| v.to_str().ok())
            .and_then(deadline::from_header);
        let limit = limit.map(|limit| limit.saturating_sub(WAY_BACK));
        let traced = trace::rpc::server(&request);
        traced.span.text(key::REQUEST_ID, &id);
        let trace_id = traced.span.trace_id();
        let span = tracing::info_span!("rpc", request_id = %id, trace_id);
        Box::pin(
            async move {
                let began = Instant::now();
                let response = match place {
                    Err(_) => {
                        Status::resource_exhausted("too many calls at once: try again soon").into_http()
                    }
                    Ok(_place) => {
                        let call = request_id::scope(id, traced.span.scope(inner.call(request)));
                        match limit {
                            None => call.await?,
                            Some(limit) => {
                                match tokio::time::timeout(limit, deadline::within(limit, call)).await {
                                    Ok(response) => response?,
                                    Err(_) => {
                                        Status::deadline_exceeded("no result within the deadline").into_http()
                                    }
                                }
                            }
                        }
                    }
                };
                method.record(&response, began.elapsed(), traced);
                Ok(response)
            }
            .instrument(span),
        )
    }
}

/// The RPC's names, and how loud its log line is.
struct Method {
    service: String,
    name: String,
    housekeeping: bool,
}

impl Method {
    fn of(path: &str) -> Self {
        let (service, name) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
        let housekeeping = service.starts_with("grpc.");
        Self {
            service: service.to_owned(),
            name: name.to_owned(),
            housekeeping,
        }
    }

    fn record(&self, response: &Response<Body>, took: Duration, traced: trace::rpc::Call) {
        // An error answer has its status among the headers; otherwise it comes behind the body.
        let code = Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code());
        traced.answers(code);
        let labels = if code == Code::Unimplemented {
            // The path is the caller's: it must not make new time series.
            [
                ("service", "unknown".to_owned()),
                ("method", "unknown".to_owned()),
                ("code", format!("{code:?}")),
            ]
        } else {
            [
                ("service", self.service.clone()),
                ("method", self.name.clone()),
                ("code", format!("{code:?}")),
            ]
        };
        metrics::histogram!("chatflow_grpc_server_seconds", &labels).record(took.as_secs_f64());
        #[expect(
            clippy::cast_precision_loss,
            reason = "microseconds of a call are far below 2^52"
        )]
        let ms = took.as_micros() as f64 / 1000.0;
        let (service, method) = (&self.service, &self.name);
        match code {
            Code::Internal | Code::Unknown | Code::DataLoss => {
                tracing::error!(target: "rpc", service, method, ?code, ms, "call failed");
            }
            Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted => {
                tracing::warn!(target: "rpc", service, method, ?code, ms, "call failed");
            }
            // Beats and head comparisons come by the clock, sends by the thousand: they are in the metrics.
            Code::Ok
                if matches!(
                    method.as_str(),
                    "HeartbeatMany"
                        | "Heads"
                        | "SendMessage"
                        | "SendMessages"
                        | "Authenticate"
                        | "IsOwned"
                        | "ChangesSince"
                        | "ChangesOfRooms"
                        | "Identify"
                        | "StartTyping"
                        | "StopTyping"
                        | "MarkRead"
                ) =>
            {
                tracing::debug!(target: "rpc", service, method, ?code, ms, "call");
            }
            _ => tracing::info!(target: "rpc", service, method, ?code, ms, "call"),
        }
    }
}
