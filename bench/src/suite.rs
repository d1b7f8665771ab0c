//! The whole comparison: every part of the plan, its contenders in turns, and what is written of it.

mod marks;
mod plan;
mod plot;
mod report;
mod results;

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use crate::{
    circumstances::Circumstances,
    contender::{self, Setup},
    fault::{Doing, Fault, Result},
    record::{COST, Record},
    workload,
};
use plan::{Plan, Run};
use results::{Cell, Results, Sitting};

/// How the whole is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How costs grow, and what is switched on for it, instead of the comparison
    #[arg(long)]
    growth: bool,
    /// Shorter runs, fewer rounds, fewer sizes
    #[arg(long)]
    quick: bool,
    /// The folder of ChatFlow's programs [default: where this one is]
    #[arg(long)]
    bins: Option<PathBuf>,
    /// Where RESULTS.md, results.json and img/ are written
    #[arg(long)]
    out: PathBuf,
    /// Where the plots are written
    #[arg(long)]
    plots: PathBuf,
    /// Only the parts whose names begin like this; may be given several times
    #[arg(long)]
    only: Vec<String>,
}

/// Runs the plan and writes its results beside those of the other plan.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut setup = Setup::default();
    if let Some(programs) = &arguments.bins {
        setup.programs = programs.canonicalize().doing("the folder of programs")?;
    }
    let plan = if arguments.growth {
        Plan::Growth
    } else {
        Plan::Comparison
    };
    let mut results = Results::read(&arguments.out.join("results.json"));
    let million = fs::read(arguments.out.join("million.json")).unwrap_or_default();
    results.million = serde_json::from_slice(&million).ok();
    let (peers, missing) = contender::peers()?;
    results.missing = missing;
    let mut names: Vec<&str> = peers.iter().map(|peer| peer.name.as_str()).collect();
    match send_ring::refused() {
        None => names.push(contender::FLOOR_URING),
        Some(error) => results
            .missing
            .push(format!("{} ({error})", contender::FLOOR_URING)),
    }
    let mut parts = plan.parts(arguments.quick, &names);
    parts.retain(|part| {
        let only = &arguments.only;
        only.is_empty() || only.iter().any(|only| part.name.starts_with(only))
    });
    let takes_part = |peer: &&contender::Peer| parts.iter().any(|part| part.has(&peer.name));
    let those = peers.iter().filter(takes_part);
    let versions = those.map(|peer| (peer.name.clone(), peer.versions()));
    results.versions.extend(versions);
    // What is written meanwhile changes what Git says of the folder.
    let commit = Circumstances::now().commit;
    let begun = Instant::now();
    let mut met = BTreeSet::new();
    for part in parts {
        let at = begun.elapsed().as_secs();
        // A part may have several sizes. What was there of it stays until it is measured anew.
        if met.insert(part.name) {
            let circumstances = Circumstances {
                commit: commit.clone(),
                ..Circumstances::now()
            };
            let sitting = Sitting {
                quick: arguments.quick,
                seconds: 0,
                circumstances,
            };
            results.begin(part.name, sitting);
        }
        for run in part.runs() {
            let cell = results.cell(&run);
            tell(begun, &run, perform(&run, &setup), cell)?;
        }
        if let Some(sitting) = results.parts.get_mut(part.name) {
            sitting.seconds += begun.elapsed().as_secs() - at;
        }
        write(arguments, &results)?;
    }
    write(arguments, &results)
}

fn write(arguments: &Arguments, results: &Results) -> Result<()> {
    let json = serde_json::to_string_pretty(results).map_err(|error| Fault::other(error.to_string()))?;
    put(&arguments.out.join("results.json"), &(json + "\n"))?;
    put(&arguments.out.join("RESULTS.md"), &report::markdown(results))?;
    for (name, svg) in report::plots(results) {
        put(&arguments.plots.join(name), &svg)?;
    }
    Ok(())
}

fn put(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).doing("a folder for results")?;
    }
    fs::write(path, text).doing(&path.display().to_string())
}

/// One run in a thread of its own, so that what panics in it ends it alone.
fn perform(run: &Run, setup: &Setup) -> Result<Record> {
    let (run, mut setup) = (run.clone(), setup.clone());
    setup.edges = run.edges;
    setup.chats = run.chats;
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .doing("a runtime")?;
        runtime.block_on(async {
            let work = workload::run(run.workload, &run.contender, &run.size, &setup);
            tokio::time::timeout(run.patience, work)
                .await
                .unwrap_or_else(|_| Err(Fault::other(format!("not done within {:?}", run.patience))))
        })
    });
    thread.join().unwrap_or_else(|_| Err(Fault::other("it panicked")))
}

fn tell(begun: Instant, run: &Run, done: Result<Record>, cell: &mut Cell) -> Result<()> {
    let at = begun.elapsed().as_secs();
    let words = match &done {
        Ok(record) => {
            let cost = record.figures.get(COST);
            cost.map_or_else(|| "done".to_owned(), |cost| format!("{cost:.3} µs per delivery"))
        }
        Err(fault) => format!("failed: {fault}"),
    };
    match done {
        Ok(record) => {
            cell.runs.insert(run.round, record);
        }
        Err(fault) => cell.failures.push(fault.to_string()),
    }
    writeln!(
        std::io::stderr(),
        "{at:>5} s  {}  {}  {words}",
        run.part,
        run.contender
    )
    .doing("telling how far it is")
}
