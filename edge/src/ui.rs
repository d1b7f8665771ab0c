//! The browser UI: the files of `edge/web`, carried in the binary (a debug build reads them from disk).

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};
use tower_http::compression::CompressionLayer;

#[derive(RustEmbed)]
#[folder = "web/"]
struct Assets;

/// What the UI consists of, and how it is labelled. Everything else in the folder (tests, tools, texts) stays inside.
const KINDS: [(&str, &str); 9] = [
    ("html", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("ico", "image/x-icon"),
    ("webp", "image/webp"),
    ("woff2", "font/woff2"),
    ("webmanifest", "application/manifest+json"),
];

/// Answers what no other route does.
pub fn routes() -> Router {
    Router::new().fallback(serve).layer(CompressionLayer::new())
}

async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let Some((file, kind)) = find(path) else {
        return (StatusCode::NOT_FOUND, "There is nothing at this address.\n").into_response();
    };
    if !matches!(method, Method::GET | Method::HEAD) {
        let allow = [(header::ALLOW, "GET, HEAD")];
        return (StatusCode::METHOD_NOT_ALLOWED, allow).into_response();
    }
    let tag = tag_of(&file);
    let seen = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|one| one.trim() == tag));
    let mut response = if seen {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, kind)], file.data).into_response()
    };
    let answer = response.headers_mut();
    // Kept, but asked for again each time: an answer of a few bytes, and never yesterday's UI with today's server.
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        answer.insert(header::ETAG, tag);
    }
    response
}

fn find(path: &str) -> Option<(EmbeddedFile, &'static str)> {
    let (_, extension) = path.rsplit_once('.')?;
    let (_, kind) = KINDS.iter().find(|(known, _)| *known == extension)?;
    let inner = path.split('/').any(|folder| {
        folder.is_empty() || folder.starts_with('.') || matches!(folder, "tests" | "node_modules" | "types")
    });
    if inner || path.ends_with(".test.js") {
        return None;
    }
    Some((Assets::get(path)?, kind))
}

/// Weak: it stands for the file's bytes, compressed or not.
fn tag_of(file: &EmbeddedFile) -> String {
    use std::fmt::Write as _;
    let hash = file.metadata.sha256_hash();
    let mut tag = String::from("W/\"");
    for byte in &hash[..16] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ui_itself_is_served() {
        for path in ["index.html", "app.js", "favicon.svg"] {
            assert!(find(path).is_some(), "{path}");
        }
        for path in [
            "package.json",
            "tsconfig.json",
            "tests/markdown.test.js",
            "README.md",
            "../src/ui.rs",
            "client/../package.json",
            ".env.js",
            "nothing.js",
            "",
        ] {
            assert!(find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn every_file_of_the_ui_can_be_fetched() {
        let left_out: Vec<_> = Assets::iter()
            .filter(|path| !path.starts_with("tests/") && find(path).is_none())
            .filter(|path| !matches!(path.rsplit('.').next(), Some("json" | "md" | "ts" | "mjs")))
            .collect();
        assert!(left_out.is_empty(), "{left_out:?}");
    }
}
