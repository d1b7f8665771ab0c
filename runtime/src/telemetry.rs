//! Logs: pretty on a terminal, JSON lines otherwise, filtered by `LOG`.

use std::io::IsTerminal as _;

use clap::Args;
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::LevelFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::settings::{Problems, given};

/// Settings of the logs, the same for every process.
#[derive(Debug, Clone, Args)]
pub struct LogSettings {
    /// What to log: a level (error, warn, info, debug, trace) or a filter such as "info,edge=debug"
    #[arg(
        long = "log",
        env = "LOG",
        value_name = "FILTER",
        default_value = "info",
        global = true
    )]
    pub filter: String,
    /// How to log: "pretty", "json", or "auto" (pretty on a terminal, JSON otherwise)
    #[arg(
        long = "log-format",
        env = "LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "auto",
        global = true
    )]
    pub format: String,
}

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Checked settings of the logs.
#[derive(Debug)]
pub struct Logs {
    filter: EnvFilter,
    format: Format,
}

/// What dependencies say that no operator can act on.
const QUIET: &str = "h2=warn,hyper=warn,tower=warn,tonic=warn,aws=warn,rustls=warn";

impl LogSettings {
    /// Checks them.
    ///
    /// # Errors
    /// A filter that does not parse, a format that does not exist.
    pub fn check(&self) -> Result<Logs, Problems> {
        let mut problems = Problems::new();
        let wanted = given(Some(&self.filter)).unwrap_or("info");
        let filter = problems.check(
            "LOG",
            EnvFilter::try_new(format!("{QUIET},{wanted}"))
                .ok()
                .filter(|_| !misspells_a_level(wanted))
                .ok_or("must be a level or a filter such as info,edge=debug"),
        );
        let format = match given(Some(&self.format)).unwrap_or("auto") {
            "pretty" => Some(Format::Pretty),
            "auto" if std::io::stderr().is_terminal() => Some(Format::Pretty),
            "auto" | "json" => Some(Format::Json),
            _ => {
                problems.note("LOG_FORMAT", "must be auto, pretty or json");
                None
            }
        };
        problems.into_result(filter.zip(format).map(|(filter, format)| Logs { filter, format }))
    }
}

/// Whether a part of the filter is a bare word and no level: to [`EnvFilter`] it is a module to trace, and `LOG=inof`
/// would silence everything else.
fn misspells_a_level(filter: &str) -> bool {
    let bare = |part: &&str| !part.is_empty() && !part.contains(['=', '[', ']', '{', '}']);
    let mut parts = filter.split(',').map(str::trim).filter(bare);
    parts.any(|part| part.parse::<LevelFilter>().is_err())
}

impl Logs {
    /// Starts logging to standard error. A second call in one process changes nothing.
    pub fn start(self) {
        let output = match self.format {
            Format::Pretty => tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_ansi(std::io::stderr().is_terminal())
                .with_target(false)
                .boxed(),
            Format::Json => tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(false)
                .with_writer(std::io::stderr)
                .boxed(),
        };
        let _ = tracing_subscriber::registry()
            .with(output.with_filter(self.filter))
            .try_init();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_refused() {
        let told = |filter: &str| {
            let settings = LogSettings {
                filter: filter.to_owned(),
                format: "json".to_owned(),
            };
            settings
                .check()
                .map(drop)
                .map_err(|problems| problems.to_string())
        };
        for good in [
            "",
            "info",
            "WARN",
            "off",
            "info,edge=debug",
            "edge[rpc]=trace, warn",
        ] {
            assert_eq!(told(good), Ok(()), "{good}");
        }
        for bad in ["inof", "verbose", "info,degub", "info,edge=loud"] {
            assert!(told(bad).is_err_and(|told| told.contains("LOG: ")), "{bad}");
        }
    }
}
