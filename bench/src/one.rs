//! One workload on one contender.

use std::{io::Write, path::PathBuf};

use crate::{
    circumstances::Circumstances,
    contender::Setup,
    fault::{Doing, Fault, Result},
    record::Dated,
    workload::{self, Size},
};

/// How one run is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to do
    #[arg(long)]
    workload: String,
    /// Who does it: chatflow, floor-each, floor-batched, or the name of a peer; with +chat, +rooms, +cluster, +replica or +small-pages, a variant of it
    #[arg(long)]
    contender: String,
    /// The folder of ChatFlow's programs [default: where this one is]
    #[arg(long)]
    bins: Option<PathBuf>,
    /// How many edges
    #[arg(long, default_value_t = 1)]
    edges: usize,
    /// How many replicas of chat-svc
    #[arg(long, default_value_t = 1)]
    chats: usize,
    /// A setting of one of ChatFlow's programs, such as edge:LOG=debug; may be given several times
    #[arg(long = "env", value_name = "PROGRAM:NAME=VALUE")]
    env: Vec<String>,
    /// Samples the stacks of what holds the sockets into this file, with perf
    #[arg(long)]
    profile: Option<PathBuf>,
    /// How large it is
    #[command(flatten)]
    size: Size,
}

/// Runs it and prints its record, with its circumstances.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .doing("a runtime")?;
    let circumstances = Circumstances::now();
    let record = runtime.block_on(async {
        let mut setup = Setup {
            edges: arguments.edges,
            chats: arguments.chats,
            profile: arguments.profile,
            ..Setup::default()
        };
        if let Some(programs) = arguments.bins {
            setup.programs = programs.canonicalize().doing("the folder of programs")?;
        }
        for setting in &arguments.env {
            setup.env.push(parse(setting)?);
        }
        workload::run(&arguments.workload, &arguments.contender, &arguments.size, &setup).await
    })?;
    let dated = Dated {
        circumstances,
        record,
    };
    let line = serde_json::to_string(&dated).map_err(|error| Fault::other(error.to_string()))?;
    writeln!(std::io::stdout(), "{line}").doing("printing")
}

fn parse(setting: &str) -> Result<(String, String, String)> {
    let parts = setting.split_once(':').and_then(|(program, rest)| {
        let (name, value) = rest.split_once('=')?;
        Some((program.to_owned(), name.to_owned(), value.to_owned()))
    });
    parts.ok_or_else(|| Fault::other(format!("{setting} is not PROGRAM:NAME=VALUE")))
}
