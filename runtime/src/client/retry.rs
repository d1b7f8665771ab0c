//! Retries of idempotent calls: only what may heal at once (`UNAVAILABLE`), only within a budget and the deadline.

use std::{
    future::Future,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use tonic::{Code, Status};

use crate::{deadline, trace};

/// What a retry costs and a success earns back, in tenths of a call: one retry per ten successes in the long run.
const RETRY_COSTS: i64 = 10;
const BUDGET_MAX: i64 = 100 * RETRY_COSTS;

/// First pause before a retry; doubled for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(25);

/// Tries in all.
const TRIES: u32 = 4;

/// Keeps retries from multiplying the load on a service that is down. One per service.
#[derive(Debug)]
pub struct Budget(AtomicI64);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicI64::new(BUDGET_MAX / 2))
    }
}

impl Budget {
    fn earn(&self) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            (left < BUDGET_MAX).then_some(left + 1)
        });
    }

    fn spend(&self) -> bool {
        let spent = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            (left >= RETRY_COSTS).then_some(left - RETRY_COSTS)
        });
        spent.is_ok()
    }
}

/// Makes an idempotent call, again where it failed with `UNAVAILABLE`.
///
/// # Errors
/// The last failure.
pub async fn idempotent<T, F>(budget: &Budget, call: impl Fn() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let mut pause = FIRST_PAUSE;
    for again in (0..TRIES).rev() {
        match call().await {
            Ok(answer) => {
                budget.earn();
                return Ok(answer);
            }
            Err(status) if status.code() != Code::Unavailable || again == 0 => return Err(status),
            Err(status) if pause >= deadline::remaining() || !budget.spend() => return Err(status),
            Err(_) => {
                // Its try is a span of its own.
                trace::event("retry");
                tokio::time::sleep(pause).await;
            }
        }
        pause *= 2;
    }
    Err(Status::unavailable("no try left"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test]
    async fn retries_only_what_may_heal_and_only_within_the_budget() {
        let budget = Budget(AtomicI64::new(3 * RETRY_COSTS));
        let calls = Cell::new(0);
        let failing = |code| {
            calls.set(0);
            let calls = &calls;
            move || {
                calls.set(calls.get() + 1);
                async move { Err::<(), _>(Status::new(code, "")) }
            }
        };
        assert!(idempotent(&budget, failing(Code::InvalidArgument)).await.is_err());
        assert_eq!(calls.get(), 1);
        assert!(idempotent(&budget, failing(Code::Unavailable)).await.is_err());
        assert_eq!(calls.get(), TRIES);
        assert!(idempotent(&budget, failing(Code::Unavailable)).await.is_err());
        assert_eq!(calls.get(), 1, "the budget is spent");
    }
}
