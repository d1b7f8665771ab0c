//! One round of beats: a call that fails costs the others theirs only where it is clear that none would get through.

use std::{future::Future, pin::pin};

use futures_util::{StreamExt as _, stream};
use tonic::Status;

/// Calls at once.
const CALLS: usize = 4;

/// Calls that fail one behind the other after which the rest would not get through, either: not in time for the next round.
const IN_A_ROW: usize = 2 * CALLS;

/// Makes all calls, unless too many fail.
///
/// # Errors
/// The last failure.
pub(super) async fn round<C>(calls: impl Iterator<Item = C>) -> Result<(), Status>
where
    C: Future<Output = Result<(), Status>>,
{
    let mut calls = pin!(stream::iter(calls).buffer_unordered(CALLS));
    let (mut told, mut in_a_row) = (Ok(()), 0);
    while in_a_row < IN_A_ROW
        && let Some(call) = calls.next().await
    {
        match call {
            Ok(()) => in_a_row = 0,
            Err(status) => (told, in_a_row) = (Err(status), in_a_row + 1),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// How a round ends whose calls fail as `fails` says, and how many were made.
    async fn made(count: usize, fails: impl Fn(usize) -> bool) -> (bool, usize) {
        let made = Cell::new(0);
        let calls = (0..count).map(|at| {
            let fails = fails(at);
            let made = &made;
            async move {
                made.set(made.get() + 1);
                // Others begin meanwhile.
                tokio::task::yield_now().await;
                if fails {
                    Err(Status::unavailable("gone"))
                } else {
                    Ok(())
                }
            }
        });
        let is_ok = round(calls).await.is_ok();
        (is_ok, made.get())
    }

    #[tokio::test]
    async fn one_that_fails_is_told_and_costs_no_other_its_call() {
        assert_eq!(made(100, |_| false).await, (true, 100));
        assert_eq!(made(100, |at| at == 0).await, (false, 100));
        assert_eq!(made(100, |at| at == 99).await, (false, 100));
        assert_eq!(made(100, |at| at % 2 == 0).await, (false, 100));
    }

    #[tokio::test]
    async fn where_all_fail_the_rest_is_left_out() {
        let (is_ok, made) = made(100, |_| true).await;
        assert!(!is_ok && made < IN_A_ROW + CALLS, "{made}");
    }
}
