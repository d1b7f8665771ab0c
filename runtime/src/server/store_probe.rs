//! Keeps a part's health true by asking what it stands for, again and again.

use std::{future::Future, time::Duration};

use crate::{Shutdown, health::Part};

/// How often a healthy dependency is asked.
const EVERY: Duration = Duration::from_secs(2);

/// How often an unhealthy one is.
const EVERY_WHEN_DOWN: Duration = Duration::from_millis(500);

/// How long one question may take.
const DEADLINE: Duration = Duration::from_secs(2);

/// Asks `question` until the shutdown begins; an error, or no answer in time, turns `part` down. The error's text is
/// read by operators at `/readyz`: it must hold no secret.
pub fn probe<F, E>(part: Part, shutdown: &Shutdown, question: impl Fn() -> F + Send + 'static)
where
    F: Future<Output = Result<(), E>> + Send,
    E: std::fmt::Display + Send,
{
    shutdown.spawn_until_begun(async move {
        loop {
            let up = match tokio::time::timeout(DEADLINE, question()).await {
                Ok(Ok(())) => {
                    part.up();
                    true
                }
                Ok(Err(error)) => {
                    part.down(error.to_string());
                    false
                }
                Err(_) => {
                    part.down("no answer");
                    false
                }
            };
            tokio::time::sleep(if up { EVERY } else { EVERY_WHEN_DOWN }).await;
        }
    });
}
