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
    let end = Instant::now() + deadline;
    while !matches!(timeout_at(end, condition()).await, Ok(true)) {
        pause(end, deadline, what).await;
    }
}

/// Waits until `attempt` gives a value and returns it, trying every 10 ms. Panics with `what` once `deadline` has
/// passed, also where a single try hangs.
pub async fn eventually<T>(deadline: Duration, what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Ok(Some(value)) = timeout_at(end, attempt()).await {
            return value;
        }
        pause(end, deadline, what).await;
    }
}

async fn pause(end: Instant, deadline: Duration, what: &str) {
    assert!(Instant::now() < end, "not within {deadline:?}: {what}");
    sleep(POLL).await;
}

/// The same for what may be spawned: of an `async ||` the compiler does not see that it may go from thread to thread, of a
/// `|| async` it does. All verbs of this crate wait in this way, so that a run can do many at once.
pub mod spawnable {
    use super::{Duration, Instant, pause, timeout_at};

    /// As [`until`](super::until).
    pub async fn until<F>(deadline: Duration, what: &str, mut condition: impl FnMut() -> F)
    where
        F: Future<Output = bool>,
    {
        let end = Instant::now() + deadline;
        while !matches!(timeout_at(end, condition()).await, Ok(true)) {
            pause(end, deadline, what).await;
        }
    }

    /// As [`eventually`](super::eventually).
    pub async fn eventually<T, F>(deadline: Duration, what: &str, mut attempt: impl FnMut() -> F) -> T
    where
        F: Future<Output = Option<T>>,
    {
        let end = Instant::now() + deadline;
        loop {
            if let Ok(Some(value)) = timeout_at(end, attempt()).await {
                return value;
            }
            pause(end, deadline, what).await;
        }
    }
}
