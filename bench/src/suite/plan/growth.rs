//! Growth: how costs change with receivers, connections, rooms, rate, edges and replicas, and with what is switched on for many of them.

use std::time::Duration;

use super::{Part, each};
use crate::workload::Size;

/// Sockets of one edge at most: less than a process may have open files on a machine of the least kind.
const PER_EDGE: u64 = 17_000;

/// Deliveries a second at which single messages stay single.
const CALM: u64 = 50_000;

/// How long a run with a hundred thousand sockets may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// How long a run with ten million messages may take, most of which is making them.
const LONG_PATIENCE: Duration = Duration::from_mins(20);

/// Who writes single messages.
const SINGLY: [&str; 3] = ["chatflow", "floor-each", "uwebsockets"];

/// Who writes what has come meanwhile at once.
const BATCHED: [&str; 3] = ["chatflow", "floor-batched", "uwebsockets"];

/// All parts.
pub(super) fn parts(quick: bool) -> Vec<Part> {
    let size = Size {
        seconds: Some(if quick { 2.0 } else { 3.0 }),
        ..Size::default()
    };
    let plan = Growth { quick, size };
    let mut parts = plan.receivers();
    parts.extend(plan.bursts());
    parts.extend(plan.connections());
    parts.extend(plan.rate());
    parts.extend(plan.rooms());
    parts.extend(plan.many_rooms());
    parts.extend(plan.edges());
    parts.extend(plan.chats());
    parts.extend(plan.history());
    parts.extend(plan.switches());
    parts
}

struct Growth {
    quick: bool,
    size: Size,
}

impl Growth {
    /// All values in their order, or in the short plan those that are named first.
    fn of(&self, all: &[u64], few: usize) -> Vec<u64> {
        let count = if self.quick { few } else { all.len() };
        let mut values = all.get(..count).unwrap_or(all).to_vec();
        values.sort_unstable();
        values
    }

    /// Single messages to ever wider rooms. One process can't hold the widest: they are over several edges, or several floors.
    fn receivers(&self) -> Vec<Part> {
        let part = |count: u64| {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let rate = (CALM / count).clamp(1, 100) as f64;
            let mut size = Size {
                sockets: Some(count),
                rate: Some(rate),
                ..self.size.clone()
            };
            if count <= PER_EDGE {
                return Part::new("receivers-single", "room-single", each(1, &SINGLY))
                    .of_size(&size)
                    .at(count);
            }
            size.seconds = Some(10.0);
            Part::new(
                "receivers-single",
                "wide-room",
                each(1, &["chatflow", "floor-each"]),
            )
            .of_size(&size)
            .at(count)
            .edges(count.div_ceil(PER_EDGE))
            .patient(PATIENCE)
        };
        let counts = self.of(&[10, 1_000, 100, 10_000, 34_000, 100_000], 2);
        counts.into_iter().map(part).collect()
    }

    fn bursts(&self) -> Vec<Part> {
        let part = |count: u64| {
            let size = Size {
                sockets: Some(count),
                burst: Some((500_000 / count).clamp(20, 500)),
                ..self.size.clone()
            };
            Part::new("receivers-burst", "room-burst", each(1, &BATCHED))
                .of_size(&size)
                .at(count)
        };
        let counts = self.of(&[10, 1_000, 100, 10_000], 2);
        counts.into_iter().map(part).collect()
    }

    /// The same room of a thousand among ever more connections that are sent nothing.
    fn connections(&self) -> Vec<Part> {
        let part = |count: u64| {
            let size = Size {
                sockets: Some(1_000),
                idle: Some(count - 1_000),
                ..self.size.clone()
            };
            Part::new("connections", "room-single", each(1, &SINGLY))
                .of_size(&size)
                .at(count)
        };
        let counts = self.of(&[1_000, 10_000, 4_000, 18_000], 2);
        counts.into_iter().map(part).collect()
    }

