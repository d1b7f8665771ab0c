//! Refuses what a foreign website sends through a visitor's browser.
//!
//! There are no cookies to abuse, but with open access a page from anywhere could write to a server on the visitor's own
//! machine. Browsers name the page's origin on every unsafe request and every WebSocket handshake; programs don't.
//!
//! A page may also have its own name point to the visitor's machine once it is there (DNS rebinding): then it is no
//! foreign page for the browser. Such a server therefore answers to no name that a stranger can give it.

use std::{
    borrow::Cow,
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::rest::problem::Problem;

/// Origins let in besides the server's own, such as `https://chat.example.org`.
#[derive(Debug, Clone, Default)]
pub struct AllowedOrigins {
    list: Arc<[String]>,
    /// Whether the server answers only to names of this machine, and to those in the list.
    local: bool,
}

impl AllowedOrigins {
    /// From `ALLOWED_ORIGINS`: separated by commas; `*` for all.
    ///
    /// # Errors
    /// What an origin looks like.
    pub fn parse(list: &str) -> Result<Self, &'static str> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let origins: Vec<String> = entries.map(str::to_ascii_lowercase).collect();
        let origin = |entry: &String| {
            let host = entry
                .strip_prefix("http://")
                .or_else(|| entry.strip_prefix("https://"));
            entry == "*" || host.is_some_and(|host| !host.is_empty() && !host.contains('/'))
        };
        if origins.iter().all(origin) {
            let list = origins.into();
            Ok(Self { list, local: false })
        } else {
            Err("must be origins such as https://chat.example.org, separated by commas")
        }
    }

    /// The same, for a server that trusts whoever can connect because only this machine can.
    #[must_use]
    pub fn of_this_machine(self) -> Self {
        Self { local: true, ..self }
    }

    /// Whether a request with these headers is meant for this server, and comes from an admitted page or from no page.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        let (origin, host) = (text(headers, header::ORIGIN), text(headers, header::HOST));
        self.knows(host.as_deref()) && origin.is_none_or(|origin| self.admits(&origin, host.as_deref()))
    }

    fn admits(&self, origin: &str, host: Option<&str>) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.list
            .iter()
            .any(|allowed| allowed == "*" || *allowed == origin)
            || is_own(&origin, host)
    }

    /// Whether the server answers to this name. Browsers always say one.
    fn knows(&self, host: Option<&str>) -> bool {
        let Some(host) = host.filter(|_| self.local) else {
            return true;
        };
        let listed = |host: &str| {
            self.list.iter().any(|allowed| {
                let place = allowed.split_once("://").map(|(_, place)| place);
                allowed == "*" || place.and_then(name).is_some_and(|name| name == host)
            })
        };
        name(host).is_some_and(|name| is_of_this_machine(&name) || listed(&name))
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<Cow<'_, str>> {
    let value: Option<&HeaderValue> = headers.get(name);
    value.map(|value| String::from_utf8_lossy(value.as_bytes()))
}

/// What stands before the port.
fn name(host: &str) -> Option<String> {
    let authority: Authority = host.parse().ok()?;
    Some(authority.host().trim_end_matches('.').to_ascii_lowercase())
}

/// Whether no name server elsewhere tells what it stands for: an address, a name without a dot, which containers have for
/// each other, or one below `localhost`.
fn is_of_this_machine(name: &str) -> bool {
    let in_brackets = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_address =
        name.parse::<Ipv4Addr>().is_ok() || in_brackets.is_some_and(|name| name.parse::<Ipv6Addr>().is_ok());
    is_address || !name.contains('.') || name.ends_with(".localhost")
}

/// Whether an origin is the host that the request was sent to. The scheme is the proxy's affair in front of us.
fn is_own(origin: &str, host: Option<&str>) -> bool {
    let (Some((scheme, place)), Some(host)) = (origin.split_once("://"), host) else {
        return false;
    };
    let host = host.to_ascii_lowercase();
    match scheme {
        "http" => without_port(place, ":80") == without_port(&host, ":80"),
        "https" => without_port(place, ":443") == without_port(&host, ":443"),
        _ => false,
    }
}

