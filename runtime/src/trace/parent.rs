//! A place in a trace: what a span begins under, here or in another process.

use std::time::SystemTime;

use opentelemetry::{
    Context,
    trace::{
        SpanBuilder, SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    },
};

use super::{export::is_on, span::Span};

/// Under what a span begins; empty where nothing is traced.
#[derive(Debug, Clone, Default)]
pub struct Parent(Option<SpanContext>);

impl Parent {
    pub(super) fn of(span: &SpanContext) -> Self {
        Self((span.is_valid() && span.is_sampled()).then(|| span.clone()))
    }

    /// What this task works for.
    pub fn current() -> Self {
        if !is_on() {
            return Self(None);
        }
        Context::map_current(|context| Self::of(context.span().span_context()))
    }

    /// What another process works for, by its `traceparent` (W3C Trace Context, version 00). Empty where that is none,
    /// or says that the trace is not sampled.
    pub fn remote(traceparent: &str) -> Self {
        if is_on() {
            Self(parse(traceparent).filter(SpanContext::is_sampled))
        } else {
            Self(None)
        }
    }

    /// For [`Parent::remote`] of another process.
    pub fn traceparent(&self) -> Option<String> {
        let Self(Some(span)) = self else {
            return None;
        };
        Some(format!("00-{}-{}-01", span.trace_id(), span.span_id()))
    }

    /// Whether there is anything to begin a span under.
    pub fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// The trace, for log lines.
    pub fn trace_id(&self) -> Option<String> {
        self.0.as_ref().map(|span| span.trace_id().to_string())
    }

    /// A span below.
    pub fn child(&self, kind: SpanKind, name: &'static str) -> Span {
        self.begin(|| SpanBuilder::from_name(name).with_kind(kind))
    }

    /// A span below that began before.
    pub fn child_since(&self, since: SystemTime, kind: SpanKind, name: &'static str) -> Span {
        self.begin(|| {
            SpanBuilder::from_name(name)
                .with_kind(kind)
                .with_start_time(since)
        })
    }

    pub(super) fn begin(&self, builder: impl FnOnce() -> SpanBuilder) -> Span {
        match &self.0 {
            Some(span) => Span::begin(builder(), &Context::new().with_remote_span_context(span.clone())),
            None => Span::default(),
        }
    }
}

fn parse(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let mut part = |digits: usize| {
        let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        parts
            .next()
            .filter(|part| part.len() == digits && part.bytes().all(lower))
    };
    let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    if version != "00" || parts.next().is_some() {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::span::tests::collector;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_place_travels_as_text() {
        collector();
        let parent = Parent::remote(GOOD);
        assert_eq!(parent.traceparent().as_deref(), Some(GOOD));
        assert_eq!(
            parent.trace_id().as_deref(),
            Some("4bf92f3577b34da6a3ce929d0e0e4736")
        );
        for none in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47-00f067aa0ba902b7-01",
        ] {
            assert!(!Parent::remote(none).is_some(), "{none}");
        }
    }
}
