//! Addresses of services: `http://host:port`, several separated by commas.

use std::{fmt, str::FromStr};

use crate::settings::{Problems, given};

/// Where a service's replicas are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceUrl(Vec<(String, u16)>);

impl ServiceUrl {
    /// One place.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self(vec![(host.into(), port)])
    }

    /// Host names (or addresses) and ports.
    pub fn places(&self) -> &[(String, u16)] {
        &self.0
    }
}

impl FromStr for ServiceUrl {
    type Err = &'static str;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "must be http://host:port (several separated by commas)";
        let place = |url: &str| {
            let uri: http::Uri = url.trim().parse().ok()?;
            let plain = uri.scheme_str() == Some("http") && uri.path() == "/" && uri.query().is_none();
            // Nothing here signs in, and what is parsed is shown in logs.
            let plain = plain && !uri.authority()?.as_str().contains('@');
            let host = uri.host()?.trim_matches(['[', ']']).to_owned();
            plain.then_some(())?;
            Some((host, uri.port_u16()?))
        };
        value
            .split(',')
            .map(place)
            .collect::<Option<Vec<_>>>()
            .map(Self)
            .ok_or(EXPECTED)
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (host, port)) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "," };
            // The colons of an IPv6 address are not the port's.
            if host.contains(':') {
                write!(f, "{separator}http://[{host}]:{port}")?;
            } else {
                write!(f, "{separator}http://{host}:{port}")?;
            }
        }
        Ok(())
    }
}

/// Reads a service's address from a setting.
pub fn service_url(problems: &mut Problems, name: &str, value: &str) -> Option<ServiceUrl> {
    let value = given(Some(value)).unwrap_or_default();
    problems.check(name, value.parse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_with_a_port() {
        let two: ServiceUrl = "http://chat:8020, http://[::1]:9".parse().unwrap();
        assert_eq!(two.places(), [("chat".to_owned(), 8020), ("::1".to_owned(), 9)]);
        assert_eq!(two.to_string(), "http://chat:8020,http://[::1]:9");
        for bad in [
            "",
            "chat:8020",
            "https://chat:1",
            "http://chat",
            "http://chat:1/x",
            "redis://a:1",
            "http://a:1,",
            "http://user:secret@a:1",
        ] {
            assert!(bad.parse::<ServiceUrl>().is_err(), "{bad}");
        }
    }
}
