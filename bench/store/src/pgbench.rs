//! What PostgreSQL does by itself with the same rows: pgbench inserts them, made on the server, into the same tables.

use std::{path::PathBuf, process::Command, time::Duration};

use sql::{DatabaseUrl, Db};
use tempfile::TempDir;
use test_support::{binaries, postgres::Database};

use crate::rows::{Rows, USERS};

/// A database with chat-svc's tables, and pgbench.
pub(crate) struct Bare {
    database: Database,
    program: PathBuf,
    folder: TempDir,
    /// Where the seqs of the next run begin: each has so many to itself.
    next_seq: usize,
}

/// Seqs of one run.
const SEQS: usize = 10_000_000;

impl Bare {
    /// Makes the tables, and so many rooms.
    pub(crate) async fn new(database: Database, rooms: usize) -> Self {
        let url: DatabaseUrl = database.url().parse().expect("a URL");
        let db = Db::open(&url, "bench", 1).expect("a store");
        db.migrate(&chat_svc::store::MIGRATIONS).await.expect("tables");
        let rooms = format!(
            "INSERT INTO rooms (id, name) SELECT 'bench-' || n, n FROM generate_series(0, {rooms} - 1) AS n"
        );
        let client = database.client().await;
        client.batch_execute(&rooms).await.expect("rooms");
        Self {
            database,
            program: binaries::system("pgbench", &[]),
            folder: TempDir::new().expect("a folder"),
            next_seq: 0,
        }
    }

    /// Rows per second where so many connections insert `rows` in each transaction, for so long.
    pub(crate) fn rows_per_second(&mut self, connections: usize, rows: Rows, how_long: Duration) -> f64 {
        let told = self.run(rows, connections, &[format!("--time={}", how_long.as_secs())]);
        let tps = told.lines().find_map(|line| {
            line.strip_prefix("tps = ")?
                .split(' ')
                .next()?
                .parse::<f64>()
                .ok()
        });
        tps.expect("pgbench tells its tps") * crate::figures::number(rows.batch)
    }

    /// How long each of so many transactions of one row took, one after the other.
    pub(crate) fn lone(&mut self, count: usize, rows: Rows) -> Vec<Duration> {
        let log = self.folder.path().join("log");
        let options = [
            format!("--transactions={count}"),
            "--log".to_owned(),
            format!("--log-prefix={}", log.display()),
        ];
        self.run(Rows { batch: 1, ..rows }, 1, &options);
        let mut took = Vec::new();
        for entry in std::fs::read_dir(self.folder.path())
            .expect("the folder")
            .flatten()
        {
            if !entry.file_name().to_string_lossy().starts_with("log.") {
                continue;
            }
            let log = std::fs::read_to_string(entry.path()).expect("pgbench's log");
            let micros = log
                .lines()
                .filter_map(|line| line.split(' ').nth(2)?.parse().ok());
            took.extend(micros.map(Duration::from_micros));
            std::fs::remove_file(entry.path()).expect("the log can go");
        }
        took
    }

    fn run(&mut self, rows: Rows, connections: usize, options: &[String]) -> String {
        let script = self.folder.path().join("script.sql");
        std::fs::write(&script, statement(rows, connections)).expect("a script");
        let mut command = Command::new(&self.program);
        command
            .args(["--no-vacuum", "--protocol=prepared", "--jobs=1"])
            .arg(format!("--client={connections}"))
            .arg(format!("--define=n={}", self.next_seq))
            .arg(format!("--define=first={}", self.next_seq))
            .arg(format!("--file={}", script.display()))
            .args(options)
            .arg(self.database.url());
        self.next_seq += SEQS;
        let output = command.output().expect("pgbench can be run");
        let (told, errors) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{command:?}: {told}{errors}");
        told.into_owned()
    }
}

/// Rows as chat-svc makes them, in as many rooms, of which each connection has its own as each committer has: an id of 36
/// characters that grows with time, 10 columns, four indexes. Made from numbers on the server, so that next to nothing but
/// their insertion is measured.
fn statement(rows: Rows, connections: usize) -> String {
    let Rows {
        batch,
        rooms,
        characters,
    } = rows;
    format!(
        "\\set n :n + {batch}\n\
         INSERT INTO messages (id, room_id, user_id, username, content, message_type, created_at, seq, change_seq, \
         client_msg_id) \
         SELECT '0192' || lpad(to_hex(n), 8, '0') || '-7000-8000-' || lpad(:client_id::text, 12, '0'), \
         'bench-' || seq % {rooms}, 'user-0-' || (seq / {rooms} % {USERS}), 'user-0-' || (seq / {rooms} % {USERS}), \
         repeat('x', {characters}), 'text', now(), seq, seq, 'run-' || seq \
         FROM generate_series(:n - {batch} + 1, :n) AS n, \
         LATERAL (SELECT :first + (n - :first) * {connections} + :client_id AS seq) AS numbered;\n"
    )
}
