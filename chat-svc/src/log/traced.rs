//! A change's way through the log as its trace tells of it: the wait for a batch, the commit, the publication.

use std::mem;

use broker::Publication;
use proto::trace_hint::{TraceHint, trace_channel};
use runtime::trace::{Parent, Span, SpanKind, key};

use crate::message::Message;

/// A change that waits for a batch.
#[derive(Debug, Default)]
pub(super) struct Queued {
    call: Parent,
    /// Ends when the wait does.
    wait: Span,
}

impl Queued {
    /// Under what this task works for.
    pub(super) fn new() -> Self {
        let call = Parent::current();
        Self {
            wait: call.child(SpanKind::Internal, "wait for commit"),
            call,
        }
    }

    /// The change is taken into a batch; `None` where its trace is not sampled.
    pub(super) fn begin(mut self) -> Option<Begun> {
        drop(mem::take(&mut self.wait));
        let call = mem::take(&mut self.call);
        call.is_some().then_some(Begun(call))
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        // Of one that was not taken into a batch: its caller has given up, or is told that too much waits.
        self.wait.fail("not committed");
    }
}

/// A change that is in a batch.
#[derive(Debug)]
pub(super) struct Begun(Parent);

impl Begun {
    /// The commit of a batch of so many, as a span of each of its changes: whoever looks at one trace sees its commit
    /// without a link to another.
    pub(super) fn commit(&self, batch_size: usize) -> Span {
        let span = self.0.child(SpanKind::Internal, "commit");
        span.number(key::BATCH_SIZE, batch_size);
        span
    }

    /// The publication of what became of the change, and the hint that lets edges go on with the trace.
    pub(super) fn publish(&self, message: &Message) -> (Span, Publication) {
        let span = self.0.child(SpanKind::Producer, "publish");
        span.text(key::ROOM_ID, &message.room_id);
        span.number(key::SEQ, message.change_seq);
        let hint = TraceHint {
            seq: message.change_seq,
            traceparent: span.parent().traceparent().unwrap_or_default(),
        };
        let publication = Publication {
            channel: trace_channel(&message.room_id),
            payload: hint.encode(),
        };
        (span, publication)
    }
}
