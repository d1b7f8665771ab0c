//! The marks that the socket path, the send path and the start are held to, and what was reached.

use super::results::Results;

const COST: &str = "server_cpu_us_per_delivery";

/// One mark.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) what: &'static str,
    /// In words.
    pub(super) limit: &'static str,
    /// What was reached, in the limit's unit; `None` where it was not measured.
    pub(super) figure: Option<f64>,
    met: fn(f64) -> bool,
}

impl Mark {
    /// `yes`, `no`, or that it was not measured.
    pub(super) fn met(&self) -> &'static str {
        match self.figure {
            Some(figure) if (self.met)(figure) => "yes",
            Some(_) => "**no**",
            None => "not measured",
        }
    }
}

/// All marks.
pub(super) fn all(results: &Results) -> Vec<Mark> {
    let ratio = |part, to, figure| results.ratio(part, "chatflow", to, figure);
    let start = |figure| results.figure("start", "chatflow", figure);
    let million = |figure: &str| {
        results
            .million
            .as_ref()
            .and_then(|record| record.figures.get(figure).copied())
    };
    vec![
        Mark {
            what: "one room, single messages: CPU per delivery, by the floor's that writes each (both fed by chat-svc)",
            limit: "≤ 1.1",
            figure: ratio("room-single", "floor-each+chat", COST),
            met: |figure| figure <= 1.1,
        },
        Mark {
            what: "the same, by the floor's that Redis feeds directly",
            limit: "≤ 1.1",
            figure: ratio("room-single", "floor-each", COST),
            met: |figure| figure <= 1.1,
        },
        Mark {
            what: "one room, bursts: CPU per delivery, by the batched floor's (both fed by chat-svc)",
            limit: "≤ 1.5",
            figure: ratio("room-burst", "floor-batched+chat", COST),
            met: |figure| figure <= 1.5,
        },
        Mark {
            what: "the same, by the batched floor's that Redis feeds directly (whole bursts at once)",
            limit: "≤ 1.5",
            figure: ratio("room-burst", "floor-batched", COST),
            met: |figure| figure <= 1.5,
        },
        Mark {
            what: "one room, bursts: CPU per delivery, by uWebSockets'",
            limit: "≤ 0.25",
            figure: ratio("room-burst", "uwebsockets", COST),
            met: |figure| figure <= 0.25,
        },
        Mark {
            what: "one room, bursts: deliveries per second, by the batched floor's that Redis feeds directly",
            limit: "≥ 0.5",
            figure: ratio("room-burst", "floor-batched", "deliveries_per_s"),
            met: |figure| figure >= 0.5,
        },
        Mark {
            what: "1,000 small rooms: CPU per delivery, by the batched floor's (both fed by chat-svc)",
            limit: "≤ 1.2",
            figure: ratio("small-rooms", "floor-batched+chat", COST),
            met: |figure| figure <= 1.2,
        },
        Mark {
            what: "the same, by the batched floor's that Redis feeds directly",
            limit: "≤ 1.2",
            figure: ratio("small-rooms", "floor-batched", COST),
            met: |figure| figure <= 1.2,
        },
        Mark {
            what: "p99 from send to the last of 1,000 receivers, by the floor's (both fed by chat-svc)",
            limit: "≤ 1.5",
            figure: ratio("latency", "floor-each+chat", "to_last_p99_ms"),
            met: |figure| figure <= 1.5,
        },
        Mark {
            what: "resident bytes per idle connection in a room",
            limit: "≤ 800",
            figure: results.figure("idle", "chatflow", "bytes_per_socket"),
            met: |figure| figure <= 800.0,
        },
        Mark {
            what: "the same, by uWebSockets'",
            limit: "≤ 1",
            figure: ratio("idle", "uwebsockets", "bytes_per_socket"),
            met: |figure| figure <= 1.0,
        },
        Mark {
            what: "connections on one edge process (`make bench-million`)",
            limit: "≥ 1,000,000",
            figure: million("sockets"),
            met: |figure| figure >= 1e6,
        },
        Mark {
            what: "p99 of a message a second to 1,000 of them, in ms",
            limit: "< 50",
            figure: million("to_last_p99_ms"),
            met: |figure| figure < 50.0,
        },
        Mark {
            what: "10,000 back at once after an edge's restart, each resuming 50 messages, sockets per second",
            limit: "≥ 10,000",
            figure: results.figure("connect", "chatflow", "after_restart_sockets_per_s"),
            met: |figure| figure >= 10_000.0,
        },
        Mark {
            what: "all-in-one ready on an empty data folder, in ms",
            limit: "< 200",
            figure: start("ready_on_an_empty_folder_p50_ms"),
            met: |figure| figure < 200.0,
        },
        Mark {
            what: "all-in-one idle, resident MB",
            limit: "< 30",
            figure: start("idle_resident_mib").map(|mib| mib * 1.048_576),
            met: |figure| figure < 30.0,
        },
    ]
}
