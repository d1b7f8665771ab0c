//! The spans of a call, at both of its ends, and what carries the trace from one to the other.

use http::{HeaderValue, Request};
use opentelemetry::trace::{SpanBuilder, SpanKind};
use tonic::Code;

use super::{parent::Parent, span::Span};

/// The metadata entry (W3C Trace Context).
const TRACEPARENT: &str = "traceparent";

/// A call's span. It ends with this: failed, if no answer was told of before.
#[derive(Debug, Default)]
pub(crate) struct Call {
    pub(crate) span: Span,
    path: String,
    answered: bool,
}

/// The caller's span, below what its task works for; the request's metadata say so.
pub(crate) fn client<B>(request: &mut Request<B>) -> Call {
    let call = Call::begin(&Parent::current(), SpanKind::Client, request.uri().path());
    let traceparent = call.span.parent().traceparent();
    if let Some(value) = traceparent.and_then(|text| HeaderValue::try_from(text).ok()) {
        request.headers_mut().insert(TRACEPARENT, value);
    }
    call
}

/// The span of the one who is called, below the caller's. Services trust their callers, so this is taken as it comes.
pub(crate) fn server<B>(request: &Request<B>) -> Call {
    let traceparent = request
        .headers()
        .get(TRACEPARENT)
        .and_then(|value| value.to_str().ok());
    match traceparent {
        Some(traceparent) => Call::begin(
            &Parent::remote(traceparent),
            SpanKind::Server,
            request.uri().path(),
        ),
        None => Call::default(),
    }
}

impl Call {
    fn begin(parent: &Parent, kind: SpanKind, path: &str) -> Self {
        if !parent.is_some() {
            return Self::default();
        }
        let path = path.trim_start_matches('/').to_owned();
        Self {
            span: parent.begin(|| SpanBuilder::from_name(path.clone()).with_kind(kind)),
            path,
            answered: false,
        }
    }

    /// What became of the call, at the caller: everything but success failed.
    pub(crate) fn was_answered(mut self, code: Code) {
        self.tell(code, code != Code::Ok);
    }

    /// What became of the call, at the one who was called: what the caller did wrong is no failure.
    pub(crate) fn answers(mut self, code: Code) {
        let ours = matches!(
            code,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Unimplemented
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        );
        if code == Code::Unimplemented {
            // The path is the caller's then: whatever it may say is not told.
            self.span.rename("unknown");
            self.path.clear();
        }
        self.tell(code, ours);
    }

    fn tell(&mut self, code: Code, failed: bool) {
        self.answered = true;
        self.span.number("rpc.grpc.status_code", code as i32);
        if failed {
            self.span.fail(code.description());
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.span.text("rpc.system", "grpc");
        if let Some((service, method)) = self.path.split_once('/') {
            self.span.text("rpc.service", service);
            self.span.text("rpc.method", method);
        }
        if !self.answered {
            self.span.fail("cancelled");
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::{Value, trace::Status};

    use super::*;
    use crate::trace::span::tests::collector;

    const PATH: &str = "/chatflow.chat.v1.ChatService/SendMessage";

    #[tokio::test]
    async fn a_call_is_one_trace_at_both_of_its_ends() {
        let collector = collector();
        let root = Span::root(SpanKind::Server, "root");
        let mut request = Request::post(PATH).body(()).unwrap();
        let client = root.scope(async { client(&mut request) }).await;
        let server = server(&request);
        assert!(server.span.is_recording() && server.span.trace_id() == root.trace_id());
        server.answers(Code::NotFound);
        client.was_answered(Code::NotFound);

        let spans = collector.of(&root.trace_id().unwrap());
        let [server, client] = &spans[..] else {
            panic!("two spans: {spans:?}");
        };
        assert_eq!(server.parent_span_id, client.span_context.span_id());
        assert_eq!(server.name, "chatflow.chat.v1.ChatService/SendMessage");
        let told: Vec<_> = server
            .attributes
            .iter()
            .map(|kv| (kv.key.as_str(), kv.value.clone()))
            .collect();
        let expected: [(&str, Value); 4] = [
            ("rpc.grpc.status_code", 5.into()),
            ("rpc.system", "grpc".into()),
            ("rpc.service", "chatflow.chat.v1.ChatService".into()),
            ("rpc.method", "SendMessage".into()),
        ];
        assert_eq!(told, expected);
        assert_eq!(server.status, Status::Unset, "the caller's mistake");
        assert!(matches!(client.status, Status::Error { .. }), "{client:?}");
    }

    #[tokio::test]
    async fn a_call_that_belongs_to_no_trace_has_no_span() {
        collector();
        let mut request = Request::post(PATH).body(()).unwrap();
        assert!(!client(&mut request).span.is_recording());
        assert!(request.headers().is_empty());
        assert!(!server(&request).span.is_recording());
    }

    #[tokio::test]
    async fn who_is_not_waited_for_any_more_was_cancelled() {
        let collector = collector();
        let root = Span::root(SpanKind::Server, "root");
        let mut request = Request::post(PATH).body(()).unwrap();
        let client = root.scope(async { client(&mut request) }).await;
        drop(server(&request));
        drop(client);
        let spans = collector.of(&root.trace_id().unwrap());
        assert_eq!(spans.len(), 2);
        for span in spans {
            assert_eq!(span.status, Status::error("cancelled"));
            assert_eq!(span.name, "chatflow.chat.v1.ChatService/SendMessage");
        }
    }

    #[tokio::test]
    async fn a_path_that_nobody_serves_is_not_told() {
        let collector = collector();
        let root = Span::root(SpanKind::Server, "root");
        let request = Request::post("/what.a/Stranger-writes");
        let traceparent = root.parent().traceparent().unwrap();
        let request = request.header(TRACEPARENT, traceparent).body(()).unwrap();
        server(&request).answers(Code::Unimplemented);
        let spans = collector.of(&root.trace_id().unwrap());
        assert_eq!(spans[0].name, "unknown");
        assert!(!format!("{spans:?}").contains("tranger"), "{spans:?}");
    }
}
