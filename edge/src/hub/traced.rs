//! Changes on their way to sockets that belong to a trace: what chat-svc announced of them, and the span of their fan-out.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use runtime::trace::{Parent, Span, SpanKind, key};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::frame::{Class, Frame};

/// Changes that may be announced and not here, in all rooms; more are not traced.
const ANNOUNCED: usize = 4096;

/// What bounds the announcements of all rooms. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ANNOUNCED)))
    }
}

/// What was announced in one room, by seq.
#[derive(Debug, Default)]
pub(super) struct Announced(VecDeque<Announcement>);

/// The trace of a change, and when its announcement came.
#[derive(Debug)]
struct Announcement {
    seq: u64,
    trace: Parent,
    since: SystemTime,
    _place: OwnedSemaphorePermit,
}

impl Announced {
    /// A change is on its way.
    pub(super) fn add(&mut self, seq: u64, trace: Parent, places: &Places) {
        let Ok(place) = Arc::clone(&places.0).try_acquire_owned() else {
            return;
        };
        let at = self.0.partition_point(|other| other.seq < seq);
        let announcement = Announcement {
            seq,
            trace,
            since: SystemTime::now(),
            _place: place,
        };
        self.0.insert(at, announcement);
    }

    /// The stream goes on up to `last` with these frames: the way of those that were announced, `None` where none was.
    /// Announcements of what it leaves behind are forgotten.
    pub(super) fn pass(&mut self, room: &str, frames: &[Frame], last: u64) -> Option<Arc<Delivery>> {
        let mut spans = Vec::new();
        let mut seqs = frames.iter().filter_map(|frame| match frame.class {
            Class::Logged(seq) => Some(seq),
            Class::Kept | Class::Ephemeral => None,
        });
        let mut next = None;
        while let Some(announced) = self.0.pop_front_if(|first| first.seq <= last) {
            while next.is_none_or(|seq| seq < announced.seq) {
                next = seqs.next();
                if next.is_none() {
                    break;
                }
            }
            if next == Some(announced.seq) {
                let span = announced
                    .trace
                    .child_since(announced.since, SpanKind::Consumer, "deliver");
                span.text(key::ROOM_ID, room);
                span.number(key::SEQ, announced.seq);
                spans.push(span);
            }
        }
        (!spans.is_empty()).then(|| {
            Arc::new(Delivery {
                spans,
                sockets: AtomicUsize::new(0),
            })
        })
    }

    /// The log was set back: what was announced is of another one.
    pub(super) fn clear(&mut self) {
        self.0.clear();
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
    use runtime::trace::TraceSettings;

    use super::*;

    fn frame(seq: u64) -> Frame {
        Frame::text(b"{}", Class::Logged(seq))
    }

    fn seqs(announced: &Announced) -> Vec<u64> {
        announced.0.iter().map(|one| one.seq).collect()
    }

    #[test]
    fn each_frame_takes_its_own_and_what_is_left_behind_is_forgotten() {
        let places = Places::default();
        let mut announced = Announced::default();
        for seq in [5, 3, 8, 4, 9] {
            announced.add(seq, Parent::default(), &places);
        }
        assert_eq!(seqs(&announced), [3, 4, 5, 8, 9]);
        // 3 never came here: it was read before, or lost and is of no interest any more.
        let frames = [frame(4), Frame::text(b"{}", Class::Ephemeral), frame(5), frame(6)];
        let delivery = announced.pass("general", &frames, 6).unwrap();
        assert_eq!(delivery.spans.len(), 2);
        assert_eq!(seqs(&announced), [8, 9]);
        assert!(announced.pass("general", &frames, 6).is_none(), "taken");
        assert!(announced.pass("general", &[frame(7)], 7).is_none());
        let delivery = announced.pass("general", &[frame(8)], 8).unwrap();
        assert_eq!(delivery.spans.len(), 1);
        assert_eq!(seqs(&announced), [9]);
        announced.clear();
        assert!(
            announced.pass("general", &[frame(9)], 9).is_none(),
            "of another log"
        );
        assert_eq!(places.0.available_permits(), ANNOUNCED);
    }

    #[test]
    fn the_bound_is_one_for_all_rooms() {
        let places = Places::default();
        let mut rooms: [Announced; 2] = Default::default();
        for seq in 0..ANNOUNCED as u64 {
            for room in &mut rooms {
                room.add(seq, Parent::default(), &places);
            }
        }
        assert_eq!(rooms[0].0.len() + rooms[1].0.len(), ANNOUNCED);
        let [gone, mut room] = rooms;
        drop(gone);
        room.add(u64::MAX, Parent::default(), &places);
        assert_eq!(seqs(&room).last(), Some(&u64::MAX));
    }

    #[tokio::test]
    async fn messages_of_two_traces_in_one_flush_keep_their_own() {
        let settings = TraceSettings {
            // Nobody is there: what is told is dropped.
            otel_exporter_otlp_endpoint: Some("http://127.0.0.1:1".to_owned()),
            otel_traces_sampler_arg: String::new(),
        };
        settings.check().unwrap().start("test", "0").unwrap();
        let traces = [
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "0af7651916cd43dd8448eb211c80319c",
        ];
        let places = Places::default();
        let mut announced = Announced::default();
        for (trace, seq) in traces.iter().zip([7, 8]) {
            let trace = Parent::remote(&format!("00-{trace}-00f067aa0ba902b7-01"));
            announced.add(seq, trace, &places);
        }
        let delivery = announced
            .pass("general", &[frame(7), frame(8), frame(9)], 9)
            .unwrap();
        let told: Vec<String> = delivery.spans.iter().filter_map(Span::trace_id).collect();
        assert_eq!(told, traces);
    }
}
