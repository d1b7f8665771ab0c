//! A client among replicas that come and go.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use runtime::{
    Shutdown,
    client::{Channel, ServiceUrl, connect},
    deadline,
    health::Health,
    server,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

struct Replica {
    address: SocketAddr,
    health: Health,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Replica {
    async fn start(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (health, shutdown) = (Health::new(), Shutdown::new());
        health.part("itself").up();
        let serving = server::serve(
            listener,
            tonic::service::RoutesBuilder::default(),
            &[],
            health.clone(),
            shutdown.clone(),
        );
        let task = tokio::spawn(async move { serving.await.unwrap() });
        Self {
            address,
            health,
            shutdown,
            task,
        }
    }

    async fn stop(self) {
        // As a process does: what serves has drained before the rest is dropped.
        self.shutdown.begin();
        self.task.await.unwrap();
        self.shutdown.finish().await;
    }
}

fn url(replicas: &[SocketAddr]) -> ServiceUrl {
    let list: Vec<_> = replicas
        .iter()
        .map(|address| format!("http://{address}"))
        .collect();
    list.join(",").parse().unwrap()
}

async fn call(channel: &Channel) -> Result<(), Status> {
    HealthClient::new(channel.clone())
        .check(HealthCheckRequest::default())
        .await
        .map(|_| ())
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 10 s: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_on_while_replicas_come_and_go() {
    let (one, other) = (
        Replica::start("127.0.0.1:0").await,
        Replica::start("127.0.0.1:0").await,
    );
    let (first, second) = (one.address, other.address);
    let client = Shutdown::new();
    let channel = connect("replicas", &url(&[first, second]), &client);
    until("both are live", || channel.live() == 2).await;

    let stop = Arc::new(tokio::sync::Notify::new());
    let caller = {
        let (channel, stop) = (channel.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut calls = 0;
            let stopped = stop.notified();
            tokio::pin!(stopped);
            loop {
                tokio::select! {
                    biased;
                    () = &mut stopped => return calls,
                    result = call(&channel) => { result.unwrap(); calls += 1; }
                }
            }
        })
    };
    one.stop().await;
    until("the one that stopped is out", || channel.live() == 1).await;
    stop.notify_one();
    assert!(caller.await.unwrap() > 0);

    other.stop().await;
    until("none is live", || channel.live() == 0).await;
    let began = Instant::now();
    assert_eq!(call(&channel).await.unwrap_err().code(), Code::Unavailable);
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "told soon, not at the deadline"
    );

    let again = Replica::start(&first.to_string()).await;
    until("the one that came back is live", || channel.live() == 1).await;
    call(&channel).await.unwrap();
    again.stop().await;
    client.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_not_ready_gets_no_calls() {
    let (well, unwell) = (
        Replica::start("127.0.0.1:0").await,
        Replica::start("127.0.0.1:0").await,
    );
    let store = unwell.health.part("store");
    let client = Shutdown::new();
    let channel = connect("replicas", &url(&[well.address, unwell.address]), &client);
    until("only one is live", || channel.live() == 1).await;
    store.up();
    until("both are live", || channel.live() == 2).await;
    store.down("gone");
    until("only one is live again", || channel.live() == 1).await;
    client.finish().await;
    well.stop().await;
    unwell.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_hangs_costs_the_deadline_at_most() {
    let healthy = Replica::start("127.0.0.1:0").await;
    let client = Shutdown::new();
    let channel = connect("replicas", &url(&[healthy.address]), &client);
    until("it is live", || channel.live() == 1).await;
    let address = healthy.address;
    healthy.stop().await;
    // Accepts, and never says a word.
    let silent = TcpListener::bind(address).await.unwrap();
    let began = Instant::now();
    let limit = Duration::from_millis(300);
    let status = deadline::within(limit, call(&channel)).await.unwrap_err();
    assert!(
        matches!(status.code(), Code::DeadlineExceeded | Code::Unavailable),
        "{status:?}"
    );
    assert!(began.elapsed() < limit * 4, "took {:?}", began.elapsed());
    drop(silent);
    client.finish().await;
}
