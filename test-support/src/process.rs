//! One of our own binaries as a process: started with its settings, watched, and ended in every way a process can end.

use std::{ffi::OsString, process::ExitStatus, time::Duration};

use tempfile::TempDir;

use crate::{
    binaries,
    clock::Clock,
    output::Output,
    supervised::{Spec, Supervised},
    wait,
};

/// The settings of a process that is to be started.
pub struct Builder {
    spec: Spec,
    ready_port: Option<u16>,
    clock: Option<Clock>,
    directory: TempDir,
}

/// A process of ours, in a working directory of its own. Dropping it ends it with SIGKILL.
pub struct Process {
    inner: Supervised,
    ready_port: Option<u16>,
    // After the process, which uses it.
    clock: Option<Clock>,
    directory: TempDir,
}

impl Process {
    /// Settings for one of our binaries: `chatflow`, `edge`, `chat-svc`, `presence-svc`, `notify-svc`, `files-svc`.
    ///
    /// It sees no environment variables but those that are set here and `PATH`, `HOME`, `TMPDIR`, `RUST_BACKTRACE`.
    pub fn builder(binary: &str) -> Builder {
        let prefix = format!("chatflow-{binary}-");
        let directory = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir()
            .expect("a folder for the process");
        let spec = Spec {
            name: binary.to_owned(),
            program: binaries::own(binary),
            args: Vec::new(),
            env: Vec::new(),
            directory: directory.path().to_owned(),
            stop_signal: "TERM",
            end_signal: "KILL",
            remove: Some(directory.path().to_owned()),
        };
        Builder {
            spec,
            ready_port: None,
            clock: None,
            directory,
        }
    }

    /// Waits until `GET /readyz` on its port answers 200. Panics with its output after `deadline`, or as soon as it has ended.
    pub async fn wait_ready(&self, deadline: Duration) {
        self.inner.ready(deadline, || self.is_ready()).await;
    }

    /// Waits until `GET /livez` on its port answers 200: it runs, whether or not what it needs is there. Panics as
    /// [`Self::wait_ready`] does.
    pub async fn wait_live(&self, deadline: Duration) {
        let live = || self.succeeds("/livez");
        self.inner.ready(deadline, live).await;
    }

    /// Whether `GET /readyz` on its port answers 200 now.
    pub async fn is_ready(&self) -> bool {
        self.succeeds("/readyz").await
    }

    async fn succeeds(&self, path: &str) -> bool {
        self.get(path)
            .await
            .is_some_and(|answer| answer.status().is_success())
    }

    /// `GET` on its port: `/metrics`, `/livez`, `/readyz`. `None` where it does not answer within 5 s.
    pub async fn get(&self, path: &str) -> Option<reqwest::Response> {
        let port = self
            .ready_port
            .unwrap_or_else(|| panic!("{} was given no ready_port", self.inner.spec().name));
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .no_proxy()
            .build()
            .expect("a client");
        client
            .get(format!("http://127.0.0.1:{port}{path}"))
            .send()
            .await
            .ok()
    }

    /// SIGTERM, then waits for its end. Panics with its output where it still runs after `deadline`.
    pub async fn terminate(&self, deadline: Duration) -> ExitStatus {
        self.inner.stop(deadline).await
    }

    /// Waits for its end without asking for it. Panics with its output where it still runs after `deadline`.
    pub async fn exited(&self, deadline: Duration) -> ExitStatus {
        self.inner.exited(deadline).await
    }

    /// The code it ended with; `None` while it runs, and after a signal.
    pub fn exit_code(&self) -> Option<i32> {
        self.inner.exit()?.code()
    }

    /// SIGKILL; returns when it is gone.
    pub async fn kill(&self) {
        self.inner.kill().await;
    }

    /// Starts it, again with the same settings and in the same working directory where it has run before; wait with
    /// [`Self::wait_ready`].
    pub fn start(&self) {
        if self.clock.is_some() {
            Clock::forget_the_dead();
        }
        self.inner.start();
    }

    /// Terminates it, starts it again, and waits until it is ready.
    pub async fn restart(&self) {
        self.terminate(wait::START).await;
        self.start();
        self.wait_ready(wait::START).await;
    }

    /// Freezes it: connections stay open, nothing answers.
    pub fn pause(&self) {
        self.inner.pause();
    }

    /// Ends [`Self::pause`].
    pub fn resume(&self) {
        self.inner.resume();
    }

    /// Sends any other signal, such as `INT` or `HUP`.
    pub fn signal(&self, signal: &str) {
        self.inner.signal(signal);
    }

    /// Lets its wall clock jump to so many seconds after the true time, or before it where negative; what measures how much
    /// time passes (the monotonic clock) is not concerned. It holds over restarts. Panics without [`Builder::clock`].
    pub fn set_clock(&self, offset_seconds: i64) {
        let clock = self.clock.as_ref();
        clock
            .unwrap_or_else(|| panic!("{} was given no clock", self.inner.spec().name))
            .set(offset_seconds);
    }

    /// What it has written, over all its restarts.
    pub fn output(&self) -> &Output {
        self.inner.output()
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.inner.pid()
    }

    /// Its working directory.
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }
}

impl Builder {
    /// What failure messages call it; the name of its binary unless told.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.spec.name = name.into();
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.spec.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.spec.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable; the last one of a name counts.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.spec.env.push((name.to_owned(), value.into()));
        self
    }

    /// The port on which it serves `/readyz`.
    #[must_use]
    pub fn ready_port(mut self, port: u16) -> Self {
        self.ready_port = Some(port);
        self
    }

    /// Gives it a wall clock of its own, which [`Process::set_clock`] lets jump.
    #[must_use]
    pub fn clock(mut self) -> Self {
        self.clock = Some(Clock::new(self.directory.path()));
        self
    }

    /// Its working directory, for files that it needs before it starts.
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Starts it, without waiting until it is ready.
    pub fn spawn(self) -> Process {
        let process = self.prepare();
        process.start();
        process
    }

    /// Leaves the start to [`Process::start`].
    pub fn prepare(self) -> Process {
        let mut spec = self.spec;
        if let Some(clock) = &self.clock {
            let (program, mut args) = clock.command(spec.program);
            args.append(&mut spec.args);
            (spec.program, spec.args) = (program, args);
        }
        Process {
            inner: Supervised::prepare(spec),
            ready_port: self.ready_port,
            clock: self.clock,
            directory: self.directory,
        }
    }
}
