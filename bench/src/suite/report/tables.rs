//! Which parts are told in which tables and plots.

use crate::record::COST;

/// A figure of a record, its heading, and its decimals.
pub(super) type Column = (&'static str, &'static str, usize);

/// What is told of a part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub(super) part: &'static str,
    pub(super) title: &'static str,
    pub(super) shape: Shape,
    pub(super) plot: Option<Plot>,
}

/// What the rows of a table are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Contenders. The first column is also told by that of each of the contenders that are named last.
    Contenders(&'static [Column], &'static [&'static str]),
    /// Things that one contender did, with what the table calls them; in the figures' names `{}` stands for theirs.
    Things(&'static [(&'static str, &'static str)], &'static [Column]),
    /// All figures, one below the other.
    List,
}

/// A plot of a part that varies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plot {
    pub(super) file: &'static str,
    pub(super) title: &'static str,
    /// What varies.
    pub(super) x: &'static str,
    /// What is plotted, and what its line is called, if not like its contender.
    pub(super) figures: &'static [(&'static str, &'static str)],
    pub(super) unit: &'static str,
    /// Another part in the same plot: its name, and what is told of this part and of that one behind the contenders' names.
    pub(super) beside: Option<(&'static str, [&'static str; 2])>,
}

const fn table(part: &'static str, title: &'static str, shape: Shape) -> Table {
    Table {
        part,
        title,
        shape,
        plot: None,
    }
}

impl Table {
    /// The same with a plot of the cost of a delivery.
    const fn plotted(self, file: &'static str, title: &'static str, x: &'static str) -> Self {
        Self {
            plot: Some(Plot {
                file,
                title,
                x,
                figures: &[(COST, "")],
                unit: "µs",
                beside: None,
            }),
            ..self
        }
    }
}

use Shape::{Contenders, List, Things};

/// The tables of the comparison.
pub(super) const COMPARISON: &[Table] = &[
    table(
        "room-single",
        "One room of 1,000, single messages, 100 a second",
        Contenders(&FAN_OUT, &SINGLY),
    ),
    table(
        "room-burst",
        "One room of 1,000, bursts of 500",
        Contenders(&FAN_OUT, &BATCHED),
    ),
    table(
        "small-rooms",
        "1,000 rooms of ten, 100 senders, ten messages at once to a room",
        Contenders(&FAN_OUT, &BATCHED),
    ),
    table(
        "latency",
        "One room of 1,000, 80 messages a second: send to the last receiver",
        Contenders(&LATENCY, &SINGLY),
    ),
    table(
        "idle",
        "Idle connections, in rooms of ten",
        Contenders(&IDLE, &BATCHED),
    ),
    table("start", "Start and size of the all-in-one", List),
    table("connect", "10,000 at once", Things(&CROWDS, &CONNECTING)),
    table(
        "resume",
        "History and resume of 1,000 messages",
        Things(&AWAY, &RESUMING),
    ),
    table(
        "send",
        "Acknowledged sends, by gRPC to chat-svc and by WebSocket to the edge, on PostgreSQL",
        Things(&SENDERS, &SENDING),
    ),
    table("send-sqlite", "The same on SQLite", Things(&SENDERS, &SENDING)),
    table(
        "store-postgres",
        "1,024 callers of chat-svc in 64 rooms on PostgreSQL, beside pgbench with the same rows",
        Things(&STORES, &STORING),
    ),
    table(
        "store-few-callers",
        "The same with 256 callers",
        Things(&STORES, &STORING),
    ),
    table(
        "store-one-room",
        "1,024 callers in one room",
        Things(&STORES, &STORING),
    ),
    table(
        "store-sqlite",
        "1,024 callers of chat-svc on SQLite, beside SQLite itself with the same rows",
        Things(&STORES, &STORING),
    ),
    table("files", "Files through the edge", List),
];

