//! The end of a process's life: a soft token (stop taking work), a hard one (drop it), and the tasks to wait for.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use tokio::{signal::unix::SignalKind, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a process may drain between the soft and the hard token.
pub const DRAIN: Duration = Duration::from_secs(4);

/// How long tasks may take to end once the hard token is cancelled.
const LAST_BREATH: Duration = Duration::from_millis(500);

/// Shared by everything in a process that has to end with it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    since: Arc<OnceLock<Instant>>,
    hard: CancellationToken,
    at_once: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Not yet begun, and bound to nothing: for tests, and for [`Shutdown::begin_on_signals`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins at SIGTERM or SIGINT; a second one cancels the hard token at once, and what is done after it. To be called
    /// once.
    ///
    /// # Errors
    /// Where the kernel refuses the signal handlers.
    pub fn begin_on_signals(&self) -> std::io::Result<()> {
        let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
        let mut interrupt = tokio::signal::unix::signal(SignalKind::interrupt())?;
        let tokens = self.clone();
        tokio::spawn(async move {
            for round in 0..2 {
                let signal = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                };
                if round == 0 {
                    tracing::info!(
                        signal,
                        drain_ms = DRAIN.as_millis(),
                        "stopping; again to stop at once"
                    );
                    tokens.begin();
                } else {
                    tracing::warn!(signal, "stopping at once");
                    tokens.hard.cancel();
                    tokens.at_once.cancel();
                }
            }
        });
        Ok(())
    }

    /// Begins the shutdown: no new work from here on.
    pub fn begin(&self) {
        self.since.get_or_init(Instant::now);
        self.soft.cancel();
    }

    /// Whether the shutdown has begun.
    pub fn has_begun(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// How long ago the shutdown began; zero before.
    pub fn begun_for(&self) -> Duration {
        self.since.get().map(Instant::elapsed).unwrap_or_default()
    }

    /// Resolves when the shutdown begins: stop taking work, finish what is there.
    pub async fn begun(&self) {
        self.soft.cancelled().await;
    }

    /// Resolves when time is up: drop everything.
    pub async fn time_is_up(&self) {
        self.hard.cancelled().await;
    }

    /// Runs a last task of the process up to a limit; not at all, or not to its end, once a second signal asks to stop at
    /// once.
    pub async fn last<F: Future>(&self, limit: Duration, task: F) -> Option<F::Output> {
        let task = tokio::time::timeout(limit, task);
        self.at_once.run_until_cancelled(task).await?.ok()
    }

    /// The soft token, for those who want a child of it.
    pub fn token(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Runs a task that the process waits for at its end. It has to watch [`Shutdown::begun`] itself; when time is up,
    /// it is dropped.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let hard = self.hard.clone();
        self.tasks
            .spawn(async move { hard.run_until_cancelled(task).await })
    }

    /// Runs a task that ends, at its next await, when the shutdown begins.
    pub fn spawn_until_begun<F>(&self, task: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let soft = self.soft.clone();
        self.tasks
            .spawn(async move { soft.run_until_cancelled(task).await })
    }

    /// Runs a task that nobody waits for: it goes on while others drain, and is dropped after them.
    pub fn spawn_beside<F>(&self, task: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let hard = self.hard.clone();
        tokio::spawn(async move { hard.run_until_cancelled(task).await })
    }

    /// Begins (if nobody has), waits for all tasks up to [`DRAIN`], then drops what is left.
    pub async fn finish(&self) {
        self.finish_within(DRAIN).await;
    }

    async fn finish_within(&self, drain: Duration) {
        self.begin();
        self.tasks.close();
        let drained = tokio::select! {
            result = tokio::time::timeout(drain, self.tasks.wait()) => result.is_ok(),
            () = self.hard.cancelled() => false,
        };
        self.hard.cancel();
        if !drained {
            let left = self.tasks.len();
            tracing::warn!(left, "not everything drained in time");
            let _ = tokio::time::timeout(LAST_BREATH, self.tasks.wait()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_for_tasks_but_not_for_ever() {
        let shutdown = Shutdown::new();
        let soft = shutdown.clone();
        let polite = shutdown.spawn(async move { soft.begun().await });
        let stubborn = shutdown.spawn(std::future::pending::<()>());
        shutdown.finish_within(Duration::from_millis(20)).await;
        assert_eq!(polite.await.unwrap(), Some(()));
        assert_eq!(stubborn.await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_last_task_has_a_limit_and_none_begins_after_a_second_signal() {
        let shutdown = Shutdown::new();
        let limit = Duration::from_millis(20);
        assert_eq!(shutdown.last(limit, async { 1 }).await, Some(1));
        assert_eq!(shutdown.last(limit, std::future::pending::<()>()).await, None);
        let hour = Duration::from_hours(1);
        let (again, hangs) = (shutdown.at_once.clone(), std::future::pending::<()>());
        let (ended, ()) = tokio::join!(shutdown.last(hour, hangs), async { again.cancel() });
        assert_eq!(ended, None);
        assert_eq!(shutdown.last(hour, async { 1 }).await, None);
    }
}
