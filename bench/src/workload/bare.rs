//! Commits of one row each, past all services: what the database asks for a lone message.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, Statement};

use crate::{
    clock,
    contender::chatflow::Cluster,
    fault::{Fault, Result},
    payload::CONTENT,
};

/// A table like chat-svc's own, in the same database.
pub(super) struct Bare {
    client: Client,
    insert: Statement,
    next: i64,
}

impl Bare {
    /// Makes it.
    pub(super) async fn new(cluster: &Cluster) -> Result<Self> {
        let client = cluster.postgres.database("chat_db").client().await;
        let table = "SET synchronous_commit = on;
                     CREATE TABLE bare (LIKE messages INCLUDING ALL)";
        client
            .batch_execute(table)
            .await
            .map_err(|error| failed(&error))?;
        let insert =
            "INSERT INTO bare (id, room_id, user_id, username, content, seq, change_seq, client_msg_id)
                      VALUES ($1, 'r0', 'u0', 'u0', $2, $3, $3, $1)";
        let insert = client.prepare(insert).await.map_err(|error| failed(&error))?;
        Ok(Self {
            client,
            insert,
            next: 1,
        })
    }

    /// Commits one row after the other for so long. Returns how many nanoseconds each took.
    pub(super) async fn commit(&mut self, duration: Duration) -> Result<Vec<u64>> {
        let (begun, mut took) = (Instant::now(), Vec::new());
        while begun.elapsed() < duration {
            let id = format!("01994a9e-7c3f-7f10-8a52-{:012x}", self.next);
            let content = "x".repeat(CONTENT);
            let sent = clock::now();
            self.client
                .execute(&self.insert, &[&id, &content, &self.next])
                .await
                .map_err(|error| failed(&error))?;
            took.push(clock::now() - sent);
            self.next += 1;
        }
        Ok(took)
    }
}

fn failed(error: &tokio_postgres::Error) -> Fault {
    Fault::other(format!("PostgreSQL: {error}"))
}