/// The tables of growth.
pub(super) const GROWTH: &[Table] = &[
    table(
        "receivers-single",
        "Single messages against receivers in the room (34,000 over 2, 100,000 over 6 edges or floors)",
        Contenders(&FAN_OUT, &SINGLY),
    )
    .plotted(
        "bench-receivers-single.svg",
        "Single messages: server CPU per delivery",
        "receivers in the room",
    ),
    table(
        "receivers-burst",
        "Bursts against receivers in the room",
        Contenders(&FAN_OUT, &BATCHED),
    )
    .plotted(
        "bench-receivers-burst.svg",
        "Bursts: server CPU per delivery",
        "receivers in the room",
    ),
    table(
        "connections",
        "A room of 1,000, 100 messages a second, against connections at the same edge",
        Contenders(&FAN_OUT, &SINGLY),
    )
    .plotted(
        "bench-connections.svg",
        "A room of 1,000: server CPU per delivery",
        "connections at the same server",
    ),
    table(
        "rate",
        "A room of 1,000 against messages a second",
        Contenders(&FAN_OUT, &SINGLY),
    )
    .plotted(
        "bench-rate.svg",
        "A room of 1,000: server CPU per delivery",
        "messages a second",
    ),
    table(
        "rooms",
        "10,000 sockets in 10 to 10,000 rooms",
        Contenders(&FAN_OUT, &BATCHED),
    )
    .plotted(
        "bench-rooms.svg",
        "10,000 sockets, each in one room: server CPU per delivery",
        "rooms",
    ),
    table(
        "many-rooms",
        "10,000 sockets in 1,000 to 100,000 rooms of ten: each in 1 to 100 of them",
        Contenders(&ROOMS, &[]),
    )
    .plotted(
        "bench-many-rooms.svg",
        "10,000 sockets, each in 1 to 100 rooms of ten: server CPU per delivery",
        "rooms",
    ),
    Table {
        plot: Some(Plot {
            file: "bench-edges.svg",
            title: "Edges: their CPU per delivery",
            x: "edges",
            figures: &[(COST, "")],
            unit: "µs",
            beside: Some(("edges-small", [", one room", ", rooms of ten"])),
        }),
        ..table(
            "edges-wide",
            "One room over 1, 2, 4 edges, 2,000 sockets on each",
            Contenders(&WIDE, &[]),
        )
    },
    table(
        "edges-small",
        "1,000 rooms of ten whose members are spread over 1, 2, 4 edges",
        Contenders(&ROOMS, &[]),
    ),
    table(
        "chats",
        "1,000 rooms of ten with 1 and 2 replicas of chat-svc",
        Contenders(
            &[
                (COST, "edge CPU, µs per delivery", 3),
                ("messages_per_s", "messages/s", 0),
                ("chat-svc_us_per_message", "chat-svc CPU, µs per message", 1),
                ("postgres_cores", "PostgreSQL, cores", 2),
                ("acknowledged_p99_ms", "p99 of the acknowledgement, ms", 1),
            ],
            &[],
        ),
    ),
    Table {
        plot: Some(Plot {
            file: "bench-history.svg",
            title: "One room's log: half of the calls take no longer",
            x: "messages in the room",
            figures: &[
                ("newest_page_p50_ms", "newest 50"),
                ("middle_page_p50_ms", "50 in the middle"),
                ("last_changes_p50_ms", "last 1,000"),
                ("head_p50_ms", "head"),
                ("partitioned_middle_page_p50_ms", "50, in partitions"),
                ("partitioned_last_changes_p50_ms", "1,000, in partitions"),
            ],
            unit: "ms",
            beside: None,
        }),
        ..table(
            "history",
            "One room's log, by gRPC: as one table, and in 16 partitions",
            Contenders(&HISTORY, &[]),
        )
    },
    table(
        "subscribe",
        "`EDGE_SUBSCRIBE=rooms` (`+rooms`) against `all`: 5,000 rooms of two, each at one of 2 or 4 edges",
        Contenders(&ROOMS, &["chatflow"]),
    ),
    table(
        "redis-cluster",
        "A Redis Cluster of three (`+cluster`) against one Redis (`+rooms`): 1,000 rooms of ten, each at one of 2 edges",
        Contenders(&ROOMS, &["chatflow+rooms"]),
    ),
    table(
        "read-replica",
        "Pages of history, 16 readers, with a read replica (`+replica`) and without",
        Contenders(
            &[
                ("postgres_us_per_page", "primary CPU, µs per page", 1),
                ("postgres-replica_us_per_page", "replica CPU, µs per page", 1),
                ("chat-svc_us_per_page", "chat-svc CPU, µs per page", 1),
                ("pages_per_s", "pages/s", 0),
                ("page_p50_ms", "p50, ms", 2),
                ("page_p99_ms", "p99, ms", 2),
            ],
            &["chatflow"],
        ),
    ),
];

