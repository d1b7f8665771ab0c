//! The rules for fields that come from outside: one place, used by every service and by the edge.

use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

/// Longest room or user id, in bytes.
pub const ID_MAX: usize = 64;
/// Longest shown name of a user, in characters.
pub const USERNAME_MAX: usize = 64;
/// Longest message content, in characters (Unicode scalar values).
pub const CONTENT_MAX: usize = 16_000;
/// Longest `client_msg_id`, in characters.
pub const CLIENT_MSG_ID_MAX: usize = 64;
/// Longest shown name of a room, in characters.
pub const ROOM_NAME_MAX: usize = 80;
/// Longest description of a room, in characters.
pub const ROOM_DESCRIPTION_MAX: usize = 500;
/// Longest `file_url`, in characters.
pub const FILE_URL_MAX: usize = 512;
/// Longest title of a notification, in characters.
pub const NOTIFICATION_TITLE_MAX: usize = 200;
/// Longest body of a notification, in characters.
pub const NOTIFICATION_BODY_MAX: usize = 2_000;
/// Longest kind of a notification, in characters.
pub const NOTIF_TYPE_MAX: usize = 32;
/// Longest `source` of a notification, in characters.
pub const NOTIFICATION_SOURCE_MAX: usize = 200;
/// Most rows in one page.
pub const PAGE_MAX: u32 = 200;
/// Rows in a page whose size nobody named.
pub const PAGE_DEFAULT: u32 = 50;

/// A field that breaks its rule, in words that a client may see.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Invalid {
    /// The field's name on the wire.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Invalid {
    /// A broken rule of `field`.
    pub fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self {
            field,
            problem: problem.into(),
        }
    }
}

impl From<Invalid> for tonic::Status {
    fn from(invalid: Invalid) -> Self {
        let violation = FieldViolation {
            field: invalid.field.to_owned(),
            description: invalid.problem.clone(),
            ..Default::default()
        };
        let mut details = ErrorDetails::new();
        details.set_bad_request(vec![violation]);
        Self::with_error_details(tonic::Code::InvalidArgument, invalid.to_string(), details)
    }
}

/// A room or user id: `[a-z0-9][a-z0-9._-]{0,63}`.
pub fn id(field: &'static str, value: &str) -> Result<(), Invalid> {
    let bytes = value.as_bytes();
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    let fits = (1..=ID_MAX).contains(&bytes.len())
        && bytes.iter().all(inner)
        && (bytes[0].is_ascii_lowercase() || bytes[0].is_ascii_digit());
    if fits {
        Ok(())
    } else {
        Err(Invalid::new(field, "must match [a-z0-9][a-z0-9._-]{0,63}"))
    }
}

/// A UUID in its usual form.
pub fn uuid(field: &'static str, value: &str) -> Result<(), Invalid> {
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let fits = value.len() == 36
        && value.bytes().enumerate().all(|(at, b)| {
            if dash(at) {
                b == b'-'
            } else {
                b.is_ascii_hexdigit()
            }
        });
    if fits {
        Ok(())
    } else {
        Err(Invalid::new(field, "must be a UUID"))
    }
}

/// Text of `min` to `max` characters.
pub fn length(field: &'static str, value: &str, min: usize, max: usize) -> Result<(), Invalid> {
    // A character takes up to four bytes: most texts are settled without counting.
    let count = if value.len() <= max && value.len() >= min * 4 {
        return Ok(());
    } else {
        value.chars().count()
    };
    if (min..=max).contains(&count) {
        Ok(())
    } else {
        Err(Invalid::new(
            field,
            format!("must have {min} to {max} characters, has {count}"),
        ))
    }
}

/// A name that people see: `min` to `max` characters, no white space at its ends, no control characters and none that
/// reorder the text around them (Unicode bidirectional controls, UAX #9) or hide (zero-width ones).
pub fn shown_name(field: &'static str, value: &str, min: usize, max: usize) -> Result<(), Invalid> {
    length(field, value, min, max)?;
    if value.chars().any(misleads) {
        return Err(Invalid::new(
            field,
            "must not contain control, direction or invisible characters",
        ));
    }
    if value.trim() != value {
        return Err(Invalid::new(field, "must not begin or end with white space"));
    }
    Ok(())
}

/// Whether a character controls, reorders or hides in the text around it.
pub fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}')
}

/// The shown name of a user.
pub fn username(field: &'static str, value: &str) -> Result<(), Invalid> {
    shown_name(field, value, 1, USERNAME_MAX)
}

