//! Tracing in this process as a whole: begun, used by every span, flushed at the end.

use std::{sync::OnceLock, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{RetryPolicy, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::{
    Resource,
    resource::{EnvResourceDetector, TelemetryResourceDetector},
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};
use tonic::transport::Endpoint;

use super::{queue::Queue, settings::Traces};
use crate::{client::ServiceUrl, process::Fatal, settings::given};

/// How long connecting to the collector may take, and a call.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(2);

/// When to ask, during a call, whether a silent collector is there still, and how long to wait for that answer: a
/// connection whose other end is gone without a word must not be kept. Between calls nothing is asked: servers in Go,
/// such as the collector, hang up on a client that does.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(2);

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
    ///
    /// # Errors
    /// Where the exporter can't be used as the environment wants it.
    pub fn start(self, program: &str, version: &str) -> Result<(), Fatal> {
        let Some(endpoint) = self.endpoint else {
            return Ok(());
        };
        let exporter = exporter(&endpoint)
            .map_err(|error| Fatal::usage(format!("traces can't be told (OTEL_EXPORTER_OTLP_…): {error}")))?;
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
                self.ratio,
            ))))
            .with_resource(resource(program, version))
            .with_span_processor(Queue::new(exporter))
            .build();
        install(provider);
        tracing::info!(collector = %endpoint, ratio = self.ratio, "traces are told");
        Ok(())
    }
}

fn exporter(endpoint: &ServiceUrl) -> Result<opentelemetry_otlp::SpanExporter, Box<dyn std::error::Error>> {
    // A channel of our own: the exporter's waits for a connection without an end.
    let channel = Endpoint::from_shared(endpoint.to_string())?
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
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

/// What tells this process from others; what `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` say
/// counts more.
fn resource(program: &str, version: &str) -> Resource {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname");
    // In containers each process has the same number, and a host name of its own.
    let host = host.map_or_else(
        |_| uuid::Uuid::now_v7().to_string(),
        |host| host.trim().to_owned(),
    );
    let instance = format!("{host}-{}", std::process::id());
    let ours = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_service_name(program.to_owned())
        .with_attributes([
            KeyValue::new("service.namespace", "chatflow"),
            KeyValue::new("service.version", version.to_owned()),
            KeyValue::new("service.instance.id", instance),
            KeyValue::new("host.name", host),
        ])
        .with_detector(Box::new(EnvResourceDetector::new()));
    let name = std::env::var("OTEL_SERVICE_NAME").ok();
    match given(name.as_deref()) {
        Some(name) => ours.with_service_name(name.to_owned()).build(),
        None => ours.build(),
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::trace::SpanExporter as _;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_collector_that_is_gone_without_a_word_is_connected_to_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let exporter = exporter(&ServiceUrl::new("127.0.0.1", port)).unwrap();
        let sending = tokio::spawn(async move { while exporter.export(Vec::new()).await.is_err() {} });
        // Neither ever says a word.
        let (first, _) = listener.accept().await.unwrap();
        let second = tokio::time::timeout(Duration::from_secs(20), listener.accept()).await;
        second.expect("the first connection is given up").unwrap();
        drop(first);
        sending.abort();
    }
}
