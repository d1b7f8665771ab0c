//! Generators, seen from the process that measures.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::{
    control::{Answer, Counted, Open, Order, Publish, Spread, Talk},
    fault::{Doing, Fault, Result},
};

/// How long an order may take besides what it says itself.
const PATIENCE: Duration = Duration::from_mins(3);

/// A generator. It ends when this is dropped.
pub(crate) struct Load {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Load {
    /// Starts a generator with so many threads for its sockets.
    pub(crate) fn start(threads: usize) -> Result<Self> {
        let program = std::env::current_exe().doing("finding the generator")?;
        let mut child = Command::new(program)
            .args(["generator", "--threads", &threads.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .doing("starting a generator")?;
        let gone = || Fault::other("a generator without pipes");
        let orders = child.stdin.take().ok_or_else(gone)?;
        let answers = BufReader::new(child.stdout.take().ok_or_else(gone)?).lines();
        Ok(Self {
            child,
            orders,
            answers,
        })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child
            .id()
            .ok_or_else(|| Fault::other("the generator has ended"))
    }

    /// Connects sockets; a fault where not all are ready. Returns the seconds it took.
    pub(crate) async fn open(&mut self, open: Open) -> Result<f64> {
        let wanted = open.sockets;
        match self.ask(&Order::Open(open)).await? {
            Answer::Opened { ready, seconds, .. } if ready >= wanted => Ok(seconds),
            Answer::Opened {
                ready, failed, why, ..
            } => Err(Fault::other(format!(
                "{ready} of {wanted} sockets are ready, {failed} have failed, others were closed or late: {}",
                why.as_deref().unwrap_or("the others were not ready in time")
            ))),
            other => Err(unexpected(&other)),
        }
    }

    /// Sends messages and waits until they were received. Returns how many, in how many seconds, and how long they took to be acknowledged.
    pub(crate) async fn publish(&mut self, publish: Publish) -> Result<(u64, f64, Option<Spread>)> {
        self.send(Order::Publish(publish)).await
    }

    /// Lets the sockets send themselves. Returns what [`Self::publish`] does.
    pub(crate) async fn talk(&mut self, talk: Talk) -> Result<(u64, f64, Option<Spread>)> {
        self.send(Order::Talk(talk)).await
    }

    async fn send(&mut self, order: Order) -> Result<(u64, f64, Option<Spread>)> {
        match self.ask(&order).await? {
            Answer::Published {
                messages,
                seconds,
                acknowledged,
            } => Ok((messages, seconds, acknowledged)),
            other => Err(unexpected(&other)),
        }
    }

    /// Closes all sockets.
    pub(crate) async fn close(&mut self) -> Result<()> {
        self.ask(&Order::Close).await.map(drop)
    }

    /// Counts from zero, and with `receivers` tracks how long messages take.
    pub(crate) async fn reset(&mut self, receivers: Option<u32>) -> Result<()> {
        self.ask(&Order::Reset { receivers }).await.map(drop)
    }

    /// What it has received.
    pub(crate) async fn count(&mut self) -> Result<Counted> {
        match self.ask(&Order::Count).await? {
            Answer::Counted(counted) => Ok(counted),
            other => Err(unexpected(&other)),
        }
    }

    /// Gives an order and waits for what it answers.
    pub(crate) async fn ask(&mut self, order: &Order) -> Result<Answer> {
        let mut line = serde_json::to_string(order).map_err(|error| Fault::other(error.to_string()))?;
        line.push('\n');
        self.orders
            .write_all(line.as_bytes())
            .await
            .doing("telling the generator")?;
        let patience = PATIENCE
            + match order {
                Order::Open(open) => open.patience,
                Order::Publish(publish) => publish.duration,
                Order::Talk(talk) => talk.duration,
                Order::Await { patience, .. } => *patience,
                _ => Duration::ZERO,
            };
        let answer = timeout(patience, self.answers.next_line()).await;
        let answer = answer.map_err(|_| Fault::other("the generator does not answer"))?;
        let answer = answer
            .doing("hearing the generator")?
            .ok_or_else(|| Fault::other("the generator has ended"))?;
        match serde_json::from_str(&answer) {
            Ok(Answer::Failed { why }) => Err(Fault::other(why)),
            Ok(answer) => Ok(answer),
            Err(error) => Err(Fault::other(format!("{answer}: {error}"))),
        }
    }
}

fn unexpected(answer: &Answer) -> Fault {
    Fault::other(format!("the generator answers {answer:?}"))
}
