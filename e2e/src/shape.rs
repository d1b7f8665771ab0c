//! The shapes that frames and answers must have.

use serde_json::Value;
use test_support::client::Answer;

/// Asserts that an object has exactly these fields.
#[track_caller]
pub fn exactly(object: &Value, fields: &[&str]) {
    let mut found: Vec<&str> = keys(object);
    let mut wanted = fields.to_vec();
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted, "the fields of {object}");
}

/// Asserts that an object has at least these fields.
#[track_caller]
pub fn has(object: &Value, fields: &[&str]) {
    let found = keys(object);
    for field in fields {
        assert!(found.contains(field), "no field {field:?} in {object}");
    }
}

#[track_caller]
fn keys(object: &Value) -> Vec<&str> {
    let Some(object) = object.as_object() else {
        panic!("not an object: {object}");
    };
    object.keys().map(String::as_str).collect()
}

/// Asserts RFC 3339 in UTC, such as `2026-11-23T10:00:00.123Z`.
#[track_caller]
pub fn timestamp(value: &Value) {
    let text = value.as_str().unwrap_or_default();
    let pattern = "0000-00-00T00:00:00";
    let (date_time, rest) = text.split_at_checked(pattern.len()).unwrap_or((text, ""));
    let fits = date_time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .eq(pattern.chars());
    let fraction = rest
        .strip_suffix('Z')
        .map(|rest| rest.strip_prefix('.').unwrap_or(rest));
    let ends = fraction.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
    assert!(fits && ends, "not RFC 3339 in UTC: {value}");
}

/// Asserts a UUID in its usual form.
#[track_caller]
pub fn uuid(value: &Value) {
    let text = value.as_str().unwrap_or_default();
    assert!(
        uuid::Uuid::try_parse(text).is_ok() && text.len() == 36,
        "not a UUID: {value}"
    );
}

/// Asserts an RFC 9457 answer with this status and returns its body.
#[track_caller]
pub fn problem(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    let kind = answer.header("content-type");
    assert!(
        kind.starts_with("application/problem+json"),
        "{kind}: {}",
        answer.text()
    );
    assert!(
        !answer.header("x-request-id").is_empty(),
        "no x-request-id: {:?}",
        answer.headers
    );
    let body = answer.json();
    has(&body, &["type", "title", "status", "detail", "code"]);
    assert_eq!(body["status"], status, "{body}");
    body
}

/// As [`problem`] with 422, whose body names the field.
#[track_caller]
pub fn invalid(answer: &Answer, field: &str) {
    let body = problem(answer, 422);
    assert!(body.to_string().contains(field), "{field:?} is not named: {body}");
}

/// Asserts an `error` frame with this code.
#[track_caller]
pub fn error(frame: &Value, code: &str) {
    assert_eq!(frame["type"], "error", "{frame}");
    assert_eq!(frame["code"], code, "{frame}");
    has(
        frame,
        &["type", "code", "message", "client_msg_id", "retry_after_ms"],
    );
    assert!(
        frame["message"].as_str().is_some_and(|text| !text.is_empty()),
        "{frame}"
    );
}
