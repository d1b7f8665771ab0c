//! A broker that loses, repeats and reorders: every client still gets the whole log, once, in order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use broker::{Backend, Broker, Error, MemoryBroker, Publication, Subscription};
use futures_util::{FutureExt as _, future::BoxFuture};
use test_support::{
    client::Socket,
    wait::{SOON, until},
};
use tokio::sync::watch;

use crate::support::{System, consecutive};

/// What happens to publications on rooms' channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// Every third is lost, every fifth repeated, every seventh comes late.
    Stormy,
    /// All are lost, and the canary too.
    Deaf,
}

struct Lossy {
    inner: Arc<MemoryBroker>,
    weather: Weather,
    count: AtomicU64,
}

impl Backend for Lossy {
    fn publish(&self, publications: Vec<Publication>) -> BoxFuture<'_, Result<(), Error>> {
        if self.weather == Weather::Deaf {
            return async { Ok(()) }.boxed();
        }
        let (mut passed, mut late) = (Vec::new(), Vec::new());
        for publication in publications {
            let is_room = publication.channel.starts_with("room:");
            let count = self.count.fetch_add(u64::from(is_room), Ordering::Relaxed);
            match count {
                _ if !is_room => passed.push(publication),
                count if count % 3 == 0 => {}
                count if count % 5 == 0 => passed.extend([publication.clone(), publication]),
                count if count % 7 == 0 => late.push(publication),
                _ => passed.push(publication),
            }
        }
        let inner = Arc::clone(&self.inner);
        if !late.is_empty() {
            let inner = Arc::clone(&inner);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(30)).await;
                inner.publish(late).await
            });
        }
        async move { inner.publish(passed).await }.boxed()
    }

    fn subscribe(&self, patterns: &[&str]) -> Box<dyn Subscription> {
        self.inner.subscribe(patterns)
    }

    fn connected(&self) -> watch::Receiver<bool> {
        self.inner.connected()
    }
}

fn broker(weather: Weather) -> Broker {
    Broker::new(Lossy {
        inner: Arc::default(),
        weather,
        count: AtomicU64::new(0),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lossy_broker_costs_time_and_no_message() {
    const COUNT: usize = 100;
    let system = System::on(broker(Weather::Stormy)).await;
    let edges = [system.edge().await, system.edge().await];
    let mut one = edges[0].subscribed("one", "general").await;
    let mut other = edges[1].subscribed("other", "general").await;
    for number in 0..COUNT {
        edges[number % 2].say("general", &number.to_string()).await;
    }
    for socket in [&mut one, &mut other] {
        consecutive(socket, 1, COUNT).await;
        crate::support::silent(socket, "message").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_hint_the_log_is_followed_and_readiness_is_red() {
    let system = System::on(broker(Weather::Deaf)).await;
    let edge = system.edge().await;
    let mut alice = edge.subscribed("alice", "general").await;
    for number in 0..10 {
        edge.say("general", &number.to_string()).await;
    }
    consecutive(&mut alice, 1, 10).await;
    let red = async || edge.health.report()["edge-delivery"].is_some();
    until(SOON, "readiness is red", red).await;
    edge.say("general", "still").await;
    consecutive(&mut alice, 11, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_is_ahead_of_the_stream_is_not_repeated() {
    let system = System::on(broker(Weather::Deaf)).await;
    let edge = system.edge().await;
    edge.say("general", "before anybody listens").await;
    let mut alice = edge.subscribed("alice", "general").await;
    // The edge learns of new messages up to a second later; whoever comes meanwhile reads them in the log.
    for round in 0..3_u64 {
        let first = 2 * round + 2;
        edge.say("general", "one").await;
        edge.say("general", "two").await;
        let path = format!("/ws/general/bob-{round}?after_seq={}", first - 2);
        let mut bob = Socket::connect(&edge.url(&path)).await;
        consecutive(&mut bob, first - 1, 3).await;
        consecutive(&mut alice, first, 2).await;
        crate::support::silent(&mut bob, "message").await;
    }
    let mut carol = Socket::connect(&edge.url("/ws/general/carol?after_seq=5")).await;
    edge.say("general", "live").await;
    consecutive(&mut carol, 6, 3).await;
    crate::support::silent(&mut carol, "message").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_hears_itself_is_ready() {
    let system = System::start().await;
    let edge = system.edge().await;
    until(SOON, "the edge is ready", async || edge.health.is_ready()).await;
}