/// Whom contenders are held against where single messages are sent.
const SINGLY: [&str; 2] = ["floor-each", "uwebsockets"];

/// The same where what has come meanwhile is written at once.
const BATCHED: [&str; 2] = ["floor-batched", "uwebsockets"];

const FAN_OUT: [Column; 8] = [
    (COST, "server CPU, µs per delivery", 3),
    ("deliveries_per_s", "deliveries/s", 0),
    ("server_cores", "server, cores", 2),
    ("generator_cores", "generator, cores", 2),
    ("deliveries_per_read", "deliveries found by a read", 1),
    ("to_last_p99_ms", "p99 to last, ms", 1),
    ("incomplete_messages", "messages not at all", 0),
    ("lost_sockets", "sockets lost", 0),
];
const LATENCY: [Column; 5] = [
    ("to_last_p99_ms", "p99 to last, ms", 2),
    ("to_last_p50_ms", "p50, ms", 2),
    ("to_last_max_ms", "max, ms", 2),
    ("acknowledged_p99_ms", "p99 of the acknowledgement, ms", 2),
    ("server_cores", "server, cores", 2),
];
const IDLE: [Column; 7] = [
    ("bytes_per_socket", "resident bytes per socket", 0),
    ("bytes_per_socket_last_step", "of the last three quarters", 0),
    ("sockets", "sockets", 0),
    ("without_sockets_mib", "MiB without sockets", 1),
    ("resident_mib_at_a_sixteenth", "at a sixteenth of them", 1),
    ("resident_mib_at_all", "at all", 1),
    (
        "kernel_bytes_per_socket_both_ends",
        "the kernel's bytes, both ends",
        0,
    ),
];
const HISTORY: [Column; 11] = [
    ("newest_page_p50_ms", "newest 50, p50 ms", 2),
    ("newest_page_p99_ms", "p99", 2),
    ("middle_page_p50_ms", "50 before one in the middle, p50", 2),
    ("middle_page_p99_ms", "p99", 2),
    ("middle_changes_p50_ms", "1,000 changes from the middle, p50", 2),
    ("last_changes_p50_ms", "last 1,000 changes, p50", 2),
    ("last_changes_p99_ms", "p99", 2),
    ("head_p50_ms", "head, p50", 2),
    (
        "partitioned_newest_page_p50_ms",
        "in partitions: newest 50, p50",
        2,
    ),
    ("partitioned_middle_page_p50_ms", "50 before one in the middle", 2),
    ("partitioned_last_changes_p50_ms", "last 1,000 changes", 2),
];
const WIDE: [Column; 4] = [
    (COST, "server CPU, µs per delivery", 3),
    ("receivers", "receivers", 0),
    ("server_cores", "servers, cores", 2),
    ("to_last_p99_ms", "p99 to last, ms", 1),
];
const ROOMS: [Column; 6] = [
    (COST, "edge CPU, µs per delivery", 3),
    ("server_cores", "edges, cores", 2),
    ("redis_us_per_message", "Redis CPU, µs per message", 1),
    ("chat-svc_us_per_message", "chat-svc CPU, µs per message", 1),
    ("messages_per_s", "messages/s", 0),
    ("lost_sockets", "sockets lost", 0),
];

