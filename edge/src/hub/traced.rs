//! Changes on their way to sockets that belong to a trace: what chat-svc announced of them, and the span of their fan-out.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use runtime::trace::{Parent, Span, SpanKind, key};

use super::{
    RoomId,
    frame::{Class, Frame},
};

/// Changes that may be announced and not here; the oldest are forgotten.
const ANNOUNCED: usize = 4096;

/// What was announced: the trace of a change, and when its announcement came.
#[derive(Debug, Default)]
pub(super) struct Announced {
    changes: HashMap<(RoomId, u64), (Parent, SystemTime)>,
    /// By age, with those that have come meanwhile.
    order: VecDeque<(RoomId, u64)>,
}

impl Announced {
    /// A change is on its way.
    pub(super) fn add(&mut self, room: &RoomId, seq: u64, trace: Parent) {
        if self.order.len() >= ANNOUNCED
            && let Some(oldest) = self.order.pop_front()
        {
            self.changes.remove(&oldest);
        }
        let change = (Arc::clone(room), seq);
        self.order.push_back(change.clone());
        self.changes.insert(change, (trace, SystemTime::now()));
    }

    /// Those of a room's frames that were announced; `None` where none was, which costs nothing while nothing is traced.
    pub(super) fn take(&mut self, room: &RoomId, frames: &[Frame]) -> Option<Arc<Delivery>> {
        if self.changes.is_empty() {
            return None;
        }
        let seqs = frames.iter().filter_map(|frame| match frame.class {
            Class::Logged(seq) => Some(seq),
            Class::Kept | Class::Ephemeral => None,
        });
        let spans: Vec<Span> = seqs
            .filter_map(|seq| {
                let (trace, since) = self.changes.remove(&(Arc::clone(room), seq))?;
                let span = trace.child_since(since, SpanKind::Consumer, "deliver");
                span.text(key::ROOM_ID, room);
                span.number(key::SEQ, seq);
                Some(span)
            })
            .collect();
        (!spans.is_empty()).then(|| {
            Arc::new(Delivery {
                spans,
                sockets: AtomicUsize::new(0),
            })
        })
    }
}

/// Some frames' way to the sockets of this edge: over when no shard has this any more.
#[derive(Debug)]
pub(crate) struct Delivery {
    spans: Vec<Span>,
    sockets: AtomicUsize,
}

impl Delivery {
    /// A shard has written the frames to so many sockets, or queued them.
    pub(super) fn written_to(&self, sockets: usize) {
        self.sockets.fetch_add(sockets, Ordering::Relaxed);
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        for span in &self.spans {
            span.number(key::SOCKETS, *self.sockets.get_mut());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_comes_is_forgotten() {
        let mut announced = Announced::default();
        let room: RoomId = "general".into();
        for seq in 0..2 * ANNOUNCED as u64 {
            announced.add(&room, seq, Parent::default());
            assert!(announced.changes.len() <= ANNOUNCED && announced.order.len() <= ANNOUNCED);
        }
        let frame = |seq| Frame::text(b"{}", Class::Logged(seq));
        assert!(announced.take(&room, &[frame(0)]).is_none(), "forgotten");
        let last = 2 * ANNOUNCED as u64 - 1;
        let frames = [Frame::text(b"{}", Class::Ephemeral), frame(last), frame(last - 1)];
        let delivery = announced.take(&room, &frames).unwrap();
        assert_eq!(delivery.spans.len(), 2);
        assert!(announced.take(&room, &frames).is_none(), "taken");
        assert!(announced.take(&"other".into(), &[frame(last - 2)]).is_none());
    }
}
