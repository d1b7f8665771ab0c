//! The field rules against any input: they never panic, and they say what a plain reading of the contract says.

use proptest::prelude::*;
use proto::fields::{self, Invalid};

/// Any text, often one that is nearly right.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z0-9._A-Z \\-]{0,70}",
        "[a-z0-9][a-z0-9._-]{0,63}",
        // Around the longest that there may be.
        "[a-z0-9][a-z0-9._-]{61,65}",
        "[a-z0-9_-]{31,33}",
        "\\PC{0,300}",
        "[ \\t\\n\u{200B}\u{202E}\u{FEFF}\u{0}\u{7F}a]{0,6}",
        "/api/files/[a-z0-9/%.\\\\ \\n]{0,40}",
        proptest::collection::vec(any::<char>(), 0..300).prop_map(String::from_iter),
    ]
}

/// `[a-z0-9]`
const LETTERS_AND_DIGITS: &str = "abcdefghijklmnopqrstuvwxyz0123456789";

/// `[a-z0-9][a-z0-9._-]{0,63}`, read from left to right as it is written.
fn matches_id_pattern(value: &str) -> bool {
    let first = |c: char| LETTERS_AND_DIGITS.contains(c);
    let rest = |c: char| LETTERS_AND_DIGITS.contains(c) || "._-".contains(c);
    let mut characters = value.chars();
    characters.next().is_some_and(first) && characters.clone().count() <= 63 && characters.all(rest)
}

/// `[a-z0-9_-]{1,max}`
fn matches_keyword_pattern(value: &str, max: usize) -> bool {
    let inner = |c: char| LETTERS_AND_DIGITS.contains(c) || "_-".contains(c);
    let length = value.chars().count();
    length >= 1 && length <= max && value.chars().all(inner)
}

/// The usual form of a UUID: groups of 8, 4, 4, 4 and 12 hexadecimal digits.
fn matches_uuid_pattern(value: &str) -> bool {
    let groups: Vec<&str> = value.split('-').collect();
    groups
        .iter()
        .map(|group| group.chars().count())
        .eq([8, 4, 4, 4, 12])
        && groups.concat().chars().all(|c| c.is_ascii_hexdigit())
}

/// Every rule, on one text; what they say must be fit to be shown.
fn all_rules(value: &str) -> Vec<Result<(), Invalid>> {
    vec![
        fields::id("f", value),
        fields::uuid("f", value),
        fields::username("f", value),
        fields::content("f", value),
        fields::client_msg_id("f", value),
        fields::file_url("f", value),
        fields::keyword("f", value, 32),
        fields::one_line("f", value, 1, 200),
        fields::shown_name("f", value, 1, fields::ROOM_NAME_MAX),
        fields::no_nul("f", value),
        fields::length("f", value, 0, 0),
        fields::length("f", value, 5, 10),
    ]
}

proptest! {
    #[test]
    fn no_rule_panics_or_repeats_its_input(value in text()) {
        for invalid in all_rules(&value).into_iter().filter_map(Result::err) {
            prop_assert_eq!(invalid.field, "f");
            prop_assert!(!invalid.problem.is_empty() && !invalid.problem.contains(char::is_control));
            let status = tonic::Status::from(invalid);
            prop_assert_eq!(status.code(), tonic::Code::InvalidArgument);
        }
    }

    #[test]
    fn ids_are_what_the_pattern_says(value in text()) {
        prop_assert_eq!(fields::id("f", &value).is_ok(), matches_id_pattern(&value));
    }

    #[test]
    fn ids_of_the_pattern_are_taken(value in "[a-z0-9][a-z0-9._-]{0,63}", bad in "[^a-z0-9._-]") {
        prop_assert!(fields::id("f", &value).is_ok());
        let spoiled = format!("{value}{bad}");
        prop_assert!(fields::id("f", &spoiled).is_err());
    }

    #[test]
    fn keywords_are_what_the_pattern_says(value in prop_oneof![text(), "[a-z0-9_-]{0,40}"]) {
        prop_assert_eq!(fields::keyword("f", &value, 32).is_ok(), matches_keyword_pattern(&value, 32));
    }

    #[test]
    fn uuids_are_what_the_pattern_says(value in prop_oneof![
        text(),
        "[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{11,13}",
        "[0-9a-g-]{36}",
        "\\PC{36}",
    ]) {
        prop_assert_eq!(fields::uuid("f", &value).is_ok(), matches_uuid_pattern(&value));
    }

    #[test]
    fn lengths_count_characters(value in text(), min in 0_usize..80, more in 0_usize..80) {
        let count = value.chars().count();
        let fits = min <= count && count <= min + more;
        prop_assert_eq!(fields::length("f", &value, min, min + more).is_ok(), fits);
    }

    #[test]
    fn names_hold_nothing_that_hides_or_reorders(value in text()) {
        if fields::username("f", &value).is_ok() {
            let count = value.chars().count();
            prop_assert!((1..=64).contains(&count));
            prop_assert_eq!(value.trim(), &value);
            prop_assert!(!value.contains(|c: char| c.is_control()));
            let misleading = ['\u{200B}', '\u{202E}', '\u{2066}', '\u{FEFF}'];
            prop_assert!(!value.contains(misleading));
        }
    }

    #[test]
    fn files_are_only_ours(value in text()) {
        if fields::file_url("f", &value).is_ok() {
            prop_assert!(value.starts_with("/api/files/") && !value.contains(['\\', ' ', '\n', '\0']));
        }
    }

    #[test]
    fn pages_are_never_empty_nor_larger_than_allowed(limit in any::<u32>()) {
        match fields::page("limit", limit) {
            Ok(size) => prop_assert!((1..=200).contains(&size) && (limit == 0 || size == limit)),
            Err(_) => prop_assert!(limit > 200),
        }
    }
}
