//! A room's log, filled by the server itself.

use tokio_postgres::Client;

use crate::callers;

/// Keys are built after the rows are there, which is many times faster than row by row, and gives the same indexes.
const KEYS: [(&str, &str); 4] = [
    ("messages_pkey", "PRIMARY KEY (id)"),
    ("messages_by_seq", "UNIQUE (room_id, seq)"),
    ("messages_by_change", "UNIQUE (room_id, change_seq)"),
    ("messages_once", "UNIQUE (room_id, user_id, client_msg_id)"),
];

/// The id of the message at a seq: as chat-svc makes them, they grow with time.
pub(super) fn id(seq: u32) -> String {
    format!("0192{:04x}-{:04x}-7000-8000-{seq:012x}", seq >> 16, seq & 0xffff)
}

/// Gives the room, which is empty, so many messages.
pub(super) async fn fill(client: &Client, messages: u32, characters: usize) {
    let run = async |statement: &str| client.batch_execute(statement).await.expect("it is filled");
    run(
        "ALTER TABLE outbox DROP CONSTRAINT outbox_message_id_fkey; SET maintenance_work_mem = '512MB'; \
         SET session_replication_role = replica",
    )
    .await;
    for (name, _) in KEYS {
        run(&format!("ALTER TABLE messages DROP CONSTRAINT {name}")).await;
    }
    let room = callers::room(0);
    run(&format!(
        "INSERT INTO messages (id, room_id, user_id, username, content, message_type, created_at, seq, change_seq, \
         client_msg_id) \
         SELECT '0192' || lpad(to_hex(n >> 16), 4, '0') || '-' || lpad(to_hex(n & 65535), 4, '0') || '-7000-8000-' \
         || lpad(to_hex(n), 12, '0'), '{room}', 'user-' || n % 128, 'user-' || n % 128, repeat('x', {characters}), \
         'text', now(), n, n, 'run-' || n FROM generate_series(1, {messages}) AS n"
    ))
    .await;
    run(&format!(
        "UPDATE rooms SET last_seq = {messages} WHERE id = '{room}'"
    ))
    .await;
    for (name, definition) in KEYS {
        run(&format!(
            "ALTER TABLE messages ADD CONSTRAINT {name} {definition}"
        ))
        .await;
    }
    run("ALTER TABLE outbox ADD CONSTRAINT outbox_message_id_fkey FOREIGN KEY (message_id) REFERENCES messages (id)").await;
    run("VACUUM ANALYZE messages").await;
}
