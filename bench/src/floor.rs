//! The floor: the least that a server has to do for the same deliveries. It holds sockets after a bare handshake, listens to the same Redis, and
//! writes to each member of a room with plain `send`, or through `io_uring`, from one epoll thread per core. No limits, no order, no gaps noticed, no identities.

mod bus;
mod member;
mod rooms;
mod thread;

use std::net::SocketAddr;

use crate::fault::{Doing, Result};

/// How a floor is started.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Arguments {
    /// The port on 127.0.0.1
    #[arg(long)]
    port: u16,
    /// Where Redis is
    #[arg(long)]
    redis: SocketAddr,
    /// How it writes
    #[arg(long, value_enum)]
    write: Write,
    /// How many threads; 0 for one per core
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

/// How it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Write {
    /// One `send` per message and member
    Frame,
    /// One `send` per member for all that one read of Redis brought for its room
    Batch,
    /// The same, with all sends of one read in one system call, by `io_uring`
    Ring,
}

/// Serves until it is ended.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if arguments.threads == 0 {
        cores
    } else {
        arguments.threads
    };
    let started: Result<Vec<_>> = (0..threads).map(|_| thread::Thread::open(arguments)).collect();
    let running: Result<Vec<_>> = started?
        .into_iter()
        .map(|mut thread| {
            std::thread::Builder::new()
                .spawn(move || thread.run())
                .doing("a thread")
        })
        .collect();
    for thread in running? {
        match thread.join() {
            Ok(ended) => ended?,
            Err(_) => return Err(crate::fault::Fault::other("a thread of the floor panicked")),
        }
    }
    Ok(())
}
