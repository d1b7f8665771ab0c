//! Sends acknowledged per second, and a lone one's time, beside the bare database: contenders take turns.

use std::time::Duration;

use clap::Args;
use tempfile::TempDir;
use test_support::postgres;

use crate::{
    callers::{Callers, Seen},
    chat::Chat,
    cpu,
    figures::{median, micros_each, number, rate},
    lite, lone, pgbench,
    rows::Rows,
};

/// What `send` is told.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// Callers, each of which sends again as soon as it is answered
    #[arg(long, default_value_t = 256)]
    callers: usize,
    /// gRPC connections that they share
    #[arg(long, default_value_t = 2)]
    connections: usize,
    /// Rooms that they send to
    #[arg(long, default_value_t = 64)]
    rooms: usize,
    /// Characters of a message
    #[arg(long, default_value_t = 120)]
    characters: usize,
    /// Rounds in which each contender has its turn; medians are printed
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each turn
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Connections of pgbench, where there are as many rooms: as many as chat-svc commits over
    #[arg(long, default_value_t = 2)]
    committers: usize,
    /// Sends of the lone caller in each round
    #[arg(long, default_value_t = 500)]
    lone: usize,
    /// Only this store
    #[arg(long)]
    only: Option<Only>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Only {
    Postgres,
    Sqlite,
}

impl Settings {
    fn turn(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// Connections over which chat-svc commits: a room's changes all go over the same one.
    fn connections(&self) -> usize {
        self.committers.min(self.rooms)
    }

    /// Transactions of the bare database, of as many rows as chat-svc's had changes in `turn`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a batch has 1 to 512 rows"
    )]
    fn rows(&self, turn: &Turn) -> Rows {
        Rows {
            batch: turn.batch.round().max(1.0) as usize,
            ..self.row()
        }
    }

    /// A transaction of one row.
    fn row(&self) -> Rows {
        Rows {
            batch: 1,
            rooms: self.rooms,
            characters: self.characters,
        }
    }

    fn callers(&self, chat: &Chat, run: usize) -> Callers {
        Callers {
            address: chat.address(),
            connections: self.connections,
            count: self.callers,
            rooms: self.rooms,
            characters: self.characters,
            run,
        }
    }
}

/// Measures and prints.
#[expect(clippy::print_stdout, reason = "the report")]
pub(crate) async fn run(settings: Settings) {
    println!("{settings:?}\n");
    if settings.only != Some(Only::Sqlite) {
        on_postgres(&settings).await;
    }
    if settings.only != Some(Only::Postgres) {
        on_sqlite(&settings).await;
    }
}

/// What chat-svc reached in one turn.
struct Turn {
    rate: f64,
    batch: f64,
    chat_micros: f64,
    store_micros: f64,
}

async fn turn(settings: &Settings, chat: &Chat, store: Option<u32>, run: usize) -> Turn {
    let callers = settings.callers(chat, run);
    let store_cpu = || store.map_or(Duration::ZERO, cpu::of_family);
    let (batches, used, store_used) = (chat.batches().await, cpu::of(chat.pid()), store_cpu());
    let how_long = settings.turn();
    let seen = tokio::task::spawn_blocking(move || callers.send(how_long));
    let seen: Seen = seen.await.expect("callers");
    assert_eq!(seen.refused, 0, "a send was refused");
    let after = chat.batches().await;
    Turn {
        rate: rate(seen.acknowledged, seen.lasted),
        batch: (after.1 - batches.1) / (after.0 - batches.0).max(1.0),
        chat_micros: micros_each(cpu::of(chat.pid()).saturating_sub(used), seen.acknowledged),
        store_micros: micros_each(store_cpu().saturating_sub(store_used), seen.acknowledged),
    }
}

