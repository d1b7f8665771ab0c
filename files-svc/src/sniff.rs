//! What bytes are by their look, never what a client said they are.

use infer::MatcherType;

/// How many first bytes are looked at.
pub(crate) const HEAD: usize = 8 * 1024;

/// Where nothing is known.
const UNKNOWN: &str = "application/octet-stream";

/// All text, also what browsers would run were it named so: HTML, SVG, XML, scripts.
const TEXT: &str = "text/plain";

/// Types whose files may be all text, and that are worth their name.
const TEXTUAL: [&str; 2] = ["application/pdf", "application/rtf"];

/// Types that browsers run or have run.
const ACTIVE: [&str; 1] = ["application/x-shockwave-flash"];

/// The media type of a file that begins with `head`: its first [`HEAD`] bytes, or all of it.
pub(crate) fn content_type(head: &[u8]) -> &'static str {
    if head.is_empty() {
        return UNKNOWN;
    }
    let look = infer::get(head);
    if is_text(head) {
        // Two letters make a bitmap: before magic numbers of printable characters count, text is text.
        return look
            .map(|look| look.mime_type())
            .filter(|name| TEXTUAL.contains(name))
            .unwrap_or(TEXT);
    }
    match look {
        Some(look) if look.matcher_type() == MatcherType::Text => TEXT,
        Some(look) if !ACTIVE.contains(&look.mime_type()) => look.mime_type(),
        _ => UNKNOWN,
    }
}

/// UTF-8 without control characters other than white space and escape; may end within a character, where it was cut.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() && head.len() >= HEAD => {
            let (whole, _) = head.split_at(error.valid_up_to());
            std::str::from_utf8(whole).unwrap_or_default()
        }
        Err(_) => return false,
    };
    text.chars()
        .all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}' | '\u{1b}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bytes_get_their_type() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        let zip = b"PK\x03\x04\x14\0\0\0\x08\0";
        for (head, name) in [
            (png.as_slice(), "image/png"),
            (b"GIF89a\x01\0\x01\0", "image/gif"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
            (b"%PDF-1.7\n1 0 obj", "application/pdf"),
            (zip, "application/zip"),
            (b"\0\x01\x02\x03", UNKNOWN),
            (b"", UNKNOWN),
        ] {
            assert_eq!(content_type(head), name, "{head:?}");
        }
    }

    #[test]
    fn active_content_is_plain_text() {
        for text in [
            "<!DOCTYPE html><script>alert(1)</script>",
            "  <html ><body>",
            "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            "<?xml version='1.0'?><svg/>",
            "\u{FEFF}<?xml version='1.0'?>",
            "#!/bin/sh\nrm -rf /",
            "alert(document.cookie)",
            "BMW is a car",
            "Grüße",
        ] {
            assert_eq!(content_type(text.as_bytes()), TEXT, "{text}");
        }
        assert_eq!(content_type(b"<html >\0\xff"), TEXT);
        assert_eq!(content_type(b"FWS\x05\0\0\0\0"), UNKNOWN);
    }

    #[test]
    fn text_may_be_cut_within_a_character() {
        let text = format!("a{}", "ä".repeat(HEAD));
        assert_eq!(content_type(&text.as_bytes()[..HEAD]), TEXT);
        assert_eq!(content_type(b"abc\xc3"), UNKNOWN);
    }
}
