//! The command line: which seeds, for how long, and what is printed.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use test_support::cluster::Cluster;

use crate::{
    run::{Outcome, Plan},
    schedule::{Pace, Shape},
    town::Size,
};

/// Faults under load: simulated people on a real cluster, and a checker of everything they saw
///
/// Starts its own PostgreSQL, Redis, S3 server and replicas of every service on free ports, draws a town and a schedule
/// of faults from the seed, and holds at the end what everybody saw against what is stored. The exit code is 0 where
/// every promise held, 1 where not.
#[derive(Debug, Clone, Parser)]
#[command(name = "chaos", version, args_conflicts_with_subcommands = true)]
struct Options {
    /// What to do instead of a seeded run
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    runs: Runs,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Replaces every process, one by one, under load: no send may fail, nothing may be missing
    Rolling {
        /// The seed of the town; drawn where it is not given
        #[arg(long)]
        seed: Option<u64>,
        /// How often everything is replaced
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
        rounds: u32,
    },
}

#[derive(Debug, Clone, clap::Args)]
struct Runs {
    /// The seed; drawn where it is not given. The same one makes the same town and the same schedule
    #[arg(long)]
    seed: Option<u64>,
    /// How long people live, in minutes
    #[arg(long, default_value_t = 3.0, value_parser = minutes)]
    minutes: f64,
    /// How many runs: this seed and those that follow it, each on a fresh cluster
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    seeds: u32,
    /// How many people
    #[arg(long, default_value_t = Size::default().people, value_parser = clap::value_parser!(u32).range(2..=500))]
    people: u32,
    /// One fault at a time, with some seconds between two, so that each wait has one cause
    #[arg(long)]
    alone: bool,
    /// Print the table of stalls as Markdown, too
    #[arg(long)]
    markdown: bool,
    /// Where to leave the logs of all processes of a run that failed
    #[arg(long, default_value = "target/chaos")]
    logs: PathBuf,
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.1..=24.0 * 60.0).contains(&minutes) {
        Ok(minutes)
    } else {
        Err("between 0.1 and 1440".to_owned())
    }
}

/// The body of `main`.
pub fn run() -> ExitCode {
    let options = Options::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(format!("can't start threads: {error}"));
            return ExitCode::from(69);
        }
    };
    let ok = runtime.block_on(async {
        match options.command {
            Some(Command::Rolling { seed, rounds }) => {
                crate::rolling::run(seed.unwrap_or_else(any_seed), rounds, say).await
            }
            None => many(options.runs).await,
        }
    });
    match ok {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(trouble) => {
            say(trouble);
            ExitCode::from(69)
        }
    }
}

async fn many(runs: Runs) -> Result<bool, String> {
    let first = runs.seed.unwrap_or_else(any_seed);
    let mut failed = Vec::new();
    for seed in first..first.saturating_add(u64::from(runs.seeds)) {
        if !one(seed, &runs).await? {
            failed.push(seed);
        }
    }
    if runs.seeds > 1 {
        say(format!("{} runs, failed: {failed:?}", runs.seeds));
    }
    Ok(failed.is_empty())
}

/// Small enough to be typed again.
fn any_seed() -> u64 {
    rand::random::<u32>().into()
}

async fn one(seed: u64, runs: &Runs) -> Result<bool, String> {
    let size = Size {
        people: runs.people,
        ..Size::default()
    };
    let lasts = Duration::from_secs_f64(runs.minutes * 60.0);
    let pace = if runs.alone { Pace::Alone } else { Pace::Dense };
    let plan = Plan::draw(seed, lasts, size, Shape::default(), pace);
    say(format!(
        "seed {seed}: {} people, {} faults in {:.1} minutes",
        plan.town.len(),
        plan.schedule.len(),
        runs.minutes
    ));
    let cluster = plan.cluster().await;
    let outcome = plan.run(&cluster, say).await?;
    say(outcome.to_string());
    if runs.markdown {
        say(outcome.stalls.markdown());
    }
    if !outcome.is_ok() {
        keep_logs(&outcome, &cluster, runs);
        say(format!(
            "again: cargo run --release -p chaos -- --seed {seed} --minutes {} --people {}{}",
            runs.minutes,
            runs.people,
            if runs.alone { " --alone" } else { "" }
        ));
    }
    Ok(outcome.is_ok())
}

fn keep_logs(outcome: &Outcome, cluster: &Cluster, runs: &Runs) {
    let folder = runs.logs.join(format!("seed-{}", outcome.seed));
    let kept = std::fs::create_dir_all(&folder).and_then(|()| {
        for part in cluster.parts() {
            let lines = cluster.process(part).output().lines().join("\n");
            std::fs::write(folder.join(format!("{part}.log")), lines)?;
        }
        std::fs::write(folder.join("verdict.txt"), outcome.to_string())
    });
    match kept {
        Ok(()) => say(format!("logs: {}", folder.display())),
        Err(error) => say(format!("the logs can't be kept in {}: {error}", folder.display())),
    }
}

#[expect(clippy::print_stdout, reason = "what a program for the terminal is for")]
#[expect(clippy::needless_pass_by_value, reason = "what `tell` of a run is")]
fn say(line: String) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
        let options = Options::try_parse_from(["chaos", "--seed", "42", "--minutes", "3"]).unwrap();
        assert_eq!(options.runs.seed, Some(42));
        assert!(Options::try_parse_from(["chaos", "--minutes", "0"]).is_err());
        assert!(Options::try_parse_from(["chaos", "rolling", "--rounds", "2"]).is_ok());
    }
}
