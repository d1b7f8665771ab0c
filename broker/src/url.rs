//! Which broker a URL names.

use std::{fmt, str::FromStr};

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _};
use runtime::settings::redacted;

const SCHEME: &str = "redis://";

/// How a cluster's URL begins. Clients spell it in either way.
const CLUSTER_SCHEMES: [&str; 2] = ["redis-cluster://", "redis+cluster://"];

/// `REDIS_URL`: a Redis server. Prints without user and password.
#[derive(Clone)]
pub struct BrokerUrl {
    url: String,
    info: ConnectionInfo,
}

/// `REDIS_URL`: a Redis Cluster, by some of its servers. Prints without user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterUrl(Vec<BrokerUrl>);

/// A server, and how to connect to it.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) info: ConnectionInfo,
    /// In words without secrets.
    pub(crate) shown: String,
}

impl BrokerUrl {
    /// The URL with everything in it, for the client.
    pub fn expose(&self) -> &str {
        &self.url
    }

    pub(crate) fn server(&self) -> Server {
        Server {
            info: self.info.clone(),
            shown: self.to_string(),
        }
    }
}

impl PartialEq for BrokerUrl {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

impl Eq for BrokerUrl {}

impl FromStr for BrokerUrl {
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "must be redis://[user:password@]host[:port][/database]";
        let url = url.trim();
        let plain = url.starts_with(SCHEME)
            && redis::parse_redis_url(url).is_some_and(|url| url.host_str().is_some());
        let info = url.into_connection_info().ok().filter(|_| plain);
        Ok(Self {
            url: url.to_owned(),
            info: info.ok_or(EXPECTED)?,
        })
    }
}

impl ClusterUrl {
    /// Whether a URL names a cluster, well or badly.
    pub(crate) fn is_meant(url: &str) -> bool {
        CLUSTER_SCHEMES
            .iter()
            .any(|scheme| url.trim().starts_with(scheme))
    }

    /// The servers that it names.
    pub(crate) fn servers(&self) -> impl Iterator<Item = Server> {
        self.0.iter().map(BrokerUrl::server)
    }

    /// Another server of the cluster, for the same user.
    pub(crate) fn server_at(&self, host: &str, port: u16) -> Server {
        let address = ConnectionAddr::Tcp(host.to_owned(), port);
        Server {
            // There is one at least, and all have the same user.
            info: self.0[0].info.clone().set_addr(address),
            shown: format!("{SCHEME}{host}:{port}"),
        }
    }
}

impl FromStr for ClusterUrl {
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "must be redis-cluster://[user:password@]host[:port][,host[:port]...]";
        let url = url.trim();
        let named = CLUSTER_SCHEMES.iter().find_map(|scheme| url.strip_prefix(scheme));
        let named = named.ok_or(EXPECTED)?;
        let (user, hosts) = match named.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), named),
        };
        // A cluster has one database.
        if hosts.contains(['/', '?', '#']) {
            return Err(EXPECTED);
        }
        let servers = hosts
            .split(',')
            .map(|host| format!("{SCHEME}{user}{host}").parse());
        let servers: Result<_, _> = servers.collect();
        servers.map(Self).map_err(|_: &str| EXPECTED)
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.url))
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ClusterUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CLUSTER_SCHEMES[0])?;
        for (at, server) in self.0.iter().enumerate() {
            let shown = server.to_string();
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{}", shown.strip_prefix(SCHEME).unwrap_or(&shown))?;
        }
        Ok(())
    }
}

impl fmt::Debug for ClusterUrl {
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

    #[test]
    fn a_cluster_is_named_by_some_of_its_servers() {
        let url = "redis-cluster://u:hun,ter2@a:7000,b,[::1]:7002";
        let cluster: ClusterUrl = url.parse().unwrap();
        assert_eq!(cluster.servers().count(), 3);
        let printed = format!("{cluster} {cluster:?}");
        assert!(
            printed.starts_with("redis-cluster://a:7000,b,[::1]:7002"),
            "{printed}"
        );
        assert!(!printed.contains("ter2"), "{printed}");
        let other = cluster.server_at("10.0.0.7", 6379);
        assert_eq!(other.shown, "redis://10.0.0.7:6379");
        assert_eq!(other.info.redis_settings().password(), Some("hun,ter2"));
        assert!(" redis+cluster://a ".parse::<ClusterUrl>().is_ok());
        for bad in [
            "redis://a:7000,b:7001",
            "redis-cluster://",
            "redis-cluster://a,",
            "redis-cluster://a/1",
            "redis-cluster://a:x",
            "rediss-cluster://a",
        ] {
            assert!(bad.parse::<ClusterUrl>().is_err(), "{bad}");
        }
    }
}
