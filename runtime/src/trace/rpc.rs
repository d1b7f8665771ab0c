//! The spans of a call, at both of its ends, and what carries the trace from one to the other.

use http::{HeaderValue, Request};
use opentelemetry::trace::{SpanBuilder, SpanKind};
use tonic::Code;

use super::{parent::Parent, span::Span};

/// The metadata entry (W3C Trace Context).
const TRACEPARENT: &str = "traceparent";

/// The caller's span, below what its task works for; the request's metadata say so.
pub(crate) fn client<B>(request: &mut Request<B>) -> Span {
    let span = of_call(&Parent::current(), SpanKind::Client, request.uri().path());
    let traceparent = span.parent().traceparent();
    if let Some(value) = traceparent.and_then(|text| HeaderValue::try_from(text).ok()) {
        request.headers_mut().insert(TRACEPARENT, value);
    }
    span
}

/// The span of the one who is called, below the caller's. Services trust their callers, so this is taken as it comes.
pub(crate) fn server<B>(request: &Request<B>) -> Span {
    let traceparent = request
        .headers()
        .get(TRACEPARENT)
        .and_then(|value| value.to_str().ok());
    match traceparent {
        Some(traceparent) => of_call(
            &Parent::remote(traceparent),
            SpanKind::Server,
            request.uri().path(),
        ),
        None => Span::default(),
    }
}

fn of_call(parent: &Parent, kind: SpanKind, path: &str) -> Span {
    let name = path.trim_start_matches('/');
    let span = parent.begin(|| SpanBuilder::from_name(name.to_owned()).with_kind(kind));
    let (service, method) = name.split_once('/').unwrap_or((name, ""));
    span.text("rpc.system", "grpc");
    span.text("rpc.service", service);
    span.text("rpc.method", method);
    span
}

/// What became of the call, at the caller: everything but success failed.
pub(crate) fn was_answered(span: &Span, code: Code) {
    span.number("rpc.grpc.status_code", code as i32);
    if code != Code::Ok {
        span.fail(code.description());
    }
}

/// What became of the call, at the one who was called: what the caller did wrong is no failure.
pub(crate) fn answers(span: &Span, code: Code) {
    span.number("rpc.grpc.status_code", code as i32);
    if matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    ) {
        span.fail(code.description());
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
        assert!(server.is_recording() && server.trace_id() == root.trace_id());
        answers(&server, Code::NotFound);
        drop(server);
        was_answered(&client, Code::NotFound);
        drop(client);

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
            ("rpc.system", "grpc".into()),
            ("rpc.service", "chatflow.chat.v1.ChatService".into()),
            ("rpc.method", "SendMessage".into()),
            ("rpc.grpc.status_code", 5.into()),
        ];
        assert_eq!(told, expected);
        assert_eq!(server.status, Status::Unset, "the caller's mistake");
        assert!(matches!(client.status, Status::Error { .. }), "{client:?}");
    }

    #[tokio::test]
    async fn a_call_that_belongs_to_no_trace_has_no_span() {
        collector();
        let mut request = Request::post(PATH).body(()).unwrap();
        assert!(!client(&mut request).is_recording());
        assert!(request.headers().is_empty());
        assert!(!server(&request).is_recording());
    }
}
