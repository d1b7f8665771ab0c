//! An OpenTelemetry collector that keeps what it is told of traces.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

use crate::ports;

/// A span as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The program (`service.name`).
    pub service: String,
    /// Which of its processes (`service.instance.id`).
    pub instance: String,
    /// Which trace.
    pub trace_id: String,
    /// Unique in its trace.
    pub id: String,
    /// The span that it is below; empty at the root.
    pub parent_id: String,
    /// What it is.
    pub name: String,
    /// What is known of it.
    pub attributes: BTreeMap<String, String>,
    /// The names of its moments.
    pub events: Vec<String>,
    /// Whether it failed.
    pub failed: bool,
    /// When it began and ended, in nanoseconds.
    pub time: (u64, u64),
}

/// A collector on a port of its own, OTLP over gRPC. What it was told survives [`Self::stop`].
pub struct Collector {
    at: Ipv4Addr,
    port: u16,
    spans: Spans,
    serving: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Span>>>);

impl Collector {
    /// Starts it on loopback.
    pub async fn start_new() -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST).await
    }

    /// Starts it on an address of this machine, such as the one that containers reach.
    pub async fn start_at(at: Ipv4Addr) -> Self {
        let mut collector = Self {
            at,
            port: ports::free(),
            spans: Spans::default(),
            serving: None,
        };
        collector.start().await;
        collector
    }

    /// Starts it again on the same port.
    pub async fn start(&mut self) {
        let listener = TcpListener::bind(self.address())
            .await
            .expect("the collector's port");
        let (stop, stopped) = oneshot::channel();
        let serving = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(self.spans.clone()))
            .serve_with_incoming_shutdown(TcpIncoming::from(listener), async {
                // A collector that was dropped stops too.
                let _ = stopped.await;
            });
        let task = tokio::spawn(async { serving.await.expect("the collector serves") });
        self.serving = Some((stop, task));
    }

    /// Stops it; its connections are closed.
    pub async fn stop(&mut self) {
        if let Some((stop, task)) = self.serving.take() {
            let _ = stop.send(());
            task.await.expect("the collector stops");
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (self.at, self.port).into()
    }

    /// Its address as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.guard().clone()
    }

    /// Those of one trace.
    pub fn trace(&self, trace_id: &str) -> Vec<Span> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace_id == trace_id);
        spans
    }
}

impl Spans {
    fn guard(&self) -> MutexGuard<'_, Vec<Span>> {
        self.0.lock().expect("no thread panics while it holds the spans")
    }
}

#[tonic::async_trait]
impl TraceService for Spans {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut told = Vec::new();
        for of_process in request.into_inner().resource_spans {
            let process = attributes(of_process.resource.map(|it| it.attributes).unwrap_or_default());
            let spans = of_process.scope_spans.into_iter().flat_map(|scope| scope.spans);
            told.extend(spans.map(|span| read(span, &process)));
        }
        self.guard().extend(told);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn read(span: v1::Span, process: &BTreeMap<String, String>) -> Span {
    let of_process = |key: &str| process.get(key).cloned().unwrap_or_default();
    let failed = span
        .status
        .is_some_and(|status| status.code() == v1::status::StatusCode::Error);
    Span {
        service: of_process("service.name"),
        instance: of_process("service.instance.id"),
        trace_id: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent_id: hex(&span.parent_span_id),
        name: span.name,
        attributes: attributes(span.attributes),
        events: span.events.into_iter().map(|event| event.name).collect(),
        failed,
        time: (span.start_time_unix_nano, span.end_time_unix_nano),
    }
}

fn attributes(told: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    told.into_iter().map(|kv| (kv.key, text(kv.value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
