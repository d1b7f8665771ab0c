//! Measures chat-svc and its store on this machine; prints what it found as a line of JSON.
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
    /// Sends acknowledged per second, and how long a lone one takes, beside what the store does by itself
    Send(send::Settings),
    /// Pages, resumes and heads of one room with a long log, and the same in partitions (PostgreSQL)
    History(history::Settings),
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the report")]
async fn main() {
    let figures = match Args::parse().what {
        What::Send(settings) => send::run(settings).await,
        What::History(settings) => history::run(settings).await,
    };
    println!("{}", figures.json());
}
