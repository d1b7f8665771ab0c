//! The command `partition-messages`: what the operator reads while it works, and its exit code.

use runtime::{Fatal, Shutdown};
use sql::{DatabaseUrl, Db};

use crate::store::{MIGRATIONS, Partitioned, SqlStore};

/// Brings the tables up to date, then cuts messages into `into` partitions. A shutdown ends it, with nothing changed.
pub(crate) async fn run(url: &DatabaseUrl, into: u16, shutdown: &Shutdown) -> Result<(), Fatal> {
    tokio::select! {
        done = partition(url, into) => {
            done.map_err(|error| Fatal::unavailable(format!("DATABASE_URL: {error}")))
        }
        () = shutdown.begun() => Err(Fatal::unavailable("interrupted: messages stays as it was")),
    }
}

async fn partition(url: &DatabaseUrl, into: u16) -> sql::Result<()> {
    let db = Db::open(url, "chat-svc partition-messages", 1)?;
    db.migrate(&MIGRATIONS).await?;
    match SqlStore::new(db)
        .partition_messages(into, |line| tell(&line))
        .await?
    {
        Partitioned::Now { messages } => tell(&format!("done: {messages} messages in {into} partitions")),
        Partitioned::Before { partitions } => {
            tell(&format!(
                "messages has {partitions} partitions already: nothing to do"
            ));
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn tell(line: &str) {
    println!("{line}");
}
