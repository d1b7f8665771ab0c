//! Sends acknowledged per second, and a lone one's time, beside the bare database: contenders take turns.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use clap::Args;
use tempfile::TempDir;
use test_support::{postgres, sampling::Sampling};

use crate::{
    callers::{Callers, Seen},
    chat::Chat,
    cpu,
    figures::{Figures, median, micros_each, rate},
    lite, lone, pgbench,
    rows::Rows,
};

/// Turns in which lone sends and bare commits are taken.
const LONE_TURNS: usize = 4;

/// What `send` is told.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// Callers, each of which sends again as soon as it is answered
    #[arg(long, default_value_t = 1024)]
    callers: usize,
    /// gRPC connections that they share
    #[arg(long, default_value_t = 2)]
    connections: usize,
    /// Messages of different callers in one call, at most: as an edge sends them; 1 for calls of their own
    #[arg(long, default_value_t = 48)]
    together: usize,
    /// Rooms that they send to
    #[arg(long, default_value_t = 64)]
    rooms: usize,
    /// Characters of a message
    #[arg(long, default_value_t = 120)]
    characters: usize,
    /// Rounds in which each contender has its turn; medians count
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Seconds of each turn
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Connections of pgbench, where there are as many rooms: as many as chat-svc commits over
    #[arg(long, default_value_t = 3)]
    committers: usize,
    /// Sends of the lone caller in each round
    #[arg(long, default_value_t = 1000)]
    lone: usize,
    /// Where chat-svc keeps them
    #[arg(long, value_enum, default_value_t = Store::Postgres)]
    on: Store,
    /// Where to put samples of the stacks of chat-svc and its database under the callers of the last round (Linux perf)
    #[arg(long)]
    profile: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Store {
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
            together: self.together,
            run,
        }
    }
}

/// Measures.
pub(crate) async fn run(settings: Settings) -> Figures {
    match settings.on {
        Store::Postgres => on_postgres(&settings).await,
        Store::Sqlite => on_sqlite(&settings).await,
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
    let sampling = settings.profile.as_deref().map(|file| {
        let mut pids = vec![chat.pid()];
        // With its parent: the connections that are made meanwhile are its children, too.
        pids.extend(store);
        pids.extend(store.into_iter().flat_map(cpu::children));
        Sampling::begin(&pids, file).expect("perf samples")
    });
    let seen = tokio::task::spawn_blocking(move || callers.send(how_long));
    let seen: Seen = seen.await.expect("callers");
    if let Some(sampling) = sampling {
        sampling.end().expect("perf ends");
    }
    assert_eq!(seen.refused, 0, "a send was refused");
    let after = chat.batches().await;
    Turn {
        rate: rate(seen.acknowledged, seen.lasted),
        batch: (after.1 - batches.1) / (after.0 - batches.0).max(1.0),
        chat_micros: micros_each(cpu::of(chat.pid()).saturating_sub(used), seen.acknowledged),
        store_micros: micros_each(store_cpu().saturating_sub(store_used), seen.acknowledged),
    }
}

async fn on_postgres(settings: &Settings) -> Figures {
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
    let mut figures = Figures::default();
    compare_lone(settings, &chat, &mut figures, |count| {
        bare.lone(count, settings.row())
    })
    .await;
    let (mut own, mut bares) = (Vec::new(), Bares::default());
    for round in 0..settings.rounds {
        let turn = turn(settings, &chat, pid, round).await;
        let mut pgbench = |connections, rows| bare.rows_per_second(connections, rows, settings.turn());
        let connections = settings.connections();
        bares.add("same_batches", &turn, pgbench(connections, settings.rows(&turn)));
        bares.add("one_row_each", &turn, pgbench(connections, settings.row()));
        bares.add("one_row_each_over_one", &turn, pgbench(1, settings.row()));
        own.push(turn);
    }
    check(&database).await;
    note(&own, &mut figures);
    bares.note(&mut figures);
    figures
}

async fn on_sqlite(settings: &Settings) -> Figures {
    let folder = TempDir::new().expect("a folder");
    let chat = Chat::start(&format!("sqlite://{}", folder.path().join("chat.db").display())).await;
    chat.make_rooms(settings.rooms).await;
    let mut bare = lite::Bare::new(&folder.path().join("bare.db"), settings.rooms).await;
    let mut figures = Figures::default();
    compare_lone(settings, &chat, &mut figures, |count| {
        bare.lone(count, settings.row())
    })
    .await;
    let (mut own, mut bares) = (Vec::new(), Bares::default());
    for round in 0..settings.rounds {
        let turn = turn(settings, &chat, None, round).await;
        let mut insert = |way| bare.rows_per_second(way, settings.rows(&turn), settings.turn());
        let (together, one_by_one) = (insert(lite::Way::Together), insert(lite::Way::OneByOne));
        bares.add("insert_of_many", &turn, together);
        bares.add("prepared_inserts", &turn, one_by_one);
        bares.add("better_way", &turn, together.max(one_by_one));
        own.push(turn);
    }
    note(&own, &mut figures);
    bares.note(&mut figures);
    figures
}

/// How long a send takes with nobody else there, and `bare` commits of one row: in turns, then all together.
async fn compare_lone(
    settings: &Settings,
    chat: &Chat,
    figures: &mut Figures,
    mut bare: impl FnMut(usize) -> Vec<Duration>,
) {
    let (mut own, mut bares) = (Vec::new(), Vec::new());
    for turn in 0..LONE_TURNS {
        let lone = lone::Lone::new(chat, settings.characters, turn);
        own.extend(lone.take(settings.lone / LONE_TURNS).await);
        bares.extend(bare(settings.lone / LONE_TURNS));
    }
    let p99 = figures.spread("lone", &mut own);
    let bare = figures.spread("bare_lone", &mut bares);
    figures.set("lone_p99_by_2_bare_and_1_ms", p99 / (2.0 * bare + 1.0));
}

/// What the store does by itself, by the way it is given the rows: per second, and chat-svc's rate by that of the same round.
#[derive(Debug, Default)]
struct Bares(BTreeMap<&'static str, (Vec<f64>, Vec<f64>)>);

impl Bares {
    fn add(&mut self, way: &'static str, own: &Turn, rate: f64) {
        let (rates, ratios) = self.0.entry(way).or_default();
        rates.push(rate);
        ratios.push(own.rate / rate);
    }

    fn note(self, figures: &mut Figures) {
        for (way, (rates, ratios)) in self.0 {
            figures.set(&format!("{way}_per_s"), median(rates));
            figures.set(&format!("by_{way}"), median(ratios));
        }
    }
}

fn note(turns: &[Turn], figures: &mut Figures) {
    let of = |figure: fn(&Turn) -> f64| median(turns.iter().map(figure).collect());
    figures.set("per_s", of(|turn| turn.rate));
    figures.set("in_a_batch", of(|turn| turn.batch));
    figures.set("chat-svc_us_per_send", of(|turn| turn.chat_micros));
    figures.set("store_us_per_send", of(|turn| turn.store_micros));
}

/// Panics unless every room's log is without gaps.
async fn check(database: &postgres::Database) {
    let query = "SELECT count(*) FROM rooms JOIN (SELECT room_id, count(*), max(seq), min(seq) FROM messages \
                 GROUP BY room_id) AS log ON room_id = id WHERE last_seq <> count OR max <> count OR min <> 1";
    let client = database.client().await;
    let row = client.query_one(query, &[]).await.expect("an answer");
    assert_eq!(row.get::<_, i64>(0), 0, "rooms with gaps");
}
