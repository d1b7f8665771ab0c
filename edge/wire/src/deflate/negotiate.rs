//! What is answered to a client that offers compression (RFC 7692 §5, §7.1).

use std::{fmt::Write as _, num::NonZeroU8};

use super::{Deflate, WINDOW_BITS};

const NAME: &str = "permessage-deflate";

/// Chooses among the offers of a request, and tells the value of the header to answer with. `offers` are the values of all
/// `Sec-WebSocket-Extensions` headers of the request, in order; the first offer that can be kept is taken. Malformed offers
/// are declined, as are those with parameters that nobody knows.
pub fn negotiate<'a>(offers: impl Iterator<Item = &'a str>) -> Option<(Deflate, String)> {
    offers.flat_map(|value| split(value, ',')).find_map(accept)
}

/// Accepts an offer, unless something in it can't be kept.
fn accept(offer: &str) -> Option<(Deflate, String)> {
    let mut parts = split(offer, ';');
    if !parts.next()?.eq_ignore_ascii_case(NAME) {
        return None;
    }
    let mut seen = Vec::new();
    let mut window = None;
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(unquoted(value.trim_start())?)),
            None => (part, None),
        };
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
        match (name, value) {
            (
                "server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits",
                None,
            ) => {}
            // Ours holds the largest window, so there is no need to hold the client to less.
            ("client_max_window_bits", Some(value)) => {
                bits(value)?;
            }
            ("server_max_window_bits", Some(value)) => window = Some(bits(value)?),
            _ => return None,
        }
    }
    let mut answer = format!("{NAME}; server_no_context_takeover; client_no_context_takeover");
    if let Some(bits) = window {
        let _ = write!(answer, "; server_max_window_bits={bits}");
    }
    let window_bits = window.unwrap_or(WINDOW_BITS);
    Some((Deflate { window_bits }, answer))
}

fn bits(value: &str) -> Option<NonZeroU8> {
    matches!(value, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")
        .then(|| value.parse().ok())
        .flatten()
}

fn unquoted(value: &str) -> Option<&str> {
    match value.strip_prefix('"') {
        Some(value) => value.strip_suffix('"'),
        None => Some(value),
    }
}

/// The parts between the separators that stand outside of quotes.
fn split(value: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    value
        .split(move |character| {
            quoted ^= character == '"';
            character == separator && !quoted
        })
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

    fn answer(offers: &[&str]) -> Option<String> {
        negotiate(offers.iter().copied()).map(|(_, answer)| answer)
    }

    #[test]
    fn an_offer_is_answered_without_any_context() {
        for offer in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate;client_max_window_bits=10;server_no_context_takeover",
            "Permessage-Deflate; client_no_context_takeover ; client_max_window_bits=\"8\"",
            "x-webkit-deflate-frame, permessage-deflate",
            "permessage-other; a=\"x, permessage-deflate; y\", permessage-deflate",
        ] {
            assert_eq!(answer(&[offer]).as_deref(), Some(ANSWER), "{offer}");
        }
    }

    #[test]
    fn a_limit_on_our_window_is_kept() {
        for bits in 8..=15 {
            let offer = format!("permessage-deflate; server_max_window_bits={bits}");
            let (deflate, answer) = negotiate([&*offer].into_iter()).unwrap();
            assert_eq!(answer, format!("{ANSWER}; server_max_window_bits={bits}"));
            assert!(deflate.takes(1 << bits));
            assert_eq!(deflate.takes((1 << bits) + 1), bits == 15);
        }
    }

    #[test]
    fn what_breaks_the_rfc_is_declined() {
        for offer in [
            "",
            ",;,",
            "permessage-deflate-2",
            "permessage-deflate; unknown",
            "permessage-deflate; ",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=09",
            "permessage-deflate; server_max_window_bits=+9",
            "permessage-deflate; server_max_window_bits=\"9",
            "permessage-deflate; client_max_window_bits=0",
            "permessage-deflate; client_max_window_bits=",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        ] {
            assert_eq!(answer(&[offer]), None, "{offer}");
        }
    }

    #[test]
    fn the_first_offer_that_can_be_kept_is_taken() {
        let declined = "permessage-deflate; server_max_window_bits=7";
        let taken = "permessage-deflate; server_max_window_bits=12, permessage-deflate";
        assert_eq!(
            answer(&[declined, taken]),
            Some(format!("{ANSWER}; server_max_window_bits=12"))
        );
        assert_eq!(answer(&[]), None);
    }
}
