//! `Content-Disposition` (RFC 6266): shown only where that is safe, always with the name that people gave.

use axum::http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a browser may show: images that can't run anything. SVG and HTML can.
const SHOWN: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// All but RFC 5987's `attr-char`.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The header for a file's type and name.
pub(crate) fn disposition(content_type: &str, name: &str) -> HeaderValue {
    let how = if SHOWN.contains(&content_type) {
        "inline"
    } else {
        "attachment"
    };
    let plain: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '%' => '_',
            c if c.is_ascii_graphic() || c == ' ' => c,
            _ => '_',
        })
        .collect();
    let exact = utf8_percent_encode(name, NOT_ATTR_CHAR);
    HeaderValue::try_from(format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{exact}"))
        .unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_images_are_shown() {
        let told = |kind| disposition(kind, "a").to_str().unwrap().to_owned();
        assert!(told("image/png").starts_with("inline;"));
        for kind in ["image/svg+xml", "text/html", "application/pdf", "image/PNG", ""] {
            assert!(told(kind).starts_with("attachment;"), "{kind}");
        }
    }

    #[test]
    fn names_can_not_break_out() {
        let value = disposition("text/plain", "a\"b\\;\r\nX: y Ä.txt");
        assert_eq!(
            value.to_str().unwrap(),
            "attachment; filename=\"a_b_;__X: y _.txt\"; \
             filename*=UTF-8''a%22b%5C%3B%0D%0AX%3A%20y%20%C3%84.txt"
        );
    }
}