const CROWDS: [(&str, &str); 4] = [
    ("new", "new, with nothing missed"),
    ("missed_1", "away for one message"),
    ("missed_50", "away for 50"),
    ("after_restart", "away for 50, after the edge was killed"),
];
const CONNECTING: [Column; 8] = [
    ("{}_sockets_per_s", "sockets/s", 0),
    ("{}_s", "all, s", 2),
    ("{}_until_ready_s", "edge ready after the kill, s", 2),
    ("{}_until_all_s", "all back after the kill, s", 2),
    ("{}_server_cpu_us_per_socket", "edge CPU, µs per socket", 1),
    ("{}_server_cores", "edge, cores", 2),
    ("{}_chat-svc_cores", "chat-svc, cores", 2),
    ("{}_generator_cores", "generator, cores", 2),
];
const AWAY: [(&str, &str); 5] = [
    ("page_newest", "newest 200"),
    ("page_middle", "200 before one in the middle"),
    ("page_oldest", "oldest 200"),
    ("resume_1000_alone", "1,000 missed, alone"),
    ("resume", "1,000 missed, a crowd of 500"),
];
const RESUMING: [Column; 8] = [
    ("{}_p50_ms", "p50, ms", 2),
    ("{}_p99_ms", "p99, ms", 2),
    ("{}_sockets_per_s", "sockets/s", 0),
    ("{}_messages_per_s", "messages/s", 0),
    ("{}_server_cpu_us_per_message", "edge CPU, µs per message", 2),
    ("{}_server_cores", "edge, cores", 2),
    ("{}_chat-svc_cores", "chat-svc, cores", 2),
    ("{}_generator_cores", "generator, cores", 2),
];
const SENDERS: [(&str, &str); 8] = [
    ("lone", "WebSocket, one at a time, in turns with the next"),
    ("bare_lone", "a bare commit of one row"),
    ("websocket_1", "WebSocket, one at a time"),
    ("websocket_100", "WebSocket, 100 senders"),
    ("websocket_100_of_8", "WebSocket, 100 senders, each 8 at a time"),
    ("grpc_1", "gRPC, one at a time"),
    ("grpc_16", "gRPC, 16 callers"),
    ("grpc_256", "gRPC, 256 callers"),
];
const SENDING: [Column; 9] = [
    ("{}_per_s", "acknowledged/s", 0),
    ("{}_p50_ms", "p50, ms", 2),
    ("{}_p99_ms", "p99, ms", 2),
    ("{}_max_ms", "max, ms", 2),
    ("{}_server_cpu_us_per_message", "edge CPU, µs per message", 1),
    ("{}_server_cores", "edge, cores", 2),
    ("{}_chat-svc_cores", "chat-svc, cores", 2),
    ("{}_postgres_cores", "PostgreSQL, cores", 2),
    ("{}_generator_cores", "generator, cores", 2),
];
const STORES: [(&str, &str); 9] = [
    ("", "chat-svc"),
    ("same_batches", "pgbench, the same batches and connections"),
    ("one_row_each", "pgbench, one row per transaction"),
    ("one_row_each_over_one", "pgbench, the same over one connection"),
    ("insert_of_many", "SQLite, one insert for each batch"),
    ("prepared_inserts", "SQLite, prepared inserts in the same batches"),
    ("better_way", "the better of both"),
    ("lone", "chat-svc, one call at a time"),
    ("bare_lone", "a bare commit of one row"),
];
const STORING: [Column; 7] = [
    ("{}_per_s", "rows/s", 0),
    ("by_{}", "chat-svc by it", 2),
    ("{}_in_a_batch", "rows in a batch", 1),
    ("{}_p50_ms", "p50, ms", 2),
    ("{}_p99_ms", "p99, ms", 2),
    ("{}_chat-svc_us_per_send", "chat-svc CPU, µs per send", 1),
    ("{}_store_us_per_send", "store CPU, µs per send", 1),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::suite::plan::Plan;

    #[test]
    fn every_part_is_told() {
        for (plan, tables) in [(Plan::Comparison, COMPARISON), (Plan::Growth, GROWTH)] {
            let parts: BTreeSet<&str> = plan.parts(false, &[]).iter().map(|part| part.name).collect();
            assert_eq!(parts, tables.iter().map(|table| table.part).collect());
        }
    }
}
