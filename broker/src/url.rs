//! Which broker a URL names.

use std::{fmt, str::FromStr};

use redis::IntoConnectionInfo as _;
use runtime::settings::redacted;

/// `REDIS_URL`: a Redis server. Prints without user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerUrl(String);

impl BrokerUrl {
    /// The URL with everything in it, for the client.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for BrokerUrl {
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "must be redis://[user:password@]host[:port][/database]";
        let url = url.trim();
        let plain = url.starts_with("redis://")
            && redis::parse_redis_url(url).is_some_and(|url| url.host_str().is_some())
            && url.into_connection_info().is_ok();
        if plain {
            Ok(Self(url.to_owned()))
        } else {
            Err(EXPECTED)
        }
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.0))
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_never_be_connected_to_is_refused() {
        for good in ["redis://h", "redis://u:p@h:6380/3", " redis://h "] {
            assert!(good.parse::<BrokerUrl>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "h:6379",
            "http://h",
            "redis://",
            "redis://h/three",
            "redis://h:x",
        ] {
            assert!(bad.parse::<BrokerUrl>().is_err(), "{bad}");
        }
    }
}
