//! Calls that are over when their time is, whatever the service does.

use std::{future::Future, time::Duration};

use runtime::{
    client::{Budget, idempotent},
    deadline,
};
use tokio::time::timeout;
use tonic::Status;

/// Makes an idempotent call, with all of its answer within `limit`. The channel itself looks at the time only until an
/// answer begins: a service that froze in the middle of one would keep its caller, and the turn that it took, for good.
///
/// # Errors
/// The last failure, or `DEADLINE_EXCEEDED`.
pub(crate) async fn within<T, F>(limit: Duration, budget: &Budget, call: impl Fn() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let call = deadline::within(limit, idempotent(budget, call));
    let late = |_| Err(Status::deadline_exceeded("no whole answer within the deadline"));
    timeout(limit, call).await.unwrap_or_else(late)
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tonic::Code;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn an_answer_that_never_ends_is_given_up() {
        let budget = Budget::default();
        let frozen = within(LIMIT, &budget, pending::<Result<(), Status>>).await;
        assert_eq!(frozen.unwrap_err().code(), Code::DeadlineExceeded);
        assert_eq!(within(LIMIT, &budget, || ready(Ok(1))).await.unwrap(), 1);
    }
}
