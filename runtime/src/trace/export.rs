//! Tracing in this process as a whole: begun, used by every span, flushed at the end.

use std::{sync::OnceLock, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{RetryPolicy, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};
use tonic::transport::Endpoint;

use super::{queue::Queue, settings::Traces};

/// How long connecting to the collector may take, and a call.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(2);

struct Tracing {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
}

static TRACING: OnceLock<Tracing> = OnceLock::new();

/// Whether this process tells of traces.
pub fn is_on() -> bool {
    tracer().is_some()
}

pub(super) fn tracer() -> Option<&'static SdkTracer> {
    TRACING.get().map(|tracing| &tracing.tracer)
}

pub(super) fn install(provider: SdkTracerProvider) {
    let tracer = provider.tracer("chatflow");
    // A second one in this process changes nothing.
    let _ = TRACING.set(Tracing { tracer, provider });
}

/// Sends what waits, for so long at most, and ends tracing. Blocks this thread.
pub fn flush(limit: Duration) {
    if let Some(tracing) = TRACING.get()
        && let Err(error) = tracing.provider.shutdown_with_timeout(limit)
    {
        tracing::debug!(%error, "the last spans were not sent");
    }
}

impl Traces {
    /// Begins to tell of traces, if that is wished, under the name and version of a program. Needs the runtime that
    /// it is called on.
    pub fn start(self, program: &str, version: &str) {
        let Some(endpoint) = self.endpoint else {
            return;
        };
        match exporter(&endpoint) {
            Ok(exporter) => {
                let provider = SdkTracerProvider::builder()
                    .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
                        self.ratio,
                    ))))
                    .with_resource(resource(program, version))
                    .with_span_processor(Queue::new(exporter))
                    .build();
                install(provider);
                tracing::info!(collector = endpoint, ratio = self.ratio, "traces are told");
            }
            Err(error) => tracing::error!(%error, "traces can't be told"),
        }
    }
}

fn exporter(endpoint: &str) -> Result<opentelemetry_otlp::SpanExporter, Box<dyn std::error::Error>> {
    // A channel of our own: the exporter's waits for a connection without an end.
    let channel = Endpoint::from_shared(endpoint.to_owned())?
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .connect_lazy();
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_channel(channel)
        .with_timeout(TIMEOUT)
        // What comes next is as good as what was lost.
        .with_retry_policy(RetryPolicy::disabled())
        .build()?;
    Ok(exporter)
}

/// What tells this process from others.
fn resource(program: &str, version: &str) -> Resource {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname");
    // In containers each process has the same number, and a host name of its own.
    let host = host.map_or_else(
        |_| uuid::Uuid::now_v7().to_string(),
        |host| host.trim().to_owned(),
    );
    let instance = format!("{host}-{}", std::process::id());
    Resource::builder()
        .with_service_name(program.to_owned())
        .with_attributes([
            KeyValue::new("service.namespace", "chatflow"),
            KeyValue::new("service.version", version.to_owned()),
            KeyValue::new("service.instance.id", instance),
            KeyValue::new("host.name", host),
        ])
        .build()
}
