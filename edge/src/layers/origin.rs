//! Refuses what a foreign website sends through a visitor's browser.
//!
//! There are no cookies to abuse, but with open access a page from anywhere could write to a server on the visitor's own
//! machine. Browsers name the page's origin on every unsafe request and every WebSocket handshake; programs don't.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::rest::problem::Problem;

/// Origins let in besides the server's own, such as `https://chat.example.org`.
#[derive(Debug, Clone, Default)]
pub struct AllowedOrigins(Arc<[String]>);

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
            Ok(Self(origins.into()))
        } else {
            Err("must be origins such as https://chat.example.org, separated by commas")
        }
    }

    /// Whether a request with these headers comes from an admitted page, or from no page.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        let text = |name| {
            let value: Option<&HeaderValue> = headers.get(name);
            value.map(|value| String::from_utf8_lossy(value.as_bytes()))
        };
        text(header::ORIGIN).is_none_or(|origin| self.admits(&origin, text(header::HOST).as_deref()))
    }

    fn admits(&self, origin: &str, host: Option<&str>) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.0.iter().any(|allowed| allowed == "*" || *allowed == origin) || is_own(&origin, host)
    }
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
    fn an_odd_list_is_refused() {
        assert!(AllowedOrigins::parse("").is_ok());
        for bad in ["chat.example.org", "https://", "https://a/b", "ftp://a"] {
            assert!(AllowedOrigins::parse(bad).is_err(), "{bad}");
        }
    }
}