/// A message's content: 1 to 16,000 characters, not only white space, no NUL (PostgreSQL cannot store one).
pub fn content(field: &'static str, value: &str) -> Result<(), Invalid> {
    length(field, value, 1, CONTENT_MAX)?;
    if value.trim().is_empty() {
        return Err(Invalid::new(field, "must not be only white space"));
    }
    no_nul(field, value)
}

/// What a client calls its message.
pub fn client_msg_id(field: &'static str, value: &str) -> Result<(), Invalid> {
    length(field, value, 1, CLIENT_MSG_ID_MAX)?;
    no_nul(field, value)
}

/// A link to one of our own files: nothing else may be offered for a click as "a file".
pub fn file_url(field: &'static str, value: &str) -> Result<(), Invalid> {
    length(field, value, 1, FILE_URL_MAX)?;
    if !value.starts_with("/api/files/")
        || value
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || c == '\\')
    {
        return Err(Invalid::new(field, "must be a path below /api/files/"));
    }
    // Browsers resolve these before they ask, in this spelling too.
    let path = value.split(['?', '#']).next().unwrap_or(value);
    let climbs = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if path.split('/').any(climbs) {
        return Err(Invalid::new(field, "must be a path below /api/files/"));
    }
    Ok(())
}

/// A word that programs compare: 1 to `max` characters of `[a-z0-9_-]`.
pub fn keyword(field: &'static str, value: &str, max: usize) -> Result<(), Invalid> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    if (1..=max).contains(&value.len()) && value.bytes().all(inner) {
        Ok(())
    } else {
        Err(Invalid::new(field, format!("must match [a-z0-9_-]{{1,{max}}}")))
    }
}

/// Text that is shown on one line: `min` to `max` characters, no control characters.
pub fn one_line(field: &'static str, value: &str, min: usize, max: usize) -> Result<(), Invalid> {
    length(field, value, min, max)?;
    if value.chars().any(char::is_control) {
        return Err(Invalid::new(field, "must not contain control characters"));
    }
    Ok(())
}

/// Text that a store must be able to hold.
pub fn no_nul(field: &'static str, value: &str) -> Result<(), Invalid> {
    if value.contains('\0') {
        Err(Invalid::new(field, "must not contain NUL"))
    } else {
        Ok(())
    }
}

/// The size of a page: 1 to 200, 0 for the default of 50.
pub fn page(field: &'static str, limit: u32) -> Result<u32, Invalid> {
    page_within(field, limit, PAGE_DEFAULT, PAGE_MAX)
}

/// The size of a page: 1 to `max`, 0 for `default`.
pub fn page_within(field: &'static str, limit: u32, default: u32, max: u32) -> Result<u32, Invalid> {
    match limit {
        0 => Ok(default),
        limit if limit <= max => Ok(limit),
        limit => Err(Invalid::new(field, format!("must be 1 to {max}, is {limit}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_pattern_of_the_contract() {
        for good in ["a", "0", "general", "a.b_c-d", &"a".repeat(64)] {
            assert_eq!(id("room_id", good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "A",
            ".a",
            "-a",
            "a b",
            "ä",
            "a/b",
            "..",
            &"a".repeat(65),
            "a\n",
        ] {
            assert!(id("room_id", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_cannot_lie_about_their_direction() {
        assert_eq!(username("username", "Ünï 陳"), Ok(()));
        for bad in [
            "",
            " a",
            "a ",
            "a\u{202E}b",
            "a\u{200B}",
            "a\nb",
            "\u{7}",
            &"x".repeat(65),
        ] {
            assert!(username("username", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn content_is_counted_in_characters() {
        assert_eq!(content("content", &"陳".repeat(16_000)), Ok(()));
        assert!(content("content", &"a".repeat(16_001)).is_err());
        for bad in ["", " \n\t ", "a\0b"] {
            assert!(content("content", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn file_urls_stay_ours() {
        assert_eq!(file_url("file_url", "/api/files/123/download"), Ok(()));
        for bad in [
            "",
            "https://x",
            "javascript:alert(1)",
            "/api/files/a b",
            "/api/files\\x",
            "/api/files/../chat/rooms",
            "/api/files/1/.%2E/%2e./chat",
            "/api/files/..?x",
            "//evil/api/files/",
        ] {
            assert!(file_url("file_url", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_invalid_field_is_named_in_the_details() {
        let status = tonic::Status::from(Invalid::new("room_id", "is odd"));
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        let violations = status
            .get_error_details()
            .bad_request()
            .unwrap()
            .field_violations
            .clone();
        assert_eq!(violations[0].field, "room_id");
    }
}