fn without_port<'a>(place: &'a str, default: &str) -> &'a str {
    place.strip_suffix(default).unwrap_or(place)
}

/// Lets through what a browser would not let a foreign page do, or what no browser sent.
pub async fn guard(State(allowed): State<AllowedOrigins>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !allowed.knows(text(headers, header::HOST).as_deref()) {
        return Problem::new(
            StatusCode::FORBIDDEN,
            "host_refused",
            "This server is for its own machine and does not know this name: see the setting ALLOWED_ORIGINS.",
        )
        .into_response();
    }
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if safe && !headers.contains_key(header::UPGRADE) || allowed.admit(headers) {
        return next.run(request).await;
    }
    Problem::new(
        StatusCode::FORBIDDEN,
        "origin_refused",
        "This page's origin may not use this server: see the setting ALLOWED_ORIGINS.",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_and_allowed_origins_pass_and_others_do_not() {
        let allowed = AllowedOrigins::parse("https://chat.example.org, http://other:81").unwrap();
        let host = Some("localhost:8092");
        for good in [
            "http://localhost:8092",
            "HTTP://LOCALHOST:8092",
            "https://chat.example.org",
            "http://other:81",
        ] {
            assert!(allowed.admits(good, host), "{good}");
        }
        for bad in [
            "null",
            "",
            "http://evil.example",
            "http://localhost:8093",
            "http://localhost",
            "http://localhost:8092.evil.example",
            "https://chat.example.org.evil.example",
            "file://localhost:8092",
        ] {
            assert!(!allowed.admits(bad, host), "{bad}");
        }
        assert!(allowed.admits("http://chat.lan", Some("chat.lan:80")));
        assert!(allowed.admits("https://chat.lan:443", Some("chat.lan")));
        assert!(!allowed.admits("http://localhost", None));
        assert!(AllowedOrigins::parse("*").unwrap().admits("null", None));
    }

    #[test]
    fn a_server_for_its_own_machine_answers_to_no_name_of_a_stranger() {
        let listed = AllowedOrigins::parse("https://chat.example.org:8443").unwrap();
        let local = listed.clone().of_this_machine();
        let headers = |host: &str| {
            let origin = (header::ORIGIN, format!("http://{host}"));
            let headers = [origin, (header::HOST, host.to_owned())];
            HeaderMap::from_iter(headers.map(|(name, value)| (name, value.parse().unwrap())))
        };
        for own in [
            "localhost:8092",
            "127.0.0.1:8092",
            "[::1]:8092",
            "192.168.1.7",
            "LocalHost.:8092",
            "chat.localhost",
            "edge:8092",
            "chat.example.org",
        ] {
            assert!(local.admit(&headers(own)), "{own}");
        }
        for strange in [
            "evil.example:8092",
            "127.0.0.1.evil.example",
            "localhost.evil.example:8092",
            "chat.example.org.evil.example",
            "evil.example.:8092",
            "::1.evil.example",
            "",
        ] {
            assert!(!local.admit(&headers(strange)), "{strange}");
        }
        assert!(
            listed.admit(&headers("chat.lan:8092")),
            "elsewhere people choose the names"
        );
        assert!(local.admit(&HeaderMap::new()), "no browser");
        let all = AllowedOrigins::parse("*").unwrap().of_this_machine();
        assert!(all.admit(&headers("evil.example:8092")));
    }

    #[test]
    fn an_odd_list_is_refused() {
        assert!(AllowedOrigins::parse("").is_ok());
        for bad in ["chat.example.org", "https://", "https://a/b", "ftp://a"] {
            assert!(AllowedOrigins::parse(bad).is_err(), "{bad}");
        }
    }
}
