//! Replicas of PostgreSQL, which answer what they know as well as the primary does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use diesel::QueryDsl as _;
use diesel_async::methods::LoadQuery;
use runtime::Shutdown;
use sql::{DatabaseUrl, Db, Postgres};

use super::{Head, knows::Knows, rows::MessageRow, schema::messages};

/// How long a replica may take to answer before the primary is asked.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a replica that is behind gets to catch up: more than it usually is, less than anybody notices.
const CATCH_UP: Duration = Duration::from_millis(20);

/// Reads in a row for which a replica is behind before it counts as late as a whole. Fewer are a room that was written to
/// just now, while it knows all others.
const LATE: u32 = 10;

/// How often a replica that did not serve is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

const SERVING: &str = "chatflow_chat_replicas_serving";
const READS: &str = "chatflow_chat_replica_reads_total";

/// The replicas that reads may go to; there may be none. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Replicas {
    members: Arc<[Replica]>,
    turn: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Replica {
    db: Db,
    name: String,
    /// Whether it is asked.
    serves: AtomicBool,
    /// Whether the log says that it is not.
    reported: AtomicBool,
    /// Reads for which it was behind since it last served one.
    behind: AtomicU32,
}

/// What a replica came to.
enum Answer {
    Rows(Vec<MessageRow>),
    Behind,
}

impl Replicas {
    /// The databases at `urls`, each with up to `connections`; looks after them until the shutdown begins.
    ///
    /// # Errors
    /// A URL that is not PostgreSQL's.
    pub fn open(
        urls: &[DatabaseUrl],
        application: &'static str,
        connections: usize,
        shutdown: &Shutdown,
    ) -> sql::Result<Self> {
        let replica = |url: &DatabaseUrl| {
            Ok(Replica {
                db: Db::open_replica(url, application, connections)?,
                name: url.to_string(),
                serves: AtomicBool::new(false),
                reported: AtomicBool::new(false),
                behind: AtomicU32::new(0),
            })
        };
        let replicas = Self {
            members: urls.iter().map(replica).collect::<sql::Result<_>>()?,
            turn: Arc::default(),
        };
        // Shown from the start, so that an alert can tell none from unknown.
        replicas.show();
        for result in ["served", "behind", "failed"] {
            metrics::counter!(READS, "result" => result).increment(0);
        }
        for at in 0..urls.len() {
            shutdown.spawn_until_begun(look_after(replicas.clone(), at));
        }
        Ok(replicas)
    }

    /// The rows of `query`, which holds the condition that it is given, of a replica that knows the room as far as `head`.
    /// `None` where the primary has to be asked.
    pub(super) async fn read<'a, Q>(
        &'a self,
        room_id: &str,
        head: &Head,
        query: impl Fn(Knows) -> Q + Send + Sync,
    ) -> Option<Vec<MessageRow>>
    where
        Q: LoadQuery<'a, Postgres, MessageRow> + Send + 'a,
    {
        let knows = Knows::new(room_id, head)?;
        let replica = self.next()?;
        let attempt = tokio::time::timeout(PATIENCE, replica.read(&knows, &query)).await;
        let (result, rows, wrong) = match attempt {
            Ok(Ok(Answer::Rows(rows))) => {
                replica.serves_again();
                ("served", Some(rows), None)
            }
            Ok(Ok(Answer::Behind)) => (
                "behind",
                None,
                replica.is_late().then(|| "it is behind".to_owned()),
            ),
            Ok(Err(error)) => ("failed", None, Some(error.to_string())),
            Err(_) => ("failed", None, Some("it does not answer".to_owned())),
        };
        metrics::counter!(READS, "result" => result).increment(1);
        if let Some(why) = wrong {
            replica.is_left_out(&why);
            self.show();
        }
        rows
    }

    /// One that serves; they take turns.
    fn next(&self) -> Option<&Replica> {
        let count = self.members.len();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut in_turn = (0..count).filter_map(|step| self.members.get(turn.wrapping_add(step) % count));
        in_turn.find(|replica| replica.serves.load(Ordering::Relaxed))
    }

    fn show(&self) {
        let serving = self
            .members
            .iter()
            .filter(|one| one.serves.load(Ordering::Relaxed));
        let serving = u32::try_from(serving.count()).unwrap_or(u32::MAX);
        metrics::gauge!(SERVING).set(f64::from(serving));
    }
}

/// Asks one that is left out whether it reads messages. Whether it has caught up is seen by the next read.
async fn look_after(replicas: Replicas, at: usize) {
    let Some(replica) = replicas.members.get(at) else {
        return;
    };
    loop {
        if !replica.serves.load(Ordering::Relaxed) {
            match tokio::time::timeout(PATIENCE, replica.probe()).await {
                Ok(Ok(())) => replica.serves.store(true, Ordering::Relaxed),
                Ok(Err(error)) => replica.is_left_out(&error.to_string()),
                Err(_) => replica.is_left_out("it does not answer"),
            }
            replicas.show();
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

impl Replica {
    /// Whether it reads messages: one that is up may still wait for a lock on them that it has taken over.
    async fn probe(&self) -> sql::Result<()> {
        let query = messages::table.select(messages::seq).limit(1);
        let _: Vec<i64> = sql::fetch!(self.db, read, load, query).await?;
        Ok(())
    }

    async fn read<'a, Q>(&'a self, knows: &Knows, query: &(impl Fn(Knows) -> Q + Sync)) -> sql::Result<Answer>
    where
        Q: LoadQuery<'a, Postgres, MessageRow> + Send + 'a,
    {
        Ok(match self.once(knows, query).await? {
            Answer::Behind => {
                tokio::time::sleep(CATCH_UP).await;
                self.once(knows, query).await?
            }
            rows @ Answer::Rows(_) => rows,
        })
    }

    async fn once<'a, Q>(&'a self, knows: &Knows, query: &(impl Fn(Knows) -> Q + Sync)) -> sql::Result<Answer>
    where
        Q: LoadQuery<'a, Postgres, MessageRow> + Send + 'a,
    {
        let sql::Pools::Postgres(pool) = self.db.pools()? else {
            return Err(sql::Error::Unavailable("only PostgreSQL has replicas".to_owned()));
        };
        let mut connection = sql::checkout_postgres(pool).await?;
        let mut rows = diesel_async::RunQueryDsl::load(query(knows.clone()), &mut *connection).await?;
        if rows.is_empty() {
            // Because it does not know, or because there are none? Asked once more, it knows what it knew.
            let known: bool =
                diesel_async::RunQueryDsl::get_result(diesel::select(knows.clone()), &mut *connection)
                    .await?;
            if !known {
                connection.give_back();
                return Ok(Answer::Behind);
            }
            rows = diesel_async::RunQueryDsl::load(query(knows.clone()), &mut *connection).await?;
        }
        connection.give_back();
        Ok(Answer::Rows(rows))
    }

    /// It was behind once more; returns whether that is too often in a row.
    fn is_late(&self) -> bool {
        self.behind.fetch_add(1, Ordering::Relaxed) + 1 >= LATE
    }

    fn is_left_out(&self, why: &str) {
        self.serves.store(false, Ordering::Relaxed);
        // Once, until it serves again.
        if !self.reported.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                replica = self.name,
                why,
                "a replica is left out: the primary is read"
            );
        }
    }

    fn serves_again(&self) {
        self.behind.store(0, Ordering::Relaxed);
        if self.reported.swap(false, Ordering::Relaxed) {
            tracing::info!(replica = self.name, "a replica serves reads again");
        }
    }
}
