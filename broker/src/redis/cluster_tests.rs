//! Publishing while slots are elsewhere than the map says, which the tests draw.

use test_support::{
    redis::{Cluster, Server},
    wait,
};

use super::*;

/// A map by which one server has all slots.
fn all_at(server: &Server, shutdown: &Shutdown) -> Arc<Map> {
    let slots = redis::Value::Array(vec![redis::Value::Array(vec![
        redis::Value::Int(0),
        redis::Value::Int(16383),
        redis::Value::Array(vec![
            redis::Value::BulkString("127.0.0.1".into()),
            redis::Value::Int(server.port().into()),
        ]),
    ])]);
    let topology = Topology::read(&slots, "127.0.0.1").unwrap();
    let home = topology.servers().next().unwrap().clone();
    let link = RedisLink::connect("test", &server.url().parse().unwrap(), shutdown);
    Arc::new(Map {
        topology,
        links: [(home.clone(), link)].into(),
        home: Some(home),
    })
}

/// One that believes everything to be at a server that has none of it, and a room's publication.
struct Misled {
    cluster: Cluster,
    right: Arc<Map>,
    map: watch::Sender<Arc<Map>>,
    changes: Changes,
    publisher: ToCluster,
}

impl Misled {
    async fn new() -> Self {
        let (cluster, shutdown) = (Cluster::start_new().await, Shutdown::new());
        let owner = cluster.first_owner(ROOM).await;
        let right = all_at(&cluster.masters()[owner], &shutdown);
        let wrong = all_at(&cluster.masters()[(owner + 1) % 3], &shutdown);
        for map in [&right, &wrong] {
            for link in map.links.values() {
                let is_up = async || link.connection().is_ok();
                wait::until(wait::SOON, "the link is up", is_up).await;
            }
        }
        let (map, following) = watch::channel(wrong);
        let changes = Changes::default();
        let publisher = ToCluster {
            map: following,
            changes: changes.clone(),
            _end: CancellationToken::new().drop_guard(),
        };
        Self {
            cluster,
            right,
            map,
            changes,
            publisher,
        }
    }

    async fn publish(&self) -> Result<(), Error> {
        let publication = Publication {
            channel: ROOM.to_owned(),
            payload: "moved".into(),
        };
        self.publisher.publish(&[publication]).await
    }
}

const ROOM: &str = "room:general";

#[tokio::test]
async fn who_was_asked_and_knew_nothing_is_not_the_last_to_be_asked() {
    let misled = Misled::new().await;
    let keeps = async {
        for _ in 0..3 {
            misled.changes.noticed().await;
        }
        misled.map.send_replace(Arc::clone(&misled.right));
    };
    let published = async { misled.publish().await.expect("it is published where it is now") };
    tokio::join!(published, keeps);
}

#[tokio::test]
async fn the_second_attempt_gets_what_is_left_of_the_time() {
    let misled = Misled::new().await;
    let owner = misled.cluster.first_owner(ROOM).await;
    misled.cluster.masters()[owner].pause();
    let keeps = async {
        tokio::time::sleep(PUBLISH_DEADLINE * 6 / 10).await;
        misled.map.send_replace(Arc::clone(&misled.right));
    };
    let began = Instant::now();
    let (published, ()) = tokio::join!(misled.publish(), keeps);
    assert!(matches!(published, Err(Error::Unavailable(_))), "{published:?}");
    assert!(
        began.elapsed() < PUBLISH_DEADLINE * 13 / 10,
        "{:?}",
        began.elapsed()
    );
    // It had too little of it to be doubted.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(misled.right.links.values().all(|link| link.connection().is_ok()));
}

#[tokio::test]
async fn nobody_is_asked_once_the_time_is_up() {
    let misled = Misled::new().await;
    let mut map = misled.publisher.map.clone();
    misled.map.send_replace(Arc::clone(&misled.right));
    assert!(!misled.publisher.has_new_map(&mut map, Instant::now()).await);
}
