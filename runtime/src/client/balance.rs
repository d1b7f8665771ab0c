//! A channel over all live replicas of a service: the less loaded of two drawn at random gets the call.

use std::{
    future::Future,
    hash::{BuildHasher as _, RandomState},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use http::{HeaderValue, Request, Response};
use tokio::sync::{Notify, watch};
use tonic::{Status, body::Body};
use tower::{Service, ServiceExt as _};

use crate::{deadline, request_id, trace, trace::Span};

/// How long a call waits for a first live replica before it is told that there is none.
const PATIENCE: Duration = Duration::from_millis(500);

/// Calls that may wait for a live replica at once; more are refused at once.
const MAX_WAITING: usize = 1024;

/// One replica.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) address: SocketAddr,
    pub(super) channel: tonic::transport::Channel,
    in_flight: Arc<AtomicUsize>,
    serves: Arc<AtomicBool>,
    failed: Arc<AtomicBool>,
}

impl Member {
    pub(super) fn new(address: SocketAddr, channel: tonic::transport::Channel) -> Self {
        Self {
            address,
            channel,
            in_flight: Arc::default(),
            serves: Arc::default(),
            failed: Arc::default(),
        }
    }

    /// What its watcher last found.
    pub(super) fn serves(&self) -> bool {
        self.serves.load(Ordering::Relaxed)
    }

    /// What its watcher finds; `changed` hears of a change.
    pub(super) fn set_serves(&self, serves: bool, changed: &Notify) {
        self.failed.store(false, Ordering::Relaxed);
        if self.serves.swap(serves, Ordering::Relaxed) != serves {
            changed.notify_one();
        }
    }
}

/// The live replicas, as discovery last saw them.
pub(super) type Members = watch::Sender<Arc<[Member]>>;

/// Calls a service's replicas. Cheap to clone. Each call carries the request id and a deadline (its own, set by
/// `Request::set_timeout`, else what [`deadline::remaining`] says), and fails with `DEADLINE_EXCEEDED` when it is over.
#[derive(Debug, Clone)]
pub struct Channel {
    name: &'static str,
    members: Members,
    draws: Arc<AtomicU64>,
    waiting: Arc<AtomicUsize>,
}

impl Channel {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            members: watch::Sender::new(Arc::from([])),
            draws: Arc::new(AtomicU64::new(RandomState::new().hash_one(name))),
            waiting: Arc::default(),
        }
    }

    pub(super) fn members(&self) -> Members {
        self.members.clone()
    }

    /// How many replicas are live.
    pub fn live(&self) -> usize {
        self.members.borrow().len()
    }

    /// Resolves when at least one replica is live.
    pub async fn ready(&self) {
        let mut seen = self.members.subscribe();
        let _ = seen.wait_for(|members| !members.is_empty()).await;
    }

    fn choose(&self, live: &[Member]) -> Option<Member> {
        let draw = || {
            let n = self.draws.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            let mixed = (n ^ (n >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
            let len = u64::try_from(live.len()).unwrap_or(1).max(1);
            usize::try_from((mixed >> 33) % len).unwrap_or(0)
        };
        let healthy = |member: &&Member| !member.failed.load(Ordering::Relaxed);
        let (one, other) = (live.get(draw())?, live.get(draw())?);
        let load = |member: &Member| member.in_flight.load(Ordering::Relaxed);
        let best = if load(one) <= load(other) { one } else { other };
        [best, one, other]
            .into_iter()
            .find(healthy)
            .or_else(|| live.iter().find(healthy))
            .or(Some(best))
            .cloned()
    }

    async fn pick(&self, limit: Duration) -> Result<Member, Status> {
        let live = Arc::clone(&self.members.borrow());
        if let Some(member) = self.choose(&live) {
            return Ok(member);
        }
        let none = || Status::unavailable(format!("{} can't be reached", self.name));
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(none());
        }
        let _ = tokio::time::timeout(limit.min(PATIENCE), self.ready()).await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let live = Arc::clone(&self.members.borrow());
        self.choose(&live).ok_or_else(none)
    }

    async fn send(self, mut request: Request<Body>) -> Result<Response<Body>, Status> {
        let traced = trace::rpc::client(&mut request);
        let result = self.call_one(request, &traced.span).await;
        if traced.span.is_recording() {
            traced.was_answered(code_of(&result));
        }
        result
    }

    async fn call_one(&self, mut request: Request<Body>, span: &Span) -> Result<Response<Body>, Status> {
        let began = Instant::now();
        let asked = request
            .headers()
            .get("grpc-timeout")
            .and_then(|v| v.to_str().ok())
            .and_then(deadline::from_header);
        let limit = asked.unwrap_or_else(deadline::remaining);
        let member = self.pick(limit).await?;
        if span.is_recording() {
            span.text("network.peer.address", &member.address.ip().to_string());
            span.number("network.peer.port", member.address.port());
        }
        let left = limit.saturating_sub(began.elapsed());
        if let Ok(value) = HeaderValue::from_str(&deadline::to_header(left)) {
            request.headers_mut().insert("grpc-timeout", value);
        }
        if let Some(id) = request_id::current().and_then(|id| HeaderValue::from_str(&id).ok()) {
            request.headers_mut().insert(request_id::HEADER, id);
        }
        let (service, method) = names(request.uri().path());
        let answer = {
            let _load = Load::on(&member);
            let mut channel = member.channel.clone();
            let call = async {
                let ready = channel.ready().await?;
                ready.call(request).await
            };
            tokio::time::timeout(left, call).await
        };
        let result = match answer {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                // Only a broken connection says something about the replica; a status says something about the call.
                member.failed.store(true, Ordering::Relaxed);
                tracing::debug!(service = self.name, replica = %member.address, %error, "call did not get through");
                Err(Status::unavailable(format!("{} can't be reached", self.name)))
            }
            Err(_) => Err(Status::deadline_exceeded(format!(
                "{} did not answer in time",
                self.name
            ))),
        };
        let code = code_of(&result);
        let labels = [
            ("service", service),
            ("method", method),
            ("code", format!("{code:?}")),
        ];
        metrics::histogram!("chatflow_grpc_client_seconds", &labels).record(began.elapsed().as_secs_f64());
        result
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

/// A status that comes behind the body is not known yet.
fn code_of(result: &Result<Response<Body>, Status>) -> tonic::Code {
    match result {
        Ok(response) => {
            Status::from_header_map(response.headers()).map_or(tonic::Code::Ok, |status| status.code())
        }
        Err(status) => status.code(),
    }
}

fn names(path: &str) -> (String, String) {
    let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
    (service.to_owned(), method.to_owned())
}

/// A call under way at a member, until it is dropped.
struct Load(Arc<AtomicUsize>);

impl Load {
    fn on(member: &Member) -> Self {
        member.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&member.in_flight))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
