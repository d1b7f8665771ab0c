//! The load generator: a process of its own that holds sockets on plain epoll and sends messages, so that what it uses is not
//! counted as the server's.

mod counters;
mod frames;
mod publish;
mod sockets;
mod talk;
mod worker;

use std::{
    io::{BufRead, Write},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use crate::{
    clock,
    control::{Answer, Order, Spread, Talk},
    fault::{Doing, Fault, Result},
};
use counters::Counters;
use tokio::time::sleep;
use worker::{Task, Worker};

/// How a generator is started.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many threads share the sockets
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

/// Does what standard input says until it ends.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .doing("the generator's runtime")?;
    let counters = Arc::new(Counters::default());
    let workers: Result<Vec<Worker>> = (0..arguments.threads.max(1))
        .map(|_| Worker::start(Arc::clone(&counters)))
        .collect();
    let mut generator = Generator {
        workers: workers?,
        counters,
    };
    for line in std::io::stdin().lock().lines() {
        let line = line.doing("reading orders")?;
        let answer = match serde_json::from_str(&line) {
            Ok(order) => runtime.block_on(generator.perform(order)),
            Err(error) => Err(Fault::other(format!("{line}: {error}"))),
        };
        let answer = answer.unwrap_or_else(|fault| Answer::Failed {
            why: fault.to_string(),
        });
        let answer = serde_json::to_string(&answer).map_err(|error| Fault::other(error.to_string()))?;
        writeln!(std::io::stdout(), "{answer}").doing("answering")?;
    }
    Ok(())
}

struct Generator {
    workers: Vec<Worker>,
    counters: Arc<Counters>,
}

impl Generator {
    async fn perform(&mut self, order: Order) -> Result<Answer> {
        match order {
            Order::Open(open) => sockets::open(&self.workers, &self.counters, open).await,
            Order::Publish(publish) => publish::publish(&self.counters, publish).await,
            Order::Talk(talk) => self.talk(talk).await,
            Order::Await { deliveries, patience } => {
                self.counters.reached(deliveries, patience).await?;
                Ok(Answer::Done)
            }
            Order::Reset { receivers } => {
                self.counters.reset(receivers);
                Ok(Answer::Done)
            }
            Order::Count => Ok(Answer::Counted(self.counters.counted())),
            Order::Close => {
                for worker in &self.workers {
                    worker.tell(Task::Close)?;
                }
                self.counters.all_closed(Duration::from_mins(2)).await?;
                Ok(Answer::Done)
            }
        }
    }

    async fn talk(&self, talk: Talk) -> Result<Answer> {
        let begun = clock::now();
        let until = begun + u64::try_from(talk.duration.as_nanos()).unwrap_or(u64::MAX / 2);
        for worker in &self.workers {
            worker.tell(Task::Talk(talk, until))?;
        }
        sleep(talk.duration).await;
        let (waits, last) = self.counters.all_acknowledged(Duration::from_secs(30)).await?;
        Ok(Answer::Published {
            messages: self.counters.acknowledged.load(Relaxed),
            seconds: clock::seconds(begun, last),
            acknowledged: Spread::of(waits),
        })
    }
}
