//! Measures ChatFlow beside the floor of the machine and beside other servers: `bench --help` lists what there is.

mod circumstances;
mod clock;
mod contender;
mod control;
mod fault;
mod floor;
mod generator;
mod limits;
mod load;
mod one;
mod payload;
mod proc;
mod record;
mod suite;
mod workload;

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand};

/// Measures ChatFlow, the floors and other servers over the same work.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One workload on one contender; prints a line of JSON
    One(one::Arguments),
    /// All workloads on all contenders in turns; writes RESULTS.md, results.json and plots
    All(suite::Arguments),
    /// Holds sockets and publishes, told what to do by lines of JSON on standard input (started by the others)
    #[command(hide = true)]
    Generator(generator::Arguments),
    /// Holds sockets and writes what Redis brings, with nothing else (started by the others)
    #[command(hide = true)]
    Floor(floor::Arguments),
}

fn main() -> ExitCode {
    limits::sockets();
    let done = match Arguments::parse().command {
        Command::One(arguments) => one::run(arguments),
        Command::All(arguments) => suite::run(&arguments),
        Command::Generator(arguments) => generator::run(&arguments),
        Command::Floor(arguments) => floor::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            let _ = writeln!(std::io::stderr(), "bench: {fault}");
            ExitCode::FAILURE
        }
    }
}
