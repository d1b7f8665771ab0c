//! What is done to a contender.

mod bare;
mod connect;
mod cost;
mod fan_out;
mod files;
mod idle;
mod million;
mod pages;
mod rest;
mod resume;
mod send;
mod start_up;
mod store;
mod wide;

use std::time::Duration;

use crate::{
    contender::{self, Setup},
    fault::{Fault, Result},
    record::Record,
};

/// The names of all workloads.
pub(crate) const NAMES: [&str; 20] = [
    "room-single",
    "room-burst",
    "small-rooms",
    "many-rooms",
    "idle",
    "latency",
    "connect",
    "resume",
    "pages",
    "send",
    "send-sqlite",
    "store-postgres",
    "store-few-callers",
    "store-one-room",
    "store-sqlite",
    "history",
    "files",
    "million",
    "start",
    "wide-room",
];

/// How large a workload is, where it is not as large as usual.
#[derive(Debug, Clone, Default, clap::Args)]
#[expect(clippy::struct_field_names, reason = "they are what the flags are called")]
pub(crate) struct Size {
    /// Sockets in all
    #[arg(long)]
    pub(crate) sockets: Option<u64>,
    /// Sockets in a room
    #[arg(long)]
    pub(crate) room_size: Option<u64>,
    /// Messages per second
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// Messages in a burst, or in a room's history; MiB of a file
    #[arg(long)]
    pub(crate) burst: Option<u64>,
    /// Seconds of measuring
    #[arg(long)]
    pub(crate) seconds: Option<f64>,
    /// Further sockets that are sent nothing
    #[arg(long)]
    pub(crate) idle: Option<u64>,
    /// Rooms that each socket subscribes to
    #[arg(long)]
    pub(crate) rooms_per_socket: Option<u64>,
    /// All sockets of a room at the same edge
    #[arg(long)]
    pub(crate) apart: bool,
    /// Threads of the generator that hold sockets
    #[arg(long)]
    pub(crate) threads: Option<usize>,
}

impl Size {
    fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.unwrap_or(5.0))
    }
}

/// Runs a workload on a contender, which is started for it.
pub(crate) async fn run(workload: &str, contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    match workload {
        "room-single" => fan_out::room_single(contender, size, setup).await,
        "room-burst" => fan_out::room_burst(contender, size, setup).await,
        "small-rooms" => fan_out::small_rooms(contender, size, setup).await,
        "many-rooms" => fan_out::many_rooms(contender, size, setup).await,
        "pages" => pages::pages(contender, size, setup).await,
        "idle" => idle::idle(contender, size, setup).await,
        "latency" => fan_out::latency(contender, size, setup).await,
        "connect" => connect::connect(contender, size, setup).await,
        "resume" => resume::resume(contender, size, setup).await,
        "send" => send::send(contender, size, setup).await,
        "send-sqlite" => send::send_sqlite(contender, size, setup).await,
        "store-postgres" => store::sends(workload, &[], setup).await,
        "store-few-callers" => store::sends(workload, &["--callers", "256"], setup).await,
        "store-one-room" => store::sends(workload, &["--rooms", "1"], setup).await,
        "store-sqlite" => store::sends(workload, &["--on", "sqlite"], setup).await,
        "history" => store::history(size, setup).await,
        "files" => files::files(contender, size, setup).await,
        "million" => million::million(contender, size, setup).await,
        "start" => start_up::start(setup).await,
        "wide-room" => wide::wide_room(contender, size, setup).await,
        other => Err(Fault::other(format!(
            "no workload is called {other}: there are {}",
            NAMES.join(", ")
        ))),
    }
}

/// A contender that is prepared for so many rooms.
async fn start(name: &str, setup: &Setup, rooms: u64) -> Result<contender::Running> {
    let setup = Setup {
        rooms,
        ..setup.clone()
    };
    contender::start(name, &setup).await
}
