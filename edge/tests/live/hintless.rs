//! A broker that delivers everything but hints of changes, as after a failover that left this edge at another one than
//! chat-svc.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use broker::{Backend, Broker, Error, MemoryBroker, Publication, Subscription};
use futures_util::future::BoxFuture;
use test_support::wait::until;
use tokio::sync::watch;

use crate::support::{System, consecutive};

struct Hintless {
    inner: Arc<MemoryBroker>,
    loses: Arc<AtomicBool>,
}

impl Backend for Hintless {
    fn publish(&self, mut publications: Vec<Publication>) -> BoxFuture<'_, Result<(), Error>> {
        if self.loses.load(Ordering::Relaxed) {
            let is_change = |payload: &[u8]| payload.windows(6).any(|part| part == b"\"seq\":");
            publications.retain(|publication| !is_change(&publication.payload));
        }
        self.inner.publish(publications)
    }

    fn subscribe(&self, patterns: &[&str]) -> Box<dyn Subscription> {
        self.inner.subscribe(patterns)
    }

    fn connected(&self) -> watch::Receiver<bool> {
        self.inner.connected()
    }
}

/// The broker, and whether it loses hints.
pub(crate) fn broker() -> (Broker, Arc<AtomicBool>) {
    let loses = Arc::new(AtomicBool::new(false));
    let backend = Hintless {
        inner: Arc::default(),
        loses: Arc::clone(&loses),
    };
    (Broker::new(backend), loses)
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_that_silently_do_not_come_turn_readiness_red_within_ten_seconds() {
    let (broker, loses) = broker();
    let system = System::on(broker).await;
    let edge = system.edge().await;
    let mut alice = edge.subscribed("alice", "general").await;
    until(Duration::from_secs(5), "the edge is ready", async || {
        edge.health.is_ready()
    })
    .await;
    edge.say("general", "hinted").await;
    consecutive(&mut alice, 1, 1).await;

    loses.store(true, Ordering::Relaxed);
    let (began, mut said) = (Instant::now(), 1);
    let red = async || {
        edge.say("general", "unhinted").await;
        said += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
        edge.health.report()["edge-hints"].is_some()
    };
    until(Duration::from_secs(20), "readiness is red", red).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(
        edge.health.report()["edge-delivery"].is_none(),
        "the canary is heard"
    );
    assert!(!edge.health.is_ready());
    // Everybody got everything meanwhile.
    consecutive(&mut alice, 2, said - 1).await;

    loses.store(false, Ordering::Relaxed);
    edge.say("general", "hinted again").await;
    consecutive(&mut alice, u64::try_from(said + 1).unwrap(), 1).await;
    until(Duration::from_secs(1), "the edge is ready again", async || {
        edge.health.is_ready()
    })
    .await;
}
