//! Waiting for a condition with a deadline, instead of sleeping and hoping.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// How often a condition is tried again.
const POLL: Duration = Duration::from_millis(10);

/// Long enough for a process to start on a busy machine with two cores.
pub const START: Duration = Duration::from_mins(1);

/// Long enough for anything that a healthy system does at once.
pub const SOON: Duration = Duration::from_secs(10);

/// Waits until `condition` holds, trying every 10 ms. Panics with `what` once `deadline` has passed, also where a
/// single try hangs.
pub async fn until(deadline: Duration, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    eventually(deadline, what, async || condition().await.then_some(())).await;
}

/// Waits until `attempt` gives a value and returns it, trying every 10 ms. Panics with `what` once `deadline` has
/// passed, also where a single try hangs.
pub async fn eventually<T>(deadline: Duration, what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + deadline;
    loop {
        match timeout_at(end, attempt()).await {
            Ok(Some(value)) => return value,
            Ok(None) if Instant::now() < end => sleep(POLL).await,
            Ok(None) | Err(_) => panic!("not within {deadline:?}: {what}"),
        }
    }
}
