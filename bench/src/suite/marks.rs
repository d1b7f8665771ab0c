//! The marks that the socket path, the send path and the start are held to, and what was reached.

use super::results::Results;
use crate::record::COST;

/// One mark.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) what: &'static str,
    pub(super) limit: Limit,
    source: Source,
}

/// What its figure has to be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    AtMost(f64),
    Below(f64),
    AtLeast(f64),
}

/// Where its figure is found.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// A part, another contender, and the figure that ChatFlow's is divided by the other's.
    Ratio(&'static str, &'static str, &'static str),
    /// A part and ChatFlow's figure.
    Figure(&'static str, &'static str),
    /// A part, several contenders, and their figure: the worst counts, and all have to be there.
    Worst(&'static str, &'static [&'static str], &'static str),
    /// A figure of the run that is made apart, and how many connections it has to hold for that.
    Million(&'static str, f64),
    /// A part with lone sends from the edge's socket, and one with bare commits: p99 by twice the bare one's and a millisecond.
    LoneSend(&'static str, &'static str),
}

use Limit::{AtLeast, AtMost, Below};
use Source::{Figure, LoneSend, Million, Ratio, Worst};

/// All marks.
pub(super) const ALL: &[Mark] = &[
    mark(
        "one room, single messages: CPU per delivery, by the floor's that writes each (both fed by chat-svc)",
        AtMost(1.1),
        Ratio("room-single", "floor-each+chat", COST),
    ),
    mark(
        "the same, by the floor's that Redis feeds directly",
        AtMost(1.1),
        Ratio("room-single", "floor-each", COST),
    ),
    mark(
        "one room, bursts: CPU per delivery, by the batched floor's (both fed by chat-svc)",
        AtMost(1.5),
        Ratio("room-burst", "floor-batched+chat", COST),
    ),
    mark(
        "the same, by the batched floor's that Redis feeds directly (whole bursts at once)",
        AtMost(1.5),
        Ratio("room-burst", "floor-batched", COST),
    ),
    mark(
        "one room, bursts: CPU per delivery, by uWebSockets'",
        AtMost(0.25),
        Ratio("room-burst", "uwebsockets", COST),
    ),
    mark(
        "bursts, by uWebSockets' (both fed by chat-svc)",
        AtMost(0.25),
        Ratio("room-burst", "uwebsockets+chat", COST),
    ),
    mark(
        "one room, bursts: deliveries per second, by the batched floor's that Redis feeds directly",
        AtLeast(0.5),
        Ratio("room-burst", "floor-batched", "deliveries_per_s"),
    ),
    mark(
        "1,000 small rooms: CPU per delivery, by the batched floor's (both fed by chat-svc)",
        AtMost(1.2),
        Ratio("small-rooms", "floor-batched+chat", COST),
    ),
    mark(
        "p99 from send to the last of 1,000 receivers, by the floor's (both fed by chat-svc)",
        AtMost(1.5),
        Ratio("latency", "floor-each+chat", "to_last_p99_ms"),
    ),
    mark(
        "resident bytes per idle connection in a room",
        AtMost(800.0),
        Figure("idle", "bytes_per_socket"),
    ),
    mark(
        "the same of the last three quarters of the connections, the worse of with and without huge pages",
        AtMost(800.0),
        Worst(
            "idle",
            &["chatflow", "chatflow+small-pages"],
            "bytes_per_socket_last_step",
        ),
    ),
    mark(
        "resident bytes per idle connection in a room, by uWebSockets'",
        Below(1.0),
        Ratio("idle", "uwebsockets", "bytes_per_socket"),
    ),
    mark(
        "connections on one edge process (`make bench-million`)",
        AtLeast(1e6),
        Million("sockets", 0.0),
    ),
    mark(
        "p99 of a message a second to 1,000 of them, in ms",
        Below(50.0),
        Million("to_last_p99_ms", 1e6),
    ),
    mark(
        "10,000 back at once after an edge's restart, each resuming 50 messages, sockets per second since it is ready",
        AtLeast(10_000.0),
        Figure("connect", "after_restart_sockets_per_s"),
    ),
    mark(
        "sends acknowledged per second, PostgreSQL, 1,024 callers, by pgbench's in the same batches and connections",
        AtLeast(0.5),
        Figure("store-postgres", "by_same_batches"),
    ),
    mark(
        "the same, all in one room",
        AtLeast(0.5),
        Figure("store-one-room", "by_same_batches"),
    ),
    mark(
        "sends acknowledged per second, PostgreSQL, by one row per transaction over one connection",
        AtLeast(20.0),
        Figure("store-postgres", "by_one_row_each_over_one"),
    ),
    mark(
        "the same, all in one room",
        AtLeast(20.0),
        Figure("store-one-room", "by_one_row_each_over_one"),
    ),
    mark(
        "p99 of a lone send from the edge's socket, PostgreSQL, by 2 × a bare commit of one row + 1 ms",
        AtMost(1.0),
        Figure("send", "lone_p99_by_2_bare_and_1_ms"),
    ),
    mark(
        "sends acknowledged per second, SQLite, by the better of its bare inserts",
        AtLeast(0.5),
        Figure("store-sqlite", "by_better_way"),
    ),
    mark(
        "p99 of a lone send from the edge's socket, SQLite, by 2 × a bare commit of one row + 1 ms",
        AtMost(1.0),
        LoneSend("send-sqlite", "store-sqlite"),
    ),
    mark(
        "p99 of a lone send from the gRPC call, PostgreSQL, by the same",
        AtMost(1.0),
        Figure("store-postgres", "lone_p99_by_2_bare_and_1_ms"),
    ),
    mark(
        "all-in-one ready on an empty data folder, in ms",
        Below(200.0),
        Figure("start", "ready_on_an_empty_folder_p50_ms"),
    ),
    mark(
        "the same, the slowest start of several",
        Below(200.0),
        Figure("start", "ready_on_an_empty_folder_max_ms"),
    ),
    mark(
        "all-in-one idle, resident MB",
        Below(30.0),
        Figure("start", "idle_resident_mb"),
    ),
];

const fn mark(what: &'static str, limit: Limit, source: Source) -> Mark {
    Mark { what, limit, source }
}

impl Mark {
    /// What was reached, if it was measured, and whether that is met.
    pub(super) fn reached(&self, results: &Results) -> (Option<f64>, &'static str) {
        let Some(figure) = self.figure(results) else {
            return (None, "not measured");
        };
        let met = match self.source {
            Million(_, least) if million(results, "sockets").is_none_or(|held| held < least) => "not reached",
            _ if self.limit.is_met_by(figure) => "yes",
            _ => "**no**",
        };
        (Some(figure), met)
    }

    fn figure(&self, results: &Results) -> Option<f64> {
        match self.source {
            Ratio(part, to, figure) => results.ratio(part, "chatflow", to, figure),
            Figure(part, figure) => results.figure(part, "chatflow", figure),
            Worst(part, contenders, figure) => {
                let figures = contenders
                    .iter()
                    .map(|contender| results.figure(part, contender, figure));
                figures
                    .collect::<Option<Vec<f64>>>()?
                    .into_iter()
                    .reduce(f64::max)
            }
            Million(figure, _) => million(results, figure),
            LoneSend(part, bare) => {
                let p99 = results.figure(part, "chatflow", "lone_p99_ms")?;
                let bare = results.figure(bare, "chatflow", "bare_lone_p99_ms")?;
                Some(p99 / (2.0 * bare + 1.0))
            }
        }
    }
}

fn million(results: &Results, figure: &str) -> Option<f64> {
    let million = results.million.as_ref()?;
    million.record.figures.get(figure).copied()
}

impl Limit {
    /// Its sign and its number.
    pub(super) fn parts(self) -> (&'static str, f64) {
        match self {
            AtMost(limit) => ("≤", limit),
            Below(limit) => ("<", limit),
            AtLeast(limit) => ("≥", limit),
        }
    }

    /// Whether a figure is within it.
    pub(super) fn is_met_by(self, figure: f64) -> bool {
        match self {
            AtMost(limit) => figure <= limit,
            Below(limit) => figure < limit,
            AtLeast(limit) => figure >= limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        circumstances::Circumstances,
        record::{Dated, Record},
        suite::results::tests::cell,
    };

    #[test]
    fn the_worst_counts_and_all_have_to_be_there() {
        let worst = mark("", AtMost(2.0), Worst("p", &["a", "b"], "cost"));
        let mut results = Results {
            cells: vec![cell("a", &[1.0])],
            ..Results::default()
        };
        assert_eq!(worst.reached(&results), (None, "not measured"));
        results.cells.push(cell("b", &[3.0]));
        assert_eq!(worst.reached(&results), (Some(3.0), "**no**"));
    }

    #[test]
    fn what_holds_for_a_million_is_not_reached_with_fewer() {
        let soon = mark("", Below(50.0), Million("ms", 1e6));
        let met_with = |sockets: f64| {
            let mut record = Record::new("million", "chatflow");
            record.set("sockets", sockets);
            record.set("ms", 7.0);
            let million = Dated {
                circumstances: Circumstances::default(),
                record,
            };
            soon.reached(&Results {
                million: Some(million),
                ..Results::default()
            })
            .1
        };
        assert_eq!([met_with(18_500.0), met_with(1e6)], ["not reached", "yes"]);
    }

    #[test]
    fn a_limit_is_within_or_without_itself() {
        assert!(AtMost(1.1).is_met_by(1.1) && AtLeast(0.5).is_met_by(0.5));
        assert!(!Below(50.0).is_met_by(50.0) && !AtMost(1.1).is_met_by(1.2) && !AtLeast(0.5).is_met_by(0.4));
    }
}
