//! Settings from flags and environment: every problem is collected and told at once, and no secret prints.

use std::{fmt, net::IpAddr, str::FromStr};

/// What is wrong with the settings, all of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<String>);

impl Problems {
    /// Nothing wrong yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a problem with the setting `name`.
    pub fn note(&mut self, name: &str, problem: impl fmt::Display) {
        self.0.push(format!("{name}: {problem}"));
    }

    /// The value, or a note about why there is none.
    pub fn check<T, E: fmt::Display>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|problem| self.note(name, problem)).ok()
    }

    /// Parses a setting; `expected` says in a few words what it should have been. The value itself is not repeated:
    /// it may be a secret in the wrong place.
    pub fn parse<T: FromStr>(&mut self, name: &str, value: &str, expected: &str) -> Option<T> {
        self.check(
            name,
            value
                .trim()
                .parse::<T>()
                .map_err(|_| format!("must be {expected}")),
        )
    }

    /// A TCP port; 0 lets the system choose.
    pub fn port(&mut self, name: &str, value: &str) -> Option<u16> {
        self.parse(name, value, "a port number from 0 to 65535")
    }

    /// An address to listen on.
    pub fn bind(&mut self, name: &str, value: &str) -> Option<IpAddr> {
        self.parse(name, value, "an IP address such as 127.0.0.1 or 0.0.0.0")
    }

    /// A switch: `true` or `false` (also `1`, `0`, `yes`, `no`, `on`, `off`).
    pub fn switch(&mut self, name: &str, value: &str) -> Option<bool> {
        match value.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => {
                self.note(name, "must be true or false");
                None
            }
        }
    }

    /// Takes over another list.
    pub fn absorb<T>(&mut self, result: Result<T, Self>) -> Option<T> {
        result.map_err(|problems| self.0.extend(problems.0)).ok()
    }

    /// `config` where nothing is wrong.
    ///
    /// # Errors
    /// Everything that was noted.
    pub fn into_result<T>(self, config: Option<T>) -> Result<T, Self> {
        match config {
            Some(config) if self.0.is_empty() => Ok(config),
            _ => Err(self),
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these settings can't be used:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

/// Where a service listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// The address, for both ports.
    pub bind: IpAddr,
    /// The gRPC port.
    pub port: u16,
    /// The port of `/livez`, `/readyz` and `/metrics`; `None` where the process serves them elsewhere.
    pub admin_port: Option<u16>,
}

impl Listen {
    /// Checks the settings `BIND`, `PORT` and `ADMIN_PORT` (default: the port + 1000).
    pub fn check(problems: &mut Problems, bind: &str, port: &str, admin_port: Option<&str>) -> Option<Self> {
        let bind = problems.bind("BIND", bind);
        let port = problems.port("PORT", port);
        let admin_port = match given(admin_port) {
            Some(value) => problems.port("ADMIN_PORT", value),
            None => port.and_then(|port| match port.checked_add(1000) {
                Some(admin) if port != 0 => Some(admin),
                _ if port == 0 => Some(0),
                _ => {
                    problems.note("ADMIN_PORT", "must be set where PORT + 1000 is no port");
                    None
                }
            }),
        };
        Some(Self {
            bind: bind?,
            port: port?,
            admin_port: Some(admin_port?),
        })
    }

    /// The gRPC address.
    pub fn address(&self) -> std::net::SocketAddr {
        (self.bind, self.port).into()
    }

    /// The admin address.
    pub fn admin_address(&self) -> std::net::SocketAddr {
        (self.bind, self.admin_port.unwrap_or(self.port)).into()
    }
}

/// A setting that is there and not empty: `VAR=` in an environment file means "not set".
pub fn given(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

/// A value that never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;
    fn from_str(value: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(value))
    }
}

/// A URL without its user, password and query: fit for a log line.
pub fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    // A password may hold '/' and '@': the host begins after the last '@'.
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let place = match rest.find(['?', '#']) {
        // A password that holds '?', or a query that holds '@': what stands between them may be a secret.
        Some(at) if rest[at..].contains('@') => "…",
        _ => place.split(['?', '#']).next().unwrap_or(place),
    };
    if scheme.is_empty() {
        place.to_owned()
    } else {
        format!("{scheme}://{place}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_told_at_once() {
        let mut problems = Problems::new();
        assert_eq!(problems.port("PORT", "80x"), None);
        assert_eq!(problems.switch("OPEN_ACCESS", "maybe"), None);
        let told = problems.into_result(Some(())).unwrap_err().to_string();
        assert!(
            told.contains("PORT: ") && told.contains("OPEN_ACCESS: "),
            "{told}"
        );
        assert!(!told.contains("80x"), "values may be secrets: {told}");
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "[secret]");
        assert_eq!(
            redacted("postgres://chat:p@ss/w0rd@db:5432/chat?x=y"),
            "postgres://db:5432/chat"
        );
        assert_eq!(redacted("sqlite://data/chat.db"), "sqlite://data/chat.db");
        for unclear in [
            "postgres://chat:hun?ter2@db/chat",
            "postgres://chat:hun#ter2@db/chat",
            "postgres://db/chat?password=hun@ter2",
        ] {
            assert_eq!(redacted(unclear), "postgres://…", "{unclear}");
        }
    }
}