#[expect(clippy::print_stdout, reason = "the report")]
async fn on_postgres(settings: &Settings) {
    let server = postgres::Server::start_with(postgres::Settings {
        durability: postgres::Durability::Full,
        scale: postgres::Scale::Load,
        ..postgres::Settings::default()
    })
    .await;
    let database = server.create_database("chat_db").await;
    let chat = Chat::start(database.url()).await;
    chat.make_rooms(settings.rooms).await;
    let mut bare = pgbench::Bare::new(server.create_database("bare").await, settings.rooms).await;
    let pid = server.process().pid();

    let mut lone = lone::Compared::default();
    for round in 0..settings.rounds {
        let own = lone::Lone::new(&chat, settings.characters, round);
        let own = own.take(settings.lone).await;
        lone.add(own, bare.lone(settings.lone, settings.row()));
    }
    lone.print("PostgreSQL, synchronous_commit=on");

    let (mut own, mut batched, mut single, mut alone) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..settings.rounds {
        let turn = turn(settings, &chat, pid, round).await;
        let mut pgbench = |connections, rows| bare.rows_per_second(connections, rows, settings.turn());
        batched.push(pgbench(settings.connections(), settings.rows(&turn)));
        single.push(pgbench(settings.connections(), settings.row()));
        alone.push(pgbench(1, settings.row()));
        own.push(turn);
    }
    check(&database).await;
    let (own_rate, batched) = (print(&own), median(batched));
    println!(
        "| pgbench, rows in the same batches, {} connections | {batched:.0} |",
        settings.connections()
    );
    let (single, alone) = (median(single), median(alone));
    println!(
        "| pgbench, one row per transaction, {} connections | {single:.0} |",
        settings.connections()
    );
    println!("| pgbench, one row per transaction, 1 connection | {alone:.0} |");
    println!(
        "\nchat-svc ÷ pgbench in batches: {:.2} (mark: at least 0.5); ÷ one row per transaction: {:.1} over {} \
         connections, {:.1} over one (mark: at least 20)\n",
        own_rate / batched,
        own_rate / single,
        settings.connections(),
        own_rate / alone
    );
}

#[expect(clippy::print_stdout, reason = "the report")]
async fn on_sqlite(settings: &Settings) {
    let folder = TempDir::new().expect("a folder");
    let chat = Chat::start(&format!("sqlite://{}", folder.path().join("chat.db").display())).await;
    chat.make_rooms(settings.rooms).await;
    let mut bare = lite::Bare::new(&folder.path().join("bare.db"), settings.rooms).await;

    let mut lone = lone::Compared::default();
    for round in 0..settings.rounds {
        let own = lone::Lone::new(&chat, settings.characters, round);
        let own = own.take(settings.lone).await;
        lone.add(own, bare.lone(settings.lone, settings.row()));
    }
    lone.print("SQLite, WAL, synchronous=NORMAL");

    let (mut own, mut together, mut one_by_one) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..settings.rounds {
        let turn = turn(settings, &chat, None, round).await;
        let mut insert = |way| bare.rows_per_second(way, settings.rows(&turn), settings.turn());
        together.push(insert(lite::Way::Together));
        one_by_one.push(insert(lite::Way::OneByOne));
        own.push(turn);
    }
    let own_rate = print(&own);
    let (together, one_by_one) = (median(together), median(one_by_one));
    println!("| SQLite in process, one insert of many rows | {together:.0} |");
    println!("| SQLite in process, a prepared insert for each row | {one_by_one:.0} |");
    println!(
        "\nchat-svc ÷ the better one: {:.2} (mark: at least 0.5)\n",
        own_rate / together.max(one_by_one)
    );
}

/// Prints the table's head and chat-svc's line; its rate.
#[expect(clippy::print_stdout, reason = "the report")]
fn print(turns: &[Turn]) -> f64 {
    let of = |figure: fn(&Turn) -> f64| median(turns.iter().map(figure).collect());
    let rate = of(|turn| turn.rate);
    println!(
        "| contender | rows/s (median of {}) |\n|---|---|",
        number(turns.len())
    );
    println!(
        "| chat-svc, acknowledged sends; {:.0} in a batch; CPU µs each: {:.1} chat-svc, {:.1} store | {rate:.0} |",
        of(|turn| turn.batch),
        of(|turn| turn.chat_micros),
        of(|turn| turn.store_micros)
    );
    rate
}

/// Panics unless every room's log is without gaps.
async fn check(database: &postgres::Database) {
    let query = "SELECT count(*) FROM rooms JOIN (SELECT room_id, count(*), max(seq), min(seq) FROM messages \
                 GROUP BY room_id) AS log ON room_id = id WHERE last_seq <> count OR max <> count OR min <> 1";
    let client = database.client().await;
    let row = client.query_one(query, &[]).await.expect("an answer");
    assert_eq!(row.get::<_, i64>(0), 0, "rooms with gaps");
}
