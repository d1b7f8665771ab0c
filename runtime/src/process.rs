//! One process's life, from the command line to the exit code (sysexits.h: 64 usage, 69 unavailable, 70 software).

use std::{fmt, future::Future, net::SocketAddr, process::ExitCode, time::Duration};

use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{Problems, Shutdown, telemetry::LogSettings, trace, trace::TraceSettings};

/// How long `health` waits for an answer.
const HEALTH_DEADLINE: Duration = Duration::from_secs(3);

/// How long the last spans may take to be sent, once everything has drained.
const LAST_SPANS: Duration = Duration::from_secs(1);

/// When a process should be gone, from when it was asked to stop; sending spans must not make it later.
const GONE_BY: Duration = Duration::from_millis(4700);

/// Why a process can't go on, in one line for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fatal {
    code: u8,
    message: String,
}

impl Fatal {
    /// Exit code 64: the settings can't be used.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            code: 64,
            message: message.into(),
        }
    }

    /// Exit code 69: something it needs (a port, a folder, a store) can't be had.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self {
            code: 69,
            message: message.into(),
        }
    }

    /// Exit code 70: our own fault.
    pub fn software(message: impl Into<String>) -> Self {
        Self {
            code: 70,
            message: message.into(),
        }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fatal {}

/// What can be asked of a program instead of running it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Ask the running process whether it is ready: exit code 0 or 1
    Health,
}

/// A program of ChatFlow: its settings, and what it does with them.
pub trait Program: Parser + Send + 'static {
    /// Checked settings.
    type Config: Send + 'static;

    /// The log settings.
    fn logs(&self) -> &LogSettings;

    /// The trace settings.
    fn traces(&self) -> &TraceSettings;

    /// What was asked instead of running, if anything.
    fn command(&self) -> Option<Command>;

    /// Where a running process with these settings answers `/readyz`.
    fn admin_address(config: &Self::Config) -> SocketAddr;

    /// Checks all settings.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    fn check(&self) -> Result<Self::Config, Problems>;

    /// Runs until `shutdown` begins and everything has drained.
    fn run(config: Self::Config, shutdown: Shutdown) -> impl Future<Output = Result<(), Fatal>> + Send;
}

/// The body of every `main`.
pub fn main<P: Program>() -> ExitCode {
    let program = match P::try_parse() {
        Ok(program) => program,
        Err(told) => {
            let _ = told.print();
            let asked = matches!(told.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return ExitCode::from(if asked { 0 } else { 64 });
        }
    };
    let mut problems = Problems::new();
    let logs = problems.absorb(program.logs().check());
    let traces = problems.absorb(program.traces().check());
    let config = problems.absorb(program.check());
    let (logs, traces, config) = match problems.into_result(logs.zip(traces).zip(config)) {
        Ok(((logs, traces), config)) => (logs, traces, config),
        Err(problems) => return tell(&Fatal::usage(problems.to_string())),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tell(&Fatal::unavailable(format!("can't start threads: {error}"))),
    };
    if program.command() == Some(Command::Health) {
        return runtime.block_on(health(P::admin_address(&config)));
    }
    logs.start();
    let shutdown = Shutdown::new();
    let ended = runtime.block_on(async {
        shutdown
            .begin_on_signals()
            .map_err(|e| Fatal::unavailable(format!("no signal handlers: {e}")))?;
        crate::metrics::keep_up(&shutdown);
        let command = <P as CommandFactory>::command();
        traces.start(command.get_name(), command.get_version().unwrap_or_default())?;
        // On a thread of the runtime, not on this one: bringing a database up blocks in place, and that would swallow
        // what wakes this thread meanwhile, such as the first connection.
        let ended = tokio::spawn(P::run(config, shutdown.clone()))
            .await
            .unwrap_or_else(|failed| Err(Fatal::software(format!("a task of the process failed: {failed}"))));
        shutdown.finish().await;
        // While the runtime still moves what is sent.
        tell_last_spans(&shutdown).await;
        ended
    });
    // A blocking call that hangs (a dead disk) must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(200));
    match ended {
        Ok(()) => {
            tracing::info!("stopped");
            ExitCode::SUCCESS
        }
        Err(fatal) => tell(&fatal),
    }
}

async fn tell_last_spans(shutdown: &Shutdown) {
    let limit = LAST_SPANS.min(GONE_BY.saturating_sub(shutdown.begun_for()));
    let telling = async { tokio::task::spawn_blocking(move || trace::flush(limit)).await };
    shutdown.last(limit, telling).await;
}

#[expect(clippy::print_stderr, reason = "the last words of a process that can't log")]
fn tell(fatal: &Fatal) -> ExitCode {
    eprintln!("error: {fatal}");
    ExitCode::from(fatal.code)
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
async fn health(admin: SocketAddr) -> ExitCode {
    let answer = tokio::time::timeout(HEALTH_DEADLINE, ask_readiness(admin)).await;
    match answer {
        Ok(Ok((true, body))) => {
            println!("{body}");
            ExitCode::SUCCESS
        }
        Ok(Ok((false, body))) => {
            println!("{body}");
            ExitCode::FAILURE
        }
        Ok(Err(error)) => {
            println!("no answer from {admin}: {error}");
            ExitCode::FAILURE
        }
        Err(_) => {
            println!("no answer from {admin} within {} s", HEALTH_DEADLINE.as_secs());
            ExitCode::FAILURE
        }
    }
}

async fn ask_readiness(mut admin: SocketAddr) -> std::io::Result<(bool, String)> {
    // A process that listens everywhere is asked on this machine.
    if admin.ip().is_unspecified() {
        admin.set_ip(if admin.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    let mut stream = TcpStream::connect(admin).await?;
    stream
        .write_all(format!("GET /readyz HTTP/1.0\r\nhost: {admin}\r\n\r\n").as_bytes())
        .await?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let ready = answer.split_whitespace().nth(1) == Some("200");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((ready, body.trim().to_owned()))
}