    /// The same room at ever more messages a second: where a message finds the last one still being written, writes are shared.
    fn rate(&self) -> Vec<Part> {
        let part = |rate: u64| {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let size = Size {
                rate: Some(rate as f64),
                ..self.size.clone()
            };
            Part::new("rate", "room-single", each(1, &SINGLY))
                .of_size(&size)
                .at(rate)
        };
        let rates = self.of(&[10, 100, 30, 300, 1_000], 2);
        rates.into_iter().map(part).collect()
    }

    /// Ten thousand sockets, each in one room.
    fn rooms(&self) -> Vec<Part> {
        let part = |rooms: u64| {
            let size = Size {
                sockets: Some(10_000),
                room_size: Some(10_000 / rooms),
                ..self.size.clone()
            };
            Part::new("rooms", "small-rooms", each(1, &BATCHED))
                .of_size(&size)
                .at(rooms)
        };
        let rooms = self.of(&[10, 1_000, 100, 10_000], 2);
        rooms.into_iter().map(part).collect()
    }

    /// Ten thousand sockets, each in several rooms of ten.
    fn many_rooms(&self) -> Vec<Part> {
        let part = |per_socket: u64| {
            let size = Size {
                rooms_per_socket: Some(per_socket),
                ..self.size.clone()
            };
            Part::new("many-rooms", "many-rooms", each(1, &["chatflow"]))
                .of_size(&size)
                .at(per_socket * 1_000)
                .patient(PATIENCE)
        };
        self.of(&[1, 10, 100], 2).into_iter().map(part).collect()
    }

    /// A room as wide as there are edges, and a thousand small ones whose members are on all edges.
    fn edges(&self) -> Vec<Part> {
        let part = |edges: u64| {
            let wide = Size {
                rate: Some(2.0),
                ..self.size.clone()
            };
            [
                Part::new("edges-wide", "wide-room", each(1, &["chatflow"])).of_size(&wide),
                Part::new("edges-small", "small-rooms", each(1, &["chatflow"])).of_size(&self.size),
            ]
            .map(|part| part.at(edges).edges(edges))
        };
        self.of(&[1, 2, 4], 2).into_iter().flat_map(part).collect()
    }

    fn chats(&self) -> Vec<Part> {
        let part = |chats: u64| {
            Part::new("chats", "small-rooms", each(1, &["chatflow"]))
                .of_size(&self.size)
                .at(chats)
                .chats(chats)
        };
        [1, 2].map(part).into()
    }

    /// One room with ever more messages.
    fn history(&self) -> Vec<Part> {
        let part = |messages: u64| {
            let size = Size {
                burst: Some(messages),
                ..self.size.clone()
            };
            Part::new("history", "history", each(1, &["chatflow"]))
                .of_size(&size)
                .at(messages)
                .patient(LONG_PATIENCE)
        };
        let sizes = self.of(&[10_000, 1_000_000, 100_000, 10_000_000], 2);
        sizes.into_iter().map(part).collect()
    }

    /// What is switched on for many edges, rooms and readers, against what is there without.
    fn switches(&self) -> Vec<Part> {
        let rounds = if self.quick { 1 } else { 3 };
        let apart = Size {
            apart: true,
            ..self.size.clone()
        };
        // Rooms of two, so that what an edge reads of rooms that it does not serve is not lost among the deliveries.
        let pairs = Size {
            room_size: Some(2),
            ..apart.clone()
        };
        let mut parts: Vec<Part> = self
            .of(&[2, 4], 1)
            .into_iter()
            .map(|edges| {
                let both = each(rounds, &["chatflow", "chatflow+rooms"]);
                Part::new("subscribe", "small-rooms", both)
                    .of_size(&pairs)
                    .at(edges)
                    .edges(edges)
            })
            .collect();
        let both = each(rounds, &["chatflow+rooms", "chatflow+cluster"]);
        parts.push(
            Part::new("redis-cluster", "small-rooms", both)
                .of_size(&apart)
                .edges(2),
        );
        let both = each(rounds, &["chatflow", "chatflow+replica"]);
        parts.push(Part::new("read-replica", "pages", both).of_size(&self.size));
        parts
    }
}
