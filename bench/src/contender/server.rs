//! A process that takes part.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use test_support::supervised::{Spec, Supervised};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

use crate::{
    fault::{Fault, Result},
    proc,
};

/// How long a server may take until it is ready.
const START: Duration = Duration::from_secs(30);

/// A process that takes part. It ends when this is dropped.
pub(crate) struct Server {
    /// What tables call it.
    pub(crate) name: String,
    process: Process,
}

enum Process {
    Ours(Box<Supervised>),
    /// One of a server that somebody else owns.
    Theirs(u32),
}

impl Server {
    /// Starts a program with only these environment variables (besides `PATH` and the like).
    pub(crate) fn start(
        name: &str,
        program: &Path,
        args: &[&str],
        env: &[(&str, String)],
        directory: &Path,
    ) -> Self {
        Self::of_spec(spec(name, program, args, env, directory))
    }

    /// The same for one that has workers: it is given the time to end them, which would be left behind otherwise.
    pub(super) fn start_with_workers(
        name: &str,
        program: &Path,
        args: &[&str],
        env: &[(&str, String)],
        directory: &Path,
    ) -> Self {
        Self::of_spec(Spec {
            end_signal: "TERM",
            ..spec(name, program, args, env, directory)
        })
    }

    fn of_spec(spec: Spec) -> Self {
        Self {
            name: spec.name.clone(),
            process: Process::Ours(Box::new(Supervised::start_new(spec))),
        }
    }

    /// One that is somebody else's to end.
    pub(crate) fn of(name: &str, pid: u32) -> Self {
        Self {
            name: name.into(),
            process: Process::Theirs(pid),
        }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        match &self.process {
            Process::Theirs(pid) => Ok(*pid),
            Process::Ours(process) => process.pid().ok_or_else(|| {
                Fault::other(format!("{} has ended:\n{}", self.name, process.output().tail()))
            }),
        }
    }

    /// What it has run so far, with its children, in nanoseconds.
    pub(crate) fn cpu(&self) -> Result<u64> {
        self.pid().map(proc::cpu)
    }

    /// What it has resident, with its children, in bytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        self.pid().map(proc::resident)
    }

    /// The process itself, where it is ours.
    pub(crate) fn supervised(&self) -> Option<&Supervised> {
        match &self.process {
            Process::Ours(process) => Some(process),
            Process::Theirs(_) => None,
        }
    }

    /// Waits until its port accepts.
    pub(crate) async fn accepts(&self, port: u16) -> Result<()> {
        self.until(&format!("port {port} accepts"), async || {
            TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await
    }

    /// Waits until `GET /readyz` at this port answers 200.
    pub(crate) async fn ready(&self, port: u16) -> Result<()> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(2))
            .build();
        let client = client.map_err(|error| Fault::other(error.to_string()))?;
        let url = format!("http://127.0.0.1:{port}/readyz");
        let ready = async || {
            client
                .get(&url)
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
        };
        self.until("it is ready", ready).await
    }

    async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) -> Result<()> {
        let end = Instant::now() + START;
        while !holds().await {
            self.pid()?;
            if Instant::now() > end {
                let output = self
                    .supervised()
                    .map(|process| process.output().tail())
                    .unwrap_or_default();
                return Err(Fault::other(format!(
                    "{}: not within {START:?}: {what}\n{output}",
                    self.name
                )));
            }
            sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}

fn spec(name: &str, program: &Path, args: &[&str], env: &[(&str, String)], directory: &Path) -> Spec {
    Spec {
        name: name.into(),
        program: program.into(),
        args: args.iter().map(OsString::from).collect(),
        env: env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.into()))
            .collect(),
        directory: directory.into(),
        stop_signal: "TERM",
        end_signal: "KILL",
        remove: None,
    }
}

/// A program of this machine.
pub(crate) fn system(name: &str) -> Result<PathBuf> {
    test_support::binaries::find(name, &[])
        .ok_or_else(|| Fault::other(format!("{name} is not installed: run `make setup`")))
}
