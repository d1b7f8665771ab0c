//! Spans on their way to the collector: in batches, from a bounded queue, in nobody's way. A collector that is gone, or
//! slow, costs spans, which are counted, and one line in the log.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor},
};

/// Spans that may wait; more are dropped.
const WAITING_MAX: usize = 8192;

/// Spans in one call to the collector.
const BATCH: usize = 512;

/// How long a span waits for others.
const EVERY: Duration = Duration::from_secs(1);

/// The queue. It has its bound here, as the batches' own does not tell what it drops.
#[derive(Debug)]
pub(super) struct Queue {
    batches: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
    most: usize,
}

impl Queue {
    /// Starts the thread that sends.
    pub(super) fn new(exporter: impl SpanExporter + 'static) -> Self {
        Self::with(exporter, WAITING_MAX, EVERY)
    }

    fn with(exporter: impl SpanExporter + 'static, most: usize, every: Duration) -> Self {
        let waiting = Arc::new(AtomicUsize::new(0));
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(most)
            .with_max_export_batch_size(BATCH.min(most))
            .with_scheduled_delay(every)
            .build();
        let sender = Sender {
            exporter,
            works: AtomicBool::new(true),
            waiting: Arc::clone(&waiting),
        };
        Self {
            batches: BatchSpanProcessor::new(sender, config),
            waiting,
            most,
        }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.most {
            self.batches.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            count("overrun", 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// The queue's other end: sends, and tells each outage once.
#[derive(Debug)]
struct Sender<E> {
    exporter: E,
    works: AtomicBool,
    waiting: Arc<AtomicUsize>,
}

impl<E: SpanExporter> SpanExporter for Sender<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        let worked = self.works.swap(result.is_ok(), Ordering::Relaxed);
        match &result {
            Ok(()) => {
                if !worked {
                    tracing::info!("traces reach the collector again");
                }
                count("sent", spans);
            }
            Err(error) => {
                if worked {
                    tracing::warn!(%error, "traces don't reach the collector: spans are dropped");
                }
                count("dropped", spans);
            }
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

fn count(outcome: &'static str, spans: usize) {
    metrics::counter!("chatflow_trace_spans_total", "outcome" => outcome).increment(spans as u64);
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{Tracer as _, TracerProvider as _};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;
    use crate::trace::span::tests::Collector;

    #[test]
    fn what_does_not_fit_is_dropped_and_the_rest_is_sent() {
        let collector = Collector::default();
        let queue = Queue::with(collector.clone(), 4, Duration::from_hours(1));
        let waiting = Arc::clone(&queue.waiting);
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        for sent in [3, 6] {
            for _ in 0..3 {
                drop(tracer.start("span"));
            }
            provider.force_flush().unwrap();
            assert_eq!(collector.count(), sent);
        }
        // As the queue is full, its thread begins to send: what waits is what it has not sent yet.
        for _ in 0..1000 {
            drop(tracer.start("span"));
            assert!(waiting.load(Ordering::Relaxed) <= 4);
        }
        provider.force_flush().unwrap();
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
        assert!(collector.count() > 6, "some are sent");
    }
}
