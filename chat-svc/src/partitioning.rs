//! The command `partition-messages`: what the operator reads while it works, and its exit code.

use std::sync::atomic::{AtomicBool, Ordering};

use runtime::{Fatal, Shutdown};
use sql::{DatabaseUrl, Db};

use crate::store::{MIGRATIONS, Partitioned, Progress, SqlStore};

/// Brings the tables up to date, then cuts messages into `into` partitions. A shutdown ends it, with nothing changed unless
/// it was just about to be done.
pub(crate) async fn run(url: &DatabaseUrl, into: u16, shutdown: &Shutdown) -> Result<(), Fatal> {
    let may_be_done = AtomicBool::new(false);
    tokio::select! {
        biased;
        done = partition(url, into, &may_be_done) => {
            done.map_err(|error| Fatal::unavailable(format!("DATABASE_URL: {error}")))
        }
        () = shutdown.begun() => Err(Fatal::unavailable(interrupted(may_be_done.load(Ordering::Relaxed)))),
    }
}

fn interrupted(may_be_done: bool) -> &'static str {
    if may_be_done {
        "interrupted: run it again to see whether it was done"
    } else {
        "interrupted: messages stays as it was"
    }
}

async fn partition(url: &DatabaseUrl, into: u16, may_be_done: &AtomicBool) -> sql::Result<()> {
    let db = Db::open(url, "chat-svc partition-messages", 1)?;
    db.migrate(&MIGRATIONS).await?;
    let follow = |step: Progress| {
        may_be_done.store(step == Progress::Committing, Ordering::Relaxed);
        tell(&step.to_string());
    };
    match SqlStore::new(db).partition_messages(into, follow).await? {
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
