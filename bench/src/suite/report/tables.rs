//! Which parts are told in which tables, with which columns.

/// A figure of a record, its heading, and its decimals.
pub(super) type Column = (&'static str, &'static str, usize);

/// A table of a part.
pub(super) struct Table {
    pub(super) part: &'static str,
    pub(super) title: &'static str,
    /// None: all figures, one below the other.
    pub(super) columns: &'static [Column],
}

const fn table(part: &'static str, title: &'static str, columns: &'static [Column]) -> Table {
    Table { part, title, columns }
}

/// What a delivery costs the process that holds the sockets.
pub(super) const COST: &str = "server_cpu_us_per_delivery";

/// The tables of the comparison.
pub(super) const COMPARISON: [Table; 14] = [
    table(
        "room-single",
        "One room of 1,000, single messages, 100 a second",
        &FAN_OUT,
    ),
    table("room-burst", "One room of 1,000, bursts of 500", &FAN_OUT),
    table("small-rooms", "1,000 rooms of ten, 100 senders", &FAN_OUT),
    table(
        "latency",
        "One room of 1,000, 80 messages a second: send to the last receiver",
        &LATENCY,
    ),
    table("idle", "Idle connections, in rooms of ten", &IDLE),
    table("start", "Start and size of the all-in-one", &[]),
    table("connect", "Connecting and resuming", &[]),
    table("resume", "History and resume of 1,000 messages", &[]),
    table(
        "send",
        "Acknowledged sends, by gRPC to chat-svc and by WebSocket to the edge, on PostgreSQL",
        &[],
    ),
    table("send-sqlite", "The same on SQLite", &[]),
    table(
        "store-postgres",
        "256 callers of chat-svc in 64 rooms on PostgreSQL, beside pgbench with the same rows",
        &[],
    ),
    table("store-one-room", "The same in one room", &[]),
    table(
        "store-sqlite",
        "256 callers of chat-svc on SQLite, beside SQLite itself with the same rows",
        &[],
    ),
    table("files", "Files through the edge", &[]),
];

/// The tables of growth.
pub(super) const GROWTH: [Table; 13] = [
    table(
        "receivers-single",
        "Single messages against receivers in the room (34,000 over 2, 100,000 over 6 edges or floors)",
        &FAN_OUT,
    ),
    table(
        "receivers-burst",
        "Bursts against receivers in the room",
        &FAN_OUT,
    ),
    table(
        "connections",
        "A room of 1,000, 100 messages a second, against connections at the same edge",
        &FAN_OUT,
    ),
    table("rate", "A room of 1,000 against messages a second", &FAN_OUT),
    table("rooms", "10,000 sockets in 10 to 10,000 rooms", &FAN_OUT),
    table(
        "many-rooms",
        "10,000 sockets in 1,000 to 100,000 rooms of ten: each in 1 to 100 of them",
        &ROOMS,
    ),
    table(
        "edges-wide",
        "One room over 1, 2, 4 edges, 2,000 sockets on each",
        &WIDE,
    ),
    table(
        "edges-small",
        "1,000 rooms of ten whose members are spread over 1, 2, 4 edges",
        &ROOMS,
    ),
    table(
        "chats",
        "1,000 rooms of ten with 1 and 2 replicas of chat-svc",
        &[
            (COST, "edge CPU, µs per delivery", 3),
            ("messages_per_s", "messages/s", 0),
            ("chat-svc_us_per_message", "chat-svc CPU, µs per message", 1),
            ("postgres_cores", "PostgreSQL, cores", 2),
            ("acknowledged_p99_ms", "p99 of the acknowledgement, ms", 1),
        ],
    ),
    table(
        "history",
        "One room's log, by gRPC: as one table, and in 16 partitions",
        &HISTORY,
    ),
    table(
        "subscribe",
        "`EDGE_SUBSCRIBE=rooms` (`+rooms`) against `all`: 5,000 rooms of two, each at one of 2 or 4 edges",
        &ROOMS,
    ),
    table(
        "redis-cluster",
        "A Redis Cluster of three (`+cluster`) against one Redis (`+rooms`): 1,000 rooms of ten, each at one of 2 edges",
        &ROOMS,
    ),
    table(
        "read-replica",
        "Pages of history, 16 readers, with a read replica (`+replica`) and without",
        &[
            ("postgres_us_per_page", "primary CPU, µs per page", 1),
            ("postgres-replica_us_per_page", "replica CPU, µs per page", 1),
            ("chat-svc_us_per_page", "chat-svc CPU, µs per page", 1),
            ("pages_per_s", "pages/s", 0),
            ("page_p50_ms", "p50, ms", 2),
            ("page_p99_ms", "p99, ms", 2),
        ],
    ),
];

const FAN_OUT: [Column; 6] = [
    (COST, "server CPU, µs per delivery", 3),
    ("deliveries_per_s", "deliveries/s", 0),
    ("server_cores", "server, cores", 2),
    ("generator_cores", "generator, cores", 2),
    ("to_last_p99_ms", "p99 to last, ms", 1),
    ("lost_sockets", "sockets lost", 0),
];
const LATENCY: [Column; 5] = [
    ("to_last_p50_ms", "p50 to last, ms", 2),
    ("to_last_p99_ms", "p99, ms", 2),
    ("to_last_max_ms", "max, ms", 2),
    ("acknowledged_p99_ms", "p99 of the acknowledgement, ms", 2),
    ("server_cores", "server, cores", 2),
];
const IDLE: [Column; 4] = [
    ("bytes_per_socket", "resident bytes per socket", 0),
    ("sockets", "sockets", 0),
    ("kernel_bytes_per_socket_both_ends", "the kernel's, both ends", 0),
    ("without_sockets_mib", "MiB without sockets", 1),
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
