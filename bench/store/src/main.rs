//! Measures chat-svc and its store on this machine; prints what it found as Markdown.
#![expect(
    clippy::expect_used,
    reason = "a measurement has nothing to do with an error but to stop and say what failed"
)]

mod callers;
mod chat;
mod cpu;
mod figures;
mod history;
mod http2;
mod lite;
mod lone;
mod pgbench;
mod rows;
mod send;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    about = "Measures chat-svc and its store beside the bare database. Build chat-svc with --release first."
)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Sends acknowledged per second, and how long a lone one takes, on PostgreSQL and on SQLite
    Send(send::Settings),
    /// Pages, resumes and heads of one room as its log grows to ten million messages, and in partitions (PostgreSQL)
    History(history::Settings),
}

#[tokio::main]
async fn main() {
    match Args::parse().what {
        What::Send(settings) => send::run(settings).await,
        What::History(settings) => history::run(settings).await,
    }
}
