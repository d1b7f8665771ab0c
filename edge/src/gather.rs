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

/// Those who wait for the answers of a call, in the order of their questions. Whom it is dropped with gets no answer.
#[derive(Debug)]
pub(crate) struct Askers<A>(Vec<Option<oneshot::Sender<A>>>);

impl<A> Askers<A> {
    /// Answers one of them, by the place of its question; the first answer counts.
    pub(crate) fn answer(&mut self, place: usize, answer: A) {
        if let Some(reply) = self.0.get_mut(place).and_then(Option::take) {
            // Whoever has gone meanwhile needs none.
            let _ = reply.send(answer);
        }
    }

    /// Answers the first of them, in their order.
    pub(crate) fn answer_in_order(&mut self, answers: impl IntoIterator<Item = A>) {
        for (place, answer) in answers.into_iter().enumerate() {
            self.answer(place, answer);
        }
    }

    /// Answers all who have no answer yet.
    pub(crate) fn answer_rest(self, answer: impl Fn() -> A) {
        for reply in self.0.into_iter().flatten() {
            let _ = reply.send(answer());
        }
    }
}

impl<Q: Send + 'static, A: Send + 'static> Gather<Q, A> {
    /// `ask` makes a call and answers those who asked. It sets its own deadline, for all of it.
    pub(crate) fn start<C>(
        bounds: Bounds,
        shutdown: &Shutdown,
        ask: impl Fn(Vec<Q>, Askers<A>) -> C + Send + 'static,
    ) -> Self
    where
        C: Future<Output = ()> + Send + 'static,
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
                if questions.is_empty() {
                    continue;
                }
                let (whats, askers) = questions.drain(..).map(|it| (it.what, Some(it.reply))).unzip();
                let call = ask(whats, Askers(askers));
                // Those who wait for it are what the process waits for.
                tasks.spawn_beside(async move {
                    call.await;
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
    use std::{pin::Pin, sync::Mutex};

    use futures_util::{FutureExt as _, future::join_all};

    use super::*;

    const BOUNDS: Bounds = Bounds {
        together: 8,
        calls: 1,
        waiting: 100,
    };

    #[tokio::test]
    async fn what_is_asked_during_a_call_goes_together() {
        let shutdown = Shutdown::new();
        let calls: Arc<Mutex<Vec<usize>>> = Arc::default();
        let (seen, gate) = (Arc::clone(&calls), Arc::new(Semaphore::new(0)));
        let opened = Arc::clone(&gate);
        let gather = Gather::start(BOUNDS, &shutdown, move |questions: Vec<u32>, mut askers| {
            seen.lock().unwrap().push(questions.len());
            let opened = Arc::clone(&opened);
            async move {
                opened.acquire().await.unwrap().forget();
                askers.answer_in_order(questions.into_iter().map(|n| n * 10));
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
    async fn whoever_has_gone_is_not_asked_for() {
        let shutdown = Shutdown::new();
        let (asked, gate) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Semaphore::new(0)));
        let (seen, opened) = (Arc::clone(&asked), Arc::clone(&gate));
        let gather = Gather::start(BOUNDS, &shutdown, move |questions: Vec<u32>, mut askers| {
            seen.lock().unwrap().push(questions.clone());
            let opened = Arc::clone(&opened);
            async move {
                opened.acquire().await.unwrap().forget();
                askers.answer_in_order(questions);
            }
        });
        let mut first = std::pin::pin!(gather.ask(1));
        let mut gone = Box::pin(gather.ask(2));
        let mut third = std::pin::pin!(gather.ask(3));
        // Each is asked once it is polled, in this order.
        let poll = |question: Pin<&mut dyn Future<Output = Option<u32>>>| question.now_or_never();
        assert!(poll(first.as_mut()).is_none());
        while asked.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(poll(gone.as_mut()).is_none() && poll(third.as_mut()).is_none());
        drop(gone);
        gate.add_permits(2);
        assert_eq!((first.await, third.await), (Some(1), Some(3)));
        assert_eq!(*asked.lock().unwrap(), [vec![1], vec![3]]);
    }

    #[tokio::test]
    async fn a_question_without_an_answer_is_told_so() {
        let shutdown = Shutdown::new();
        let gather = Gather::start(BOUNDS, &shutdown, |_: Vec<u32>, _: Askers<u32>| async {});
        assert_eq!(gather.ask(1).await, None);
        assert_eq!(gather.ask(2).await, None, "and the next one is asked");
    }

    #[tokio::test]
    async fn an_answer_that_is_known_waits_for_no_other() {
        let shutdown = Shutdown::new();
        let gate = Arc::new(Semaphore::new(0));
        let opened = Arc::clone(&gate);
        let gather = Gather::start(BOUNDS, &shutdown, move |questions: Vec<u32>, mut askers| {
            let opened = Arc::clone(&opened);
            async move {
                askers.answer(1, questions[1]);
                // The first answer counts.
                askers.answer(1, 99);
                opened.acquire().await.unwrap().forget();
                askers.answer_rest(|| 7);
            }
        });
        let (first, third) = (gather.ask(1), gather.ask(3));
        let open_after_the_second = async {
            let second = gather.ask(2).await;
            gate.add_permits(1);
            second
        };
        let answers = tokio::join!(first, open_after_the_second, third);
        assert_eq!(answers, (Some(7), Some(2), Some(7)));
    }
}
