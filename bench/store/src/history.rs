//! Reading one room's log, before and after it is cut into partitions: no slower the longer it is, or else.

mod calls;
mod fill;
mod plans;

use std::{process::Stdio, time::Instant};

use clap::Args;
use test_support::{binaries, postgres};

use crate::{chat::Chat, figures::Figures};

/// What `history` is told.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// How many messages the room has
    #[arg(long, default_value_t = 10_000_000)]
    messages: u32,
    /// Calls of each kind
    #[arg(long, default_value_t = 300)]
    calls: usize,
    /// Partitions into which the messages are cut, and measured again; 0 for none
    #[arg(long, default_value_t = 0)]
    partitions: u16,
    /// Characters of a message
    #[arg(long, default_value_t = 120)]
    characters: usize,
}

/// Measures. The database is removed at the end.
pub(crate) async fn run(settings: Settings) -> Figures {
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
    let mut figures = Figures::default();
    let began = Instant::now();
    fill::fill(&client, settings.messages, settings.characters).await;
    figures.set("fill_s", began.elapsed().as_secs_f64());
    calls::measure(&chat, &settings, "", &mut figures).await;
    plans::check(&client, settings.messages).await;
    if settings.partitions > 0 {
        let began = Instant::now();
        partition(database.url(), settings.partitions).await;
        figures.set("partition_messages_s", began.elapsed().as_secs_f64());
        calls::measure(&chat, &settings, "partitioned_", &mut figures).await;
        plans::check(&client, settings.messages).await;
    }
    figures
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
