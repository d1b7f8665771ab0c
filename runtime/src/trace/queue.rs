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
    use std::sync::{Mutex, mpsc};

    use opentelemetry::trace::{Tracer as _, TracerProvider as _};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;
    use crate::trace::span::tests::Collector;

    /// Waits for a word before it hands a batch on.
    #[derive(Debug)]
    struct Held {
        begun: mpsc::SyncSender<usize>,
        go_on: Mutex<mpsc::Receiver<()>>,
        collector: Collector,
    }

    impl SpanExporter for Held {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.begun.send(batch.len()).unwrap();
            self.go_on.lock().unwrap().recv().unwrap();
            self.collector.export(batch).await
        }
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_told_and_the_rest_is_sent() {
        let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let (begun, batches) = mpsc::sync_channel(8);
        let (word, go_on) = mpsc::sync_channel(8);
        let collector = Collector::default();
        let exporter = Held {
            begun,
            go_on: Mutex::new(go_on),
            collector: collector.clone(),
        };
        let queue = Queue::with(exporter, 4, Duration::from_hours(1));
        let waiting = Arc::clone(&queue.waiting);
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        let end = |spans: usize| {
            metrics::with_local_recorder(&metrics, || {
                for _ in 0..spans {
                    drop(tracer.start("span"));
                }
            });
        };
        end(4);
        assert_eq!(batches.recv().unwrap(), 4, "a full queue is sent at once");
        // What is on its way counts as waiting.
        end(7);
        assert_eq!(waiting.load(Ordering::Relaxed), 4);
        let told = metrics.handle().render();
        let expected = "chatflow_trace_spans_total{outcome=\"overrun\"} 7";
        assert!(told.contains(expected), "{told}");
        word.send(()).unwrap();
        provider.force_flush().unwrap();
        assert_eq!((collector.count(), waiting.load(Ordering::Relaxed)), (4, 0));

        end(3);
        word.send(()).unwrap();
        provider.force_flush().unwrap();
        assert_eq!((collector.count(), waiting.load(Ordering::Relaxed)), (7, 0));
    }
}
