//! Which backend a URL names.

use std::{fmt, path::PathBuf, str::FromStr};

use runtime::settings::redacted;

/// The address of a database; its scheme alone decides the backend. Prints without user and password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite://path/to/file.db`, relative to the working directory; `sqlite:///path` is absolute.
    Sqlite(PathBuf),
    /// `postgres://user:password@host:port/database`
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let url = url.trim();
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            // Two pools on ":memory:" would be two databases.
            if path.is_empty() || path.contains(":memory:") || path.contains('?') {
                return Err("must name a file: sqlite://path/to/file.db");
            }
            return Ok(Self::Sqlite(path.into()));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let config: tokio_postgres::Config = url
                .parse()
                .map_err(|_| "is not a PostgreSQL URL: postgres://user:password@host:port/database")?;
            if config.get_ssl_mode() == tokio_postgres::config::SslMode::Require {
                return Err("asks for TLS (sslmode=require), which is not supported: use a private network");
            }
            return Ok(Self::Postgres(url.to_owned()));
        }
        Err("must begin with sqlite:// or postgres://")
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => f.write_str(&redacted(url)),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides() {
        assert_eq!(
            "sqlite://data/chat.db".parse(),
            Ok(DatabaseUrl::Sqlite("data/chat.db".into()))
        );
        assert_eq!(
            "sqlite:///var/chat.db".parse(),
            Ok(DatabaseUrl::Sqlite("/var/chat.db".into()))
        );
        assert!(matches!(
            "postgres://u:p@h:5/d".parse(),
            Ok(DatabaseUrl::Postgres(_))
        ));
        for bad in [
            "",
            "mysql://x",
            "sqlite:",
            "sqlite://:memory:",
            "data/chat.db",
            "postgres://h/d?sslmode=require",
            "postgres://[",
            "sqlite://a?mode=ro",
        ] {
            assert!(bad.parse::<DatabaseUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn passwords_do_not_print() {
        let url: DatabaseUrl = "postgres://u:hunter2@h:5/d".parse().unwrap();
        assert_eq!(format!("{url} {url:?}"), "postgres://h:5/d postgres://h:5/d");
    }
}
