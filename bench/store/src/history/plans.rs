//! How PostgreSQL finds what is read, as chat-svc has it plan: once for all values.

use tokio_postgres::Client;

use crate::callers;

/// The statements of chat-svc's store that read a log, and values for them.
const STATEMENTS: [(&str, &str); 4] = [
    (
        "page",
        "(text, bigint, bigint) AS SELECT * FROM messages WHERE room_id = $1 AND deleted_at IS NULL AND seq < $2 \
         ORDER BY seq DESC LIMIT $3",
    ),
    (
        "changes",
        "(text, bigint, bigint) AS SELECT * FROM messages WHERE room_id = $1 AND change_seq > $2 AND change_seq <= $2 \
         + 1000 ORDER BY change_seq LIMIT $3",
    ),
    (
        "was_of",
        "(text, bigint, bigint) AS SELECT id, change_seq FROM messages WHERE room_id = $1 AND (id = $3::text OR \
         change_seq = $2)",
    ),
    (
        "heads",
        "(text, bigint, bigint) AS SELECT rooms.id, last_seq, messages.id FROM rooms LEFT JOIN messages ON \
         messages.room_id = rooms.id AND change_seq = last_seq WHERE rooms.id = ANY (ARRAY[$1]) AND $2 > 0 AND $3 > 0",
    ),
];

/// Panics where one of them sorts the log, or reads messages other than by an index.
pub(super) async fn check(client: &Client, size: u32) {
    client
        .batch_execute("SET plan_cache_mode = force_generic_plan; SET jit = off")
        .await
        .expect("a setting");
    for (name, statement) in STATEMENTS {
        let room = callers::room(0);
        let explained = format!("EXPLAIN EXECUTE {name} ('{room}', {}, 50)", size / 2);
        client
            .batch_execute(&format!("PREPARE {name} {statement}"))
            .await
            .expect("it can be prepared");
        let plan = client.simple_query(&explained).await.expect("a plan");
        client
            .batch_execute(&format!("DEALLOCATE {name}"))
            .await
            .expect("it can go");
        let lines = plan.iter().filter_map(|line| match line {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        let lines: Vec<_> = lines.collect();
        let plan = lines.join("\n");
        // Of an empty partition nothing is read either way.
        let reads_all =
            |line: &&str| line.contains("Seq Scan on messages") && !line.contains("(cost=0.00..0.00 ");
        assert!(
            !plan.contains("Sort  (") && !lines.iter().any(reads_all) && plan.contains("Index"),
            "{name} at {size}:\n{plan}"
        );
    }
}
