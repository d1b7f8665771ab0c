//! Counts the instructions of the hot path with callgrind, and holds them against committed numbers: a change that makes
//! it dearer is seen on any machine, however noisy.
//!
//! The program runs itself under valgrind, twice for each piece of work: with some rounds and with twice as many. The
//! difference is what the rounds took, without start, set-up or end, so the binary is measured as it ships, without symbols.

mod committed;
mod count;
mod verdict;
mod work;

use std::{
    io::{Write as _, stdout},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use committed::Committed;

/// The numbers that are committed.
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.json");

#[derive(Parser)]
#[command(about, version)]
struct Arguments {
    /// Take what is counted as the committed numbers
    #[arg(long)]
    accept: bool,

    /// Where the committed numbers are
    #[arg(long, value_name = "FILE", default_value = COMMITTED)]
    committed: PathBuf,

    /// Count only work whose name has this in it
    #[arg(value_name = "NAME")]
    only: Option<String>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Do the work, for a profiler to look at
    Work {
        /// What to do
        name: String,
        /// How many times
        rounds: u64,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(verdict) => verdict,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::from(70)
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    if let Some(Command::Work { name, rounds }) = arguments.command {
        let Some(work) = work::ALL.iter().find(|work| work.name == name) else {
            return Err(format!("there is no work called {name}").into());
        };
        (work.run)(rounds);
        return Ok(ExitCode::SUCCESS);
    }
    let mut committed = Committed::read(&arguments.committed)?;
    let wanted = |name: &str| arguments.only.as_deref().is_none_or(|only| name.contains(only));
    let mut counted = Vec::new();
    for work in work::ALL.iter().filter(|work| wanted(work.name)) {
        counted.push((work.name, count::instructions(work)?));
    }
    let table = verdict::Table::new(&committed, &counted);
    write!(stdout(), "{table}")?;
    if arguments.accept {
        committed.take(&counted);
        committed.write(&arguments.committed)?;
        writeln!(stdout(), "Accepted: {}", arguments.committed.display())?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(if table.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[expect(clippy::print_stderr, reason = "what a command says to whoever called it")]
fn complain(what: &str) {
    eprintln!("{what}");
}
