//! Deadlines: absolute inside a process, what remains of them on the wire (`grpc-timeout`).

use std::{
    future::Future,
    time::{Duration, Instant},
};

tokio::task_local! {
    static CURRENT: Instant;
}

/// What a call gets where nobody above set a deadline.
pub const DEFAULT: Duration = Duration::from_secs(5);

/// Runs `task` with a deadline that every remote call inside it inherits. It only ever shortens one that is there.
pub async fn within<F: Future>(limit: Duration, task: F) -> F::Output {
    let at = Instant::now() + limit;
    let at = CURRENT.try_with(|outer| at.min(*outer)).unwrap_or(at);
    CURRENT.scope(at, task).await
}

/// What remains of the current deadline; [`DEFAULT`] where there is none.
pub fn remaining() -> Duration {
    CURRENT
        .try_with(|at| at.saturating_duration_since(Instant::now()))
        .unwrap_or(DEFAULT)
}

/// The value of a `grpc-timeout` header (gRPC over HTTP/2: up to eight digits and a unit).
pub fn to_header(limit: Duration) -> String {
    let micros = limit.as_micros();
    if micros < 100_000_000 {
        format!("{micros}u")
    } else {
        format!("{}m", limit.as_millis().min(99_999_999))
    }
}

/// Reads a `grpc-timeout` header.
pub fn from_header(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_they_are_written() {
        for limit in [
            Duration::from_micros(1),
            Duration::from_millis(1500),
            Duration::from_mins(15),
        ] {
            assert_eq!(from_header(&to_header(limit)), Some(limit));
        }
        for bad in ["", "5", "u", "123456789m", "-1S", "5x", "ü"] {
            assert_eq!(from_header(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn an_inner_deadline_never_outlives_the_outer_one() {
        within(
            Duration::from_millis(100),
            within(Duration::from_mins(1), async {
                assert!(remaining() <= Duration::from_millis(100));
            }),
        )
        .await;
    }
}
