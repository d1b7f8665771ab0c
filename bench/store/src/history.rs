//! Reading one room's log as it grows to ten million messages: flat, or not; before and after it is cut into partitions.

mod calls;
mod fill;
mod plans;

use std::{process::Stdio, time::Instant};

use clap::Args;
use test_support::{binaries, postgres};

use crate::chat::Chat;

/// What `history` is told.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// How many messages the room has, one measurement after the other
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000,10000000")]
    sizes: Vec<u32>,
    /// Calls of each kind at each size
    #[arg(long, default_value_t = 300)]
    calls: usize,
    /// Partitions into which the last size is cut, and measured again; 0 for none
    #[arg(long, default_value_t = 16)]
    partitions: u16,
    /// Characters of a message
    #[arg(long, default_value_t = 120)]
    characters: usize,
}

/// Measures and prints. The database is removed at the end.
#[expect(clippy::print_stdout, reason = "the report")]
pub(crate) async fn run(settings: Settings) {
    println!("{settings:?}\n");
    // Nothing has to outlive a crash here, and what is measured only reads.
    let server = postgres::Server::start_with(postgres::Settings {
        durability: postgres::Durability::Off,
        scale: postgres::Scale::Load,
        ..postgres::Settings::default()
    })
    .await;
    let database = server.create_database("chat_db").await;
    let chat = Chat::start(database.url()).await;
    chat.make_rooms(1).await;
    let client = database.client().await;
    calls::print_head();
    let mut filled = 0;
    for size in settings.sizes.iter().copied() {
        fill::extend(&client, filled, size, settings.characters).await;
        filled = size;
        calls::measure(&chat, size, settings.calls, "").await;
        plans::check(&client, size).await;
    }
    if settings.partitions > 0 {
        let began = Instant::now();
        partition(database.url(), settings.partitions).await;
        let took = began.elapsed().as_secs_f64();
        let name = format!(", {} partitions", settings.partitions);
        calls::measure(&chat, filled, settings.calls, &name).await;
        plans::check(&client, filled).await;
        println!("\npartition-messages took {took:.0} s for {filled} messages");
    }
    println!("\nno plan sorts, or reads a table from its beginning");
}

async fn partition(url: &str, into: u16) {
    let (url, program) = (url.to_owned(), binaries::build_folder().join("chat-svc"));
    let running = tokio::task::spawn_blocking(move || {
        std::process::Command::new(program)
            .args(["partition-messages", "--into", &into.to_string()])
            .env("DATABASE_URL", url)
            .stdout(Stdio::null())
            .status()
    });
    let status = running.await.expect("no panic").expect("chat-svc can be run");
    assert!(status.success(), "partition-messages: {status}");
}
