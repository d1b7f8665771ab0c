//! Session tokens: 256 random bits as 64 hexadecimal digits; only their SHA-256 is stored.

use std::fmt::Write as _;

use argon2::password_hash::try_generate_salt;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

/// Digits in a token.
const DIGITS: usize = 64;

/// A token. Does not print.
pub(super) struct Token(String);

impl Token {
    /// A new one, from the system's random numbers.
    ///
    /// # Errors
    /// Where the system has none.
    pub(super) fn random() -> Result<Self> {
        let mut text = String::with_capacity(DIGITS);
        // A salt is 128 bits from the system's generator, whatever it is used for.
        for _ in 0..2 {
            let half: [u8; 16] = try_generate_salt().map_err(|error| {
                tracing::error!(%error, "no random numbers");
                Error::Crypto
            })?;
            for byte in half {
                // Writing to a string can't fail.
                let _ = write!(text, "{byte:02x}");
            }
        }
        Ok(Self(text))
    }

    /// What a caller sent, if it can be one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == DIGITS && text.bytes().all(digit)).then(|| Self(text.to_owned()))
    }

    /// What is stored of it.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The token itself, for its owner.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_read_as_written() {
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert_ne!(one.hash(), other.hash());
        let read = Token::parse(&one.0).unwrap();
        assert_eq!(read.hash(), one.hash());
        assert_ne!(one.0[..32], one.0[32..], "both halves are random");
        for bad in ["", "a", &one.0[1..], &one.0.to_uppercase(), &"g".repeat(64)] {
            assert!(bad == one.0 || Token::parse(bad).is_none(), "{bad}");
        }
    }
}
