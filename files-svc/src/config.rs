//! The service's settings, from flags and environment, checked all at once.

use std::net::SocketAddr;

use clap::Parser;
use runtime::{
    Fatal, Problems, Program, Shutdown,
    process::Command,
    settings::{Listen, given},
    telemetry::LogSettings,
    trace::TraceSettings,
};
use sql::DatabaseUrl;

use crate::{
    limits::{self, Limits},
    objects::{self, Place},
};

/// The largest upload limit that can be set: 64 GiB, below what 10,000 parts can hold.
const LARGEST_LIMIT: u64 = 64 << 30;

/// The files service of ChatFlow: upload, download and metadata, by gRPC
#[derive(Debug, Clone, Parser)]
#[expect(clippy::doc_markdown, reason = "the comments are the text of --help")]
#[command(name = "files-svc", version)]
pub struct Settings {
    /// The gRPC port; 0 lets the system choose
    #[arg(long, env = "PORT", default_value = "8023")]
    pub port: String,
    /// The address to listen on
    #[arg(long, env = "BIND", default_value = "127.0.0.1")]
    pub bind: String,
    /// The port of /livez, /readyz and /metrics [default: PORT + 1000]
    #[arg(long, env = "ADMIN_PORT", global = true)]
    pub admin_port: Option<String>,
    /// Where metadata is kept: sqlite://path or postgres://user:password@host:port/database
    #[arg(
        long,
        env = "DATABASE_URL",
        default_value = "sqlite://data/files.db",
        hide_env_values = true
    )]
    pub database_url: String,
    /// The S3 server: http://host:port, https://host:port or host:port [default: none, files are kept in FILES_DIR]
    #[arg(long, env = "MINIO_ENDPOINT")]
    pub minio_endpoint: Option<String>,
    /// The S3 access key
    #[arg(long, env = "MINIO_ACCESS_KEY", hide_env_values = true)]
    pub minio_access_key: Option<String>,
    /// The S3 secret key
    #[arg(long, env = "MINIO_SECRET_KEY", hide_env_values = true)]
    pub minio_secret_key: Option<String>,
    /// The S3 bucket; made where it is missing
    #[arg(long, env = "MINIO_BUCKET", default_value = objects::BUCKET)]
    pub minio_bucket: String,
    /// The S3 region
    #[arg(long, env = "MINIO_REGION", default_value = objects::REGION)]
    pub minio_region: String,
    /// The folder of the files where no S3 server is set
    #[arg(long, env = "FILES_DIR", default_value = objects::DIRECTORY)]
    pub files_dir: String,
    /// The largest file, in bytes
    #[arg(long, env = "MAX_UPLOAD_BYTES", default_value_t = limits::MAX_UPLOAD_BYTES.to_string())]
    pub max_upload_bytes: String,
    /// How to log
    #[command(flatten)]
    pub logs: LogSettings,
    /// Whether and where to tell of traces
    #[command(flatten)]
    pub traces: TraceSettings,
    /// What to do instead of running
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Checked settings. Prints without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where to listen.
    pub listen: Listen,
    /// Where metadata is kept.
    pub database: DatabaseUrl,
    /// Where the bytes are kept.
    pub objects: Place,
    /// How much, how many and how long.
    pub limits: Limits,
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
        let listen = Listen::check(
            &mut problems,
            given(Some(&self.bind)).unwrap_or("127.0.0.1"),
            given(Some(&self.port)).unwrap_or("8023"),
            self.admin_port.as_deref(),
        );
        let database = given(Some(&self.database_url)).unwrap_or("sqlite://data/files.db");
        let database = problems.check("DATABASE_URL", database.parse());
        let objects = Place::check(
            &mut problems,
            objects::Given {
                endpoint: self.minio_endpoint.as_deref(),
                access_key: self.minio_access_key.as_deref(),
                secret_key: self.minio_secret_key.as_deref(),
                bucket: &self.minio_bucket,
                region: &self.minio_region,
                directory: &self.files_dir,
            },
        );
        let max_upload_bytes =
            given(Some(&self.max_upload_bytes)).map_or(Ok(limits::MAX_UPLOAD_BYTES), |value| {
                let bytes = value
                    .parse()
                    .ok()
                    .filter(|bytes| (1..=LARGEST_LIMIT).contains(bytes));
                bytes.ok_or_else(|| format!("must be a number of bytes from 1 to {LARGEST_LIMIT}"))
            });
        let max_upload_bytes = problems.check("MAX_UPLOAD_BYTES", max_upload_bytes);
        let checked = (|| {
            Some(Config {
                listen: listen?,
                database: database?,
                objects: objects?,
                limits: Limits {
                    max_upload_bytes: max_upload_bytes?,
                    ..Limits::default()
                },
            })
        })();
        problems.into_result(checked)
    }

    fn run(config: Config, shutdown: Shutdown) -> impl Future<Output = Result<(), Fatal>> + Send {
        crate::run(config, shutdown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flags: &[&str]) -> Result<Config, String> {
        let line = ["files-svc"].into_iter().chain(flags.iter().copied());
        let settings = Settings::try_parse_from(line).unwrap();
        settings.check().map_err(|problems| problems.to_string())
    }

    #[test]
    fn empty_values_are_not_set() {
        let config = check(&[
            "--port=",
            "--bind=",
            "--max-upload-bytes=",
            "--minio-endpoint=",
            "--files-dir=",
        ])
        .unwrap();
        assert_eq!(config.listen.address().to_string(), "127.0.0.1:8023");
        assert_eq!(config.listen.admin_address().to_string(), "127.0.0.1:9023");
        assert_eq!(config.limits.max_upload_bytes, 104_857_600);
        assert_eq!(config.objects, Place::Directory("data/files".into()));
    }

    #[test]
    fn every_bad_setting_is_told_at_once() {
        let told = check(&[
            "--port=x",
            "--database-url=mysql://root:hunter2@db/files",
            "--minio-endpoint=ftp://minio",
            "--minio-access-key=a",
            "--minio-secret-key=hunter2",
            "--minio-bucket=No",
            "--max-upload-bytes=0",
        ])
        .unwrap_err();
        for name in [
            "PORT",
            "DATABASE_URL",
            "MINIO_ENDPOINT",
            "MINIO_BUCKET",
            "MAX_UPLOAD_BYTES",
        ] {
            assert!(told.contains(&format!("\n  {name}: ")), "{name} in {told}");
        }
        assert!(!told.contains("hunter2"), "{told}");
    }
}
