//! A cluster with a proxy on every arrow, replicas of everything, clocks that jump, and an edge that comes later.

use std::sync::Arc;

use test_support::{
    client::Rest,
    cluster::{Cluster, Dependency, Part},
    proxy::Fault,
    wait,
};

#[tokio::test(flavor = "multi_thread")]
async fn each_part_reaches_each_dependency_through_a_proxy_of_its_own() {
    let cluster = Cluster::builder()
        .edges_later(1)
        .chats(2)
        .presences(2)
        .notifies(2)
        .files(2)
        .links()
        .jumping_clocks()
        .s3_space(100_000_000)
        .max_connections(200)
        .start()
        .await;
    let names: Vec<String> = cluster.parts().map(|part| part.to_string()).collect();
    assert_eq!(
        names.join(" "),
        "edge-0 edge-1 chat-0 chat-1 presence-0 presence-1 notify-0 notify-1 files-0 files-1"
    );
    assert_eq!(cluster.edges(), 2);
    assert_eq!(cluster.links_to(Dependency::Redis).count(), 8);
    assert_eq!(cluster.links_to(Dependency::Notify(1)).count(), 4);
    assert_eq!(cluster.links_of(Part::Edge(0)).count(), 9);
    assert_eq!(cluster.links_of(Part::Chat(0)).count(), 4);
    assert_eq!(cluster.links_of(Part::Files(1)).count(), 2);

    people_come_through_the_door(&cluster).await;
    a_fault_of_one_link_is_that_of_one_part(&cluster).await;
    an_edge_comes_while_redis_is_away(&cluster).await;
    clocks_jump(&cluster).await;
}

async fn people_come_through_the_door(cluster: &Cluster) {
    assert!(cluster.base_url(0).ends_with(&cluster.door(0).address()));
    let path = "/ws/general/alice";
    assert_eq!(
        cluster.ws_url(0, path),
        format!("ws://{}{path}", cluster.door(0).address())
    );
    let before = cluster.door(0).accepted();
    let rooms = Rest::new(cluster.base_url(0)).get("/api/chat/rooms").await;
    assert_eq!(rooms.status, 200);
    assert_eq!(cluster.door(0).accepted(), before + 1);
    // What started has gone through its own links, and nobody through those of the edge that comes later.
    for (part, dependency, link) in cluster.links() {
        let used = link.accepted() > 0;
        let starts_later = part == Part::Edge(1);
        // Services may wait until they need each other.
        let sure = matches!(dependency, Dependency::Redis | Dependency::Postgres);
        assert!(
            !sure || used != starts_later,
            "{part} to {dependency}: {}",
            link.accepted()
        );
    }
}

async fn a_fault_of_one_link_is_that_of_one_part(cluster: &Cluster) {
    let edge = cluster.process(Part::Edge(0));
    cluster.link(Part::Edge(0), Dependency::Redis).set(Fault::Cut);
    wait::until(wait::START, "the edge misses Redis", async || {
        !edge.is_ready().await
    })
    .await;
    assert!(cluster.process(Part::Chat(0)).is_ready().await);
    cluster.heal();
    edge.wait_ready(wait::START).await;
    // Every push is lost, so the edge does not hear its own canary.
    cluster.link(Part::Edge(0), Dependency::Redis).set(Fault::Pushes);
    wait::until(wait::START, "the edge misses pushes", async || {
        !edge.is_ready().await
    })
    .await;
    cluster.heal();
    edge.wait_ready(wait::START).await;
}

async fn an_edge_comes_while_redis_is_away(cluster: &Cluster) {
    let late = cluster.process(Part::Edge(1));
    assert_eq!(late.pid(), None);
    cluster.redis.stop().await;
    late.start();
    late.wait_live(wait::START).await;
    assert!(!late.is_ready().await);
    cluster.redis.start().await;
    for process in cluster.processes() {
        process.wait_ready(wait::START).await;
    }
}

async fn clocks_jump(cluster: &Cluster) {
    for process in cluster.processes() {
        process.set_clock(3600);
    }
    let room = serde_json::json!({"id": "tomorrow", "name": "Tomorrow"});
    let made = Rest::new(cluster.base_url(0))
        .post("/api/chat/rooms", &room)
        .await;
    let made = made.expect(201).json();
    let created = made["created_at"].as_str().expect("a room has a time");
    let created: jiff::Timestamp = created.parse().expect("a time is one");
    let ahead = created.as_second() - jiff::Timestamp::now().as_second();
    assert!((3500..3700).contains(&ahead), "{ahead} seconds ahead");
    for process in cluster.processes() {
        process.wait_ready(wait::START).await;
    }
}

/// Compiles only if every verb can be spawned, as a run with many faults at once does.
#[expect(dead_code, reason = "what it says is said by compiling")]
fn verbs_can_be_spawned(cluster: Arc<Cluster>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let process = cluster.process(Part::Edge(0));
        process.terminate(wait::SOON).await;
        process.kill().await;
        process.wait_ready(wait::SOON).await;
        process.wait_live(wait::SOON).await;
        process.output().wait_for("listening", wait::SOON).await;
        cluster.redis.kill_clients().await;
        cluster.redis.restart_empty().await;
        cluster.redis.stop().await;
        cluster.s3.kill().await;
        cluster.s3.start().await;
        let taken = cluster.postgres.exhaust().await;
        let snapshot = cluster.postgres.snapshot().await;
        drop(taken);
        cluster.postgres.restore(&snapshot).await;
    })
}

/// So can the start.
#[expect(dead_code, reason = "what it says is said by compiling")]
fn a_start_can_be_spawned() -> tokio::task::JoinHandle<Cluster> {
    tokio::spawn(Cluster::builder().links().start())
}
