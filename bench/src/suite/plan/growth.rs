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
    let mut parts: Vec<Part> = GROWING.iter().flat_map(|growing| plan.growing(growing)).collect();
    parts.extend(plan.wide());
    parts.extend(plan.edges());
    parts.extend(plan.chats());
    parts.extend(plan.switches());
    parts
}

/// A work that is done at several sizes.
struct Growing {
    part: &'static str,
    workload: &'static str,
    contenders: &'static [&'static str],
    /// What it grows through, that first which also the short plan has.
    through: &'static [u64],
    /// The work at one of these.
    size: fn(u64) -> Size,
    patience: Duration,
}

/// How many sizes the short plan has of each.
const FEW: usize = 2;

const fn growing(
    part: &'static str,
    workload: &'static str,
    contenders: &'static [&'static str],
    through: &'static [u64],
    size: fn(u64) -> Size,
) -> Growing {
    Growing {
        part,
        workload,
        contenders,
        through,
        size,
        patience: super::PATIENCE,
    }
}

const GROWING: [Growing; 7] = [
    growing(
        "receivers-single",
        "room-single",
        &SINGLY,
        &[10, 1_000, 100, 10_000],
        singly,
    ),
    growing(
        "receivers-burst",
        "room-burst",
        &BATCHED,
        &[10, 1_000, 100, 10_000],
        |receivers| Size {
            sockets: Some(receivers),
            burst: Some((500_000 / receivers).clamp(20, 500)),
            ..Size::default()
        },
    ),
    // The same room of a thousand among ever more connections that are sent nothing.
    growing(
        "connections",
        "room-single",
        &SINGLY,
        &[1_000, 10_000, 4_000, 18_000],
        |connections| Size {
            sockets: Some(1_000),
            idle: Some(connections - 1_000),
            ..Size::default()
        },
    ),
    // Where a message finds the last one still being written, writes are shared.
    growing(
        "rate",
        "room-single",
        &SINGLY,
        &[10, 100, 30, 300, 1_000],
        |rate| Size {
            rate: Some(float(rate)),
            ..Size::default()
        },
    ),
    // Ten thousand sockets, each in one room.
    growing(
        "rooms",
        "small-rooms",
        &BATCHED,
        &[10, 1_000, 100, 10_000],
        |rooms| Size {
            sockets: Some(10_000),
            room_size: Some(10_000 / rooms),
            ..Size::default()
        },
    ),
    // Ten thousand sockets, each in several rooms of ten.
    Growing {
        patience: PATIENCE,
        ..growing(
            "many-rooms",
            "many-rooms",
            &["chatflow"],
            &[1_000, 10_000, 100_000],
            |rooms| Size {
                rooms_per_socket: Some(rooms / 1_000),
                ..Size::default()
            },
        )
    },
    // One room with ever more messages.
    Growing {
        patience: LONG_PATIENCE,
        ..growing(
            "history",
            "history",
            &["chatflow"],
            &[10_000, 1_000_000, 100_000, 10_000_000],
            |messages| Size {
                burst: Some(messages),
                ..Size::default()
            },
        )
    },
];

/// Single messages to a room of so many.
fn singly(receivers: u64) -> Size {
    Size {
        sockets: Some(receivers),
        rate: Some(float((CALM / receivers).clamp(1, 100))),
        ..Size::default()
    }
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn float(number: u64) -> f64 {
    number as f64
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

    fn growing(&self, growing: &Growing) -> Vec<Part> {
        let part = |x: u64| {
            let size = Size {
                seconds: self.size.seconds,
                ..(growing.size)(x)
            };
            Part::new(growing.part, growing.workload, each(1, growing.contenders))
                .of_size(&size)
                .at(x)
                .patient(growing.patience)
        };
        self.of(growing.through, FEW).into_iter().map(part).collect()
    }

    /// Rooms that one process can't hold: they are over several edges, or several floors.
    fn wide(&self) -> Vec<Part> {
        let part = |receivers: u64| {
            let size = Size {
                seconds: Some(10.0),
                ..singly(receivers)
            };
            let contenders = each(1, &["chatflow", "floor-each"]);
            Part::new("receivers-single", "wide-room", contenders)
                .of_size(&size)
                .at(receivers)
                .edges(receivers.div_ceil(PER_EDGE))
                .patient(PATIENCE)
        };
        self.of(&[34_000, 100_000], 0).into_iter().map(part).collect()
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
        self.of(&[1, 2, 4], FEW).into_iter().flat_map(part).collect()
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
