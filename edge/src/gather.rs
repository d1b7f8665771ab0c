//! Questions that many ask at the same time, asked of a service together: a crowd costs a few calls instead of thousands.

use std::{future::Future, sync::Arc};

use runtime::Shutdown;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// How many questions go together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Questions in one call.
    pub(crate) together: usize,
    /// Calls under way at once. What is asked while so many are waits, and goes together then.
    pub(crate) calls: usize,
    /// Questions that may wait for that; whoever asks more waits for a place among them.
    pub(crate) waiting: usize,
}

/// Asks together. Cheap to clone.
#[derive(Debug)]
pub(crate) struct Gather<Q, A>(mpsc::Sender<Question<Q, A>>);

impl<Q, A> Clone for Gather<Q, A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[derive(Debug)]
struct Question<Q, A> {
    what: Q,
    reply: oneshot::Sender<A>,
}

impl<Q: Send + 'static, A: Send + 'static> Gather<Q, A> {
    /// `ask` makes a call and brings the answers in the order of the questions. It sets its own deadline.
    pub(crate) fn start<C>(
        bounds: Bounds,
        shutdown: &Shutdown,
        ask: impl Fn(Vec<Q>) -> C + Send + 'static,
    ) -> Self
    where
        C: Future<Output = Vec<A>> + Send + 'static,
    {
        let (sender, mut waiting) = mpsc::channel::<Question<Q, A>>(bounds.waiting);
        let calls = Arc::new(Semaphore::new(bounds.calls));
        let tasks = shutdown.clone();
        // Ends when nobody is left who could ask.
        shutdown.spawn_beside(async move {
            let mut questions = Vec::new();
            while let Ok(turn) = Arc::clone(&calls).acquire_owned().await {
                if waiting.recv_many(&mut questions, bounds.together).await == 0 {
                    return;
                }
                // Whoever has gone meanwhile needs no answer.
                questions.retain(|question| !question.reply.is_closed());
                let (whats, replies): (Vec<Q>, Vec<_>) =
                    questions.drain(..).map(|it| (it.what, it.reply)).unzip();
                let call = ask(whats);
                tasks.spawn(async move {
                    for (reply, answer) in replies.into_iter().zip(call.await) {
                        let _ = reply.send(answer);
                    }
                    drop(turn);
                });
            }
        });
        Self(sender)
    }

    /// The answer; none where the process is ending, or the service left this question out.
    pub(crate) async fn ask(&self, what: Q) -> Option<A> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Question { what, reply }).await.ok()?;
        answer.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn what_is_asked_during_a_call_goes_together() {
        let shutdown = Shutdown::new();
        let calls: Arc<Mutex<Vec<usize>>> = Arc::default();
        let (seen, gate) = (Arc::clone(&calls), Arc::new(Semaphore::new(0)));
        let bounds = Bounds {
            together: 8,
            calls: 1,
            waiting: 100,
        };
        let opened = Arc::clone(&gate);
        let gather = Gather::start(bounds, &shutdown, move |questions: Vec<u32>| {
            seen.lock().unwrap().push(questions.len());
            let opened = Arc::clone(&opened);
            async move {
                opened.acquire().await.unwrap().forget();
                questions.into_iter().map(|n| n * 10).collect()
            }
        });
        let first = tokio::spawn({
            let gather = gather.clone();
            async move { gather.ask(0).await }
        });
        while calls.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let crowd = join_all((1..=20).map(|n| gather.ask(n)));
        let opener = async { gate.add_permits(100) };
        let (answers, ()) = tokio::join!(crowd, opener);
        assert_eq!(first.await.unwrap(), Some(0));
        assert_eq!(answers, (1..=20).map(|n| Some(n * 10)).collect::<Vec<_>>());
        assert_eq!(*calls.lock().unwrap(), [1, 8, 8, 4]);
    }

    #[tokio::test]
    async fn a_question_without_an_answer_is_told_so() {
        let shutdown = Shutdown::new();
        let bounds = Bounds {
            together: 8,
            calls: 1,
            waiting: 100,
        };
        let gather = Gather::start(bounds, &shutdown, |_: Vec<u32>| async { Vec::<u32>::new() });
        assert_eq!(gather.ask(1).await, None);
        assert_eq!(gather.ask(2).await, None, "and the next one is asked");
    }
}
