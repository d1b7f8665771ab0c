//! A span: begun, filled and ended explicitly; empty where nothing is traced.

use std::future::Future;

use futures_util::future::Either;
use opentelemetry::{
    Context, KeyValue,
    trace::{FutureExt as _, Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _},
};

use super::{export::tracer, parent::Parent};

/// Something that takes time, as part of a trace. It ends when this is dropped.
#[derive(Debug, Default)]
pub struct Span(Option<Context>);

impl Span {
    /// The first span of a trace; here it is decided whether it is sampled.
    pub fn root(kind: SpanKind, name: &'static str) -> Self {
        Self::root_with(|| SpanBuilder::from_name(name).with_kind(kind))
    }

    /// As [`Span::root`], with a name that is made only where it is needed.
    pub fn root_named(kind: SpanKind, name: impl FnOnce() -> String) -> Self {
        Self::root_with(|| SpanBuilder::from_name(name()).with_kind(kind))
    }

    fn root_with(builder: impl FnOnce() -> SpanBuilder) -> Self {
        if tracer().is_some() {
            Self::begin(builder(), &Context::new())
        } else {
            Self(None)
        }
    }

    pub(super) fn begin(builder: SpanBuilder, parent: &Context) -> Self {
        let Some(tracer) = tracer() else {
            return Self(None);
        };
        let span = tracer.build_with_context(builder, parent);
        Self(span.is_recording().then(|| parent.with_span(span)))
    }

    /// Whether it is told; what costs something to find out need not be found out otherwise.
    pub fn is_recording(&self) -> bool {
        self.0.is_some()
    }

    /// What spans below it begin under.
    pub fn parent(&self) -> Parent {
        match &self.0 {
            Some(context) => Parent::of(context.span().span_context()),
            None => Parent::default(),
        }
    }

    /// For a log line.
    pub fn trace_id(&self) -> Option<String> {
        self.parent().trace_id()
    }

    /// Takes the name away that it began with.
    pub(super) fn rename(&self, name: &'static str) {
        if let Some(context) = &self.0 {
            context.span().update_name(name);
        }
    }

    /// Adds an attribute. Never what somebody wrote, and never a token.
    pub fn text(&self, key: &'static str, value: &str) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(key, value.to_owned()));
        }
    }

    /// Adds an attribute.
    pub fn number(&self, key: &'static str, value: impl TryInto<i64>) {
        if let Some(context) = &self.0 {
            let value = value.try_into().unwrap_or(i64::MAX);
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// Adds a moment.
    pub fn event(&self, name: &'static str) {
        if let Some(context) = &self.0 {
            context.span().add_event(name, Vec::new());
        }
    }

    /// Says that it failed.
    pub fn fail(&self, why: &'static str) {
        if let Some(context) = &self.0 {
            context.span().set_status(Status::error(why));
        }
    }

    /// Runs a task whose spans are below this one.
    pub fn scope<F: Future>(&self, task: F) -> impl Future<Output = F::Output> + use<F> {
        match &self.0 {
            Some(context) => Either::Left(task.with_context(context.clone())),
            None => Either::Right(task),
        }
    }
}

/// Adds a moment to the span that this task works for.
pub fn event(name: &'static str) {
    if tracer().is_some() {
        Context::map_current(|context| context.span().add_event(name, Vec::new()));
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        // Not when the last task that ran below it is dropped.
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex, OnceLock};

    use opentelemetry::{Value, trace::SpanId};
    use opentelemetry_sdk::{
        error::OTelSdkResult,
        trace::{SdkTracerProvider, SpanData, SpanExporter},
    };

    use super::*;
    use crate::trace::export::install;

    /// Keeps what ended.
    #[derive(Debug, Clone, Default)]
    pub(in crate::trace) struct Collector(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Collector {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    impl Collector {
        pub(in crate::trace) fn count(&self) -> usize {
            self.0.lock().unwrap().len()
        }

        pub(in crate::trace) fn of(&self, trace_id: &str) -> Vec<SpanData> {
            let all = self.0.lock().unwrap();
            let of_trace = |span: &&SpanData| span.span_context.trace_id().to_string() == trace_id;
            all.iter().filter(of_trace).cloned().collect()
        }
    }

    /// Turns tracing on in this test process.
    pub(in crate::trace) fn collector() -> Collector {
        static COLLECTOR: OnceLock<Collector> = OnceLock::new();
        let made = COLLECTOR.get_or_init(|| {
            let collector = Collector::default();
            let provider = SdkTracerProvider::builder()
                .with_simple_exporter(collector.clone())
                .build();
            install(provider);
            collector
        });
        made.clone()
    }

    #[tokio::test]
    async fn spans_of_one_task_are_one_tree() {
        let collector = collector();
        let root = Span::root(SpanKind::Server, "root");
        root.text("who", "alice");
        root.number("seq", 7_u64);
        let trace_id = root.trace_id().unwrap();
        root.scope(async {
            tokio::task::yield_now().await;
            let child = Parent::current().child(SpanKind::Client, "child");
            let far = Parent::remote(&child.parent().traceparent().unwrap());
            drop(far.child(SpanKind::Server, "far"));
            child.fail("as an example");
        })
        .await;
        assert!(!Parent::current().is_some(), "outside the task there is none");
        drop(root);

        let spans = collector.of(&trace_id);
        let by_name = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
        let (root, child, far) = (by_name("root"), by_name("child"), by_name("far"));
        assert_eq!(root.parent_span_id, SpanId::INVALID);
        assert_eq!(child.parent_span_id, root.span_context.span_id());
        assert_eq!(far.parent_span_id, child.span_context.span_id());
        assert_eq!(child.status, Status::error("as an example"));
        let told: Vec<_> = root
            .attributes
            .iter()
            .map(|kv| (kv.key.as_str(), kv.value.clone()))
            .collect();
        assert_eq!(told, [("who", Value::from("alice")), ("seq", Value::from(7_i64))]);
        assert!(child.start_time <= far.start_time && far.end_time <= child.end_time);
    }

    #[tokio::test]
    async fn a_span_ends_when_it_is_dropped_though_a_task_goes_on() {
        let collector = collector();
        let root = Span::root(SpanKind::Server, "ends");
        let trace_id = root.trace_id().unwrap();
        let task = root.scope(std::future::pending::<()>());
        drop(root);
        assert_eq!(collector.of(&trace_id).len(), 1);
        drop(task);
        assert_eq!(collector.of(&trace_id).len(), 1);
    }

    #[tokio::test]
    async fn nothing_begins_below_nothing() {
        collector();
        let none = Span::default();
        none.scope(async {
            assert!(!Parent::current().child(SpanKind::Internal, "lone").is_recording());
        })
        .await;
        assert!(none.parent().traceparent().is_none() && none.trace_id().is_none());
    }
}
