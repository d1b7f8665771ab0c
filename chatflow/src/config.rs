//! The all-in-one's settings, from flags and environment, checked all at once.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::Parser;
use edge::config::{Access, AccessSettings};
use runtime::{
    Fatal, Problems, Program, Shutdown,
    process::Command,
    settings::{Listen, given},
    telemetry::LogSettings,
    trace::TraceSettings,
};

/// Where data lies unless it is said.
const DATA_DIR: &str = "data";

/// Where the services listen unless it is said, whatever `BIND` says: nobody has to sign in there.
const GRPC_BIND: &str = "127.0.0.1";

/// What `--help` says behind the options.
const AFTER_HELP: &str = "\
Examples:
  chatflow                              open http://localhost:8092 in a browser, pick a name, chat
  chatflow --port 9000 --data-dir /srv/chat
  chatflow --bind 0.0.0.0               let other machines in: people then sign in, names alone are not enough
  chatflow health                       ask the running process whether it is ready

Every option can also be set in the environment, under the name in brackets.
Exit codes: 0 stopped as asked, 64 an option can't be used, 69 a port or folder can't be had.";

/// A chat server: rooms, history, presence, files and notifications, in one process that needs nothing else
///
/// Start it, open http://localhost:8092 in two browser tabs, and chat. What is said stays in the folder --data-dir.
#[derive(Debug, Clone, Parser)]
#[expect(clippy::doc_markdown, reason = "the comments are the text of --help")]
#[command(
    name = "chatflow",
    version,
    after_help = AFTER_HELP,
    // The edge's line tells of a request; those of the calls behind it would tell it again.
    mut_arg("filter", |arg| arg.default_value("info,rpc=warn,runtime::client=warn"))
)]
pub struct Settings {
    /// The port of the web page, REST and WebSocket; 0 lets the system choose
    #[arg(long, env = "PORT", default_value = "8092", global = true)]
    port: String,
    /// The address to listen on: 127.0.0.1 for this machine alone, 0.0.0.0 for everybody who can reach it
    #[arg(long, env = "BIND", default_value = "127.0.0.1", global = true)]
    bind: String,
    /// The first of four gRPC ports: chat, presence, notifications, files; 0 lets the system choose
    #[arg(long, env = "GRPC_BASE_PORT", default_value = "8020")]
    grpc_base_port: String,
    /// The address of the gRPC ports, which trust whoever reaches them: another than 127.0.0.1 only in a container
    #[arg(long, env = "GRPC_BIND", default_value = GRPC_BIND)]
    grpc_bind: String,
    /// The folder for everything that is kept; made where it is missing
    #[arg(long, env = "DATA_DIR", default_value = DATA_DIR)]
    data_dir: String,
    #[command(flatten)]
    access: AccessSettings,
    #[command(flatten)]
    logs: LogSettings,
    /// Whether and where to tell of traces
    #[command(flatten)]
    traces: TraceSettings,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the edge listens.
    pub listen: Listen,
    /// The first of the four gRPC ports; 0: any.
    pub grpc_base_port: u16,
    /// The address of the gRPC ports.
    pub grpc_bind: IpAddr,
    /// The folder.
    pub data_dir: PathBuf,
    /// What the edge lets in, and how much.
    pub access: Access,
}

impl Program for Settings {
    type Config = Config;

    fn logs(&self) -> &LogSettings {
        &self.logs
    }

    fn traces(&self) -> &TraceSettings {
        &self.traces
    }

    fn command(&self) -> Option<Command> {
        self.command
    }

    fn admin_address(config: &Config) -> SocketAddr {
        config.listen.admin_address()
    }

    fn check(&self) -> Result<Config, Problems> {
        let mut problems = Problems::new();
        let listen = edge::config::listen(&mut problems, &self.bind, &self.port);
        let base = given(Some(&self.grpc_base_port)).unwrap_or("8020");
        let base = problems.port("GRPC_BASE_PORT", base);
        if let Some(base) = base {
            check_base(&mut problems, base, listen);
        }
        let grpc_bind = problems.bind("GRPC_BIND", given(Some(&self.grpc_bind)).unwrap_or(GRPC_BIND));
        let access = self.access.check(&mut problems, listen);
        let config = || {
            Some(Config {
                listen: listen?,
                grpc_base_port: base?,
                grpc_bind: grpc_bind?,
                data_dir: given(Some(&self.data_dir)).unwrap_or(DATA_DIR).into(),
                access: access?,
            })
        };
        problems.into_result(config())
    }

    async fn run(config: Config, shutdown: Shutdown) -> Result<(), Fatal> {
        Box::pin(crate::run(config, shutdown)).await
    }
}

fn check_base(problems: &mut Problems, base: u16, listen: Option<Listen>) {
    let Some(last) = base.checked_add(3) else {
        problems.note(
            "GRPC_BASE_PORT",
            "must be at most 65532: four ports in a row are used",
        );
        return;
    };
    let meets = listen.is_some_and(|listen| (base..=last).contains(&listen.port));
    if base != 0 && meets {
        problems.note(
            "GRPC_BASE_PORT",
            format!("the gRPC ports are {base} to {last}, and PORT is one of them"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&str]) -> Result<Config, String> {
        let settings = Settings::try_parse_from([&["chatflow"], args].concat()).unwrap();
        settings.check().map_err(|problems| problems.to_string())
    }

    #[test]
    fn the_contract_s_defaults() {
        let config = check(&[]).unwrap();
        assert_eq!(config.listen.address().to_string(), "127.0.0.1:8092");
        assert_eq!(config.grpc_base_port, 8020);
        assert!(config.grpc_bind.is_loopback());
        assert_eq!(config.data_dir, PathBuf::from("data"));
        assert!(config.access.open);
    }

    #[test]
    fn letting_people_in_does_not_open_the_services() {
        assert!(check(&["--bind=0.0.0.0"]).unwrap().grpc_bind.is_loopback());
        assert!(
            check(&["--grpc-bind=0.0.0.0"])
                .unwrap()
                .grpc_bind
                .is_unspecified()
        );
        assert!(check(&["--grpc-bind=all"]).unwrap_err().contains("GRPC_BIND"));
    }

    #[test]
    fn ports_that_meet_are_told_before_anything_starts() {
        assert!(check(&["--port=8021"]).unwrap_err().contains("GRPC_BASE_PORT"));
        assert!(check(&["--grpc-base-port=65533"]).unwrap_err().contains("65532"));
        assert!(check(&["--port=0", "--grpc-base-port=0"]).is_ok());
    }

    #[test]
    fn calls_behind_a_request_stay_out_of_the_log_unless_asked_for() {
        let filter = |args: &[&str]| {
            let settings = Settings::try_parse_from([&["chatflow"], args].concat());
            settings.unwrap().logs.filter
        };
        assert_eq!(filter(&[]), "info,rpc=warn,runtime::client=warn");
        assert_eq!(filter(&["--log", "debug"]), "debug");
    }
}
