//! Whose address a request comes from: the peer's, or, behind proxies of ours, what they say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request},
    http::HeaderMap,
};

/// The client's address, in a request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// With so many proxies of ours in front, each of which appends its peer to `X-Forwarded-For`: that many entries
    /// from the right can be trusted, and everything before them is the client's word.
    pub fn of(request: &Request, proxy_hops: usize) -> Self {
        let peer = request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
        Self(forwarded(request.headers(), proxy_hops).unwrap_or(peer))
    }

    /// What limits count by: an IPv6 network of 64 bits is one client.
    pub fn key(self) -> IpAddr {
        match self.0.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        }
    }
}

fn forwarded(headers: &HeaderMap, proxy_hops: usize) -> Option<IpAddr> {
    let before = proxy_hops.checked_sub(1)?;
    let entries: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    entries.iter().rev().nth(before)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn only_our_own_proxies_are_believed() {
        let mut request = Request::builder()
            .header("x-forwarded-for", "6.6.6.6, 10.0.0.1")
            .header("x-forwarded-for", "10.0.0.2")
            .body(Body::empty())
            .unwrap();
        let peer = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9)));
        request.extensions_mut().insert(peer);
        let seen = |hops| ClientAddress::of(&request, hops).0.to_string();
        assert_eq!(seen(0), "127.0.0.1");
        assert_eq!(seen(1), "10.0.0.2");
        assert_eq!(seen(2), "10.0.0.1");
        assert_eq!(seen(9), "127.0.0.1");
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let key = |text: &str| ClientAddress(text.parse().unwrap()).key();
        assert_eq!(key("2001:db8::1:2:3:4"), key("2001:db8::5"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:1.2.3.4"), key("1.2.3.4"));
    }
}
