//! The real servers: they start, answer, stop, come back on the same port, and never outlive their owner.

use std::{fs, path::Path, process::Command, time::Duration};

use test_support::{postgres, redis, s3, supervised::is_alive, wait};
use tokio::net::TcpStream;

async fn set(server: &redis::Server, key: &str) -> ::redis::aio::MultiplexedConnection {
    let client = ::redis::Client::open(server.url()).expect("Redis answers");
    let mut connection = client
        .get_multiplexed_async_connection()
        .await
        .expect("Redis answers");
    ::redis::cmd("SET")
        .arg(key)
        .arg("1")
        .exec_async(&mut connection)
        .await
        .expect("Redis answers");
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn two_databases_are_separate() {
    let (one, other) = (postgres::database().await, postgres::database().await);
    one.client()
        .await
        .batch_execute("CREATE TABLE seen (id BIGINT)")
        .await
        .unwrap();
    other
        .client()
        .await
        .query("SELECT id FROM seen", &[])
        .await
        .unwrap_err();
    one.client()
        .await
        .query("SELECT id FROM seen", &[])
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_postgres_comes_back_with_what_was_committed() {
    let server = postgres::Server::start_new(postgres::Durability::Full).await;
    let database = server.create_database("chat_db").await;
    database
        .client()
        .await
        .batch_execute("CREATE TABLE kept (id BIGINT); INSERT INTO kept VALUES (7)")
        .await
        .unwrap();
    server.kill().await;
    tokio_postgres::connect(database.url(), tokio_postgres::NoTls)
        .await
        .map(drop)
        .unwrap_err();
    server.start().await;
    let row = database
        .client()
        .await
        .query_one("SELECT id FROM kept", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 7);
    server.stop().await;
    server.start().await;
    database
        .client()
        .await
        .query_one("SELECT id FROM kept", &[])
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_postgres_answers_nobody_until_it_is_resumed() {
    let server = postgres::Server::start_new(postgres::Durability::Off).await;
    let client = postgres_client(&server).await;
    server.pause();
    let silent = tokio::time::timeout(Duration::from_millis(300), client.query_one("SELECT 1", &[])).await;
    assert!(silent.is_err(), "a paused server has answered");
    server.resume();
    client.query_one("SELECT 1", &[]).await.unwrap();
}

async fn postgres_client(server: &postgres::Server) -> tokio_postgres::Client {
    server.create_database("paused").await.client().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_postgres_takes_nobody_until_the_connections_are_given_back() {
    let server = postgres::Server::start_with(postgres::Settings {
        max_connections: 20,
        ..postgres::Settings::default()
    })
    .await;
    let database = server.create_database("chat_db").await;
    let client = database.client().await;
    let connect = async || {
        tokio_postgres::connect(database.url(), tokio_postgres::NoTls)
            .await
            .map(drop)
    };
    let taken = server.exhaust().await;
    assert!(taken.count() > 10, "{}", taken.count());
    let refusal = connect().await.unwrap_err();
    assert_eq!(
        refusal.code(),
        Some(&tokio_postgres::error::SqlState::TOO_MANY_CONNECTIONS)
    );
    client.query_one("SELECT 1", &[]).await.unwrap();
    drop(taken);
    let connects = async || connect().await.is_ok();
    wait::until(wait::SOON, "connections are free again", connects).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_postgres_is_as_it_was() {
    let server = postgres::Server::start_new(postgres::Durability::Off).await;
    let database = server.create_database("chat_db").await;
    let client = database.client().await;
    client
        .batch_execute("CREATE TABLE kept (id BIGSERIAL); INSERT INTO kept DEFAULT VALUES")
        .await
        .unwrap();
    let snapshot = server.snapshot().await;
    // It has worked on, also on what the backup does not know.
    client
        .batch_execute("INSERT INTO kept DEFAULT VALUES; CREATE TABLE lost (id BIGINT)")
        .await
        .unwrap();
    server.create_database("lost").await;
    // Backups can be put back more than once.
    for _ in 0..2 {
        server.restore(&snapshot).await;
        let client = database.client().await;
        let insert = "INSERT INTO kept DEFAULT VALUES RETURNING id";
        let row = client.query_one(insert, &[]).await.unwrap();
        assert!(row.get::<_, i64>(0) >= 2);
        let row = client.query_one("SELECT count(*) FROM kept", &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 2);
        client.query("SELECT id FROM lost", &[]).await.unwrap_err();
        tokio_postgres::connect(&server.url("lost"), tokio_postgres::NoTls)
            .await
            .map(drop)
            .unwrap_err();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_loses_its_connections_and_then_its_keys() {
    let server = redis::Server::start_new().await;
    let mut normal = set(&server, "kept").await;
    let client = ::redis::Client::open(server.url()).unwrap();
    let mut subscriber = client.get_async_pubsub().await.unwrap();
    subscriber.subscribe("room").await.unwrap();
    assert_eq!(server.kill_clients().await, 2);
    let ended = futures_util::StreamExt::next(&mut subscriber.on_message()).await;
    assert!(ended.is_none(), "the subscription has ended");
    ::redis::cmd("PING").exec_async(&mut normal).await.unwrap_err();
    let size = async || -> usize {
        let mut connection = server.connection().await;
        ::redis::cmd("DBSIZE").query_async(&mut connection).await.unwrap()
    };
    assert_eq!(size().await, 1);
    server.restart_empty().await;
    assert_eq!(size().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_comes_back_empty_on_the_same_port() {
    let server = redis::Server::start_new().await;
    let url = server.url();
    for _ in 0..2 {
        drop(set(&server, "lost").await);
        server.kill().await;
        assert!(TcpStream::connect(("127.0.0.1", server.port())).await.is_err());
        server.start().await;
        let mut connection = set(&server, "new").await;
        let keys: Vec<String> = ::redis::cmd("KEYS")
            .arg("*")
            .query_async(&mut connection)
            .await
            .unwrap();
        assert_eq!(keys, ["new"]);
    }
    server.stop().await;
    server.start().await;
    assert_eq!(server.url(), url);
    assert_eq!(redis::shared().await.url(), redis::shared().await.url());
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_keeps_its_objects_through_a_restart() {
    let server = s3::Server::start_new().await;
    server.create_bucket("chatfiles");
    fs::write(server.root().join("chatfiles/object"), "bytes").unwrap();
    server.kill().await;
    server.start().await;
    assert_eq!(server.objects("chatfiles").len(), 1);
    // A stranger is refused, so the keys are looked at.
    assert_eq!(
        reqwest::get(format!("{}/chatfiles/object", server.url()))
            .await
            .unwrap()
            .status(),
        403
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_s3_keeps_its_objects_and_its_disk_goes_with_it() {
    let server = s3::Server::start_with_space(1_000_000).await;
    server.create_bucket("chatfiles");
    let object = server.root().join("chatfiles/object");
    fs::write(&object, "bytes").unwrap();
    let too_much = fs::write(server.root().join("chatfiles/big"), vec![0; 2_000_000]).unwrap_err();
    assert_eq!(too_much.kind(), std::io::ErrorKind::StorageFull);
    fs::remove_file(server.root().join("chatfiles/big")).unwrap();

    server.fill();
    let full = fs::write(server.root().join("chatfiles/other"), "bytes").unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    fs::remove_file(server.root().join("chatfiles/other")).unwrap();
    server.kill().await;
    server.start().await;
    assert_eq!(server.objects("chatfiles"), [object]);
    server.free_space();
    fs::write(server.root().join("chatfiles/other"), "bytes").unwrap();
    // The server sees what we see, and nobody else does.
    assert_eq!(reqwest::get(server.url()).await.unwrap().status(), 403);
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    assert!(!mounts.contains("chatflow-disk-"), "{mounts}");
    let root = server.root().to_owned();
    drop(server);
    assert!(!root.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_server_leaves_no_process_and_no_folder() {
    let server = redis::Server::start_new().await;
    let (pid, folder) = (
        server.process().pid().unwrap(),
        server.process().spec().directory.clone(),
    );
    server.pause();
    drop(server);
    assert!(!is_alive(pid));
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_an_aborted_test_process_end_and_leave_no_folder() {
    let helper = ["--ignored", "--exact", "start_servers_and_abort", "--nocapture"];
    let output = Command::new(std::env::current_exe().unwrap())
        .args(helper)
        .output()
        .unwrap();
    assert!(!output.status.success(), "it aborts");
    let text = String::from_utf8(output.stdout).unwrap();
    let left: Vec<(u32, String)> = text
        .lines()
        .filter_map(|line| line.split_once("started ")?.1.split_once(' '))
        .map(|(pid, folder)| (pid.parse().unwrap(), folder.to_owned()))
        .collect();
    assert_eq!(left.len(), 3, "{text}");
    for (pid, folder) in left {
        let gone = async || !is_alive(pid) && !Path::new(&folder).exists();
        wait::until(wait::SOON, &format!("{pid} and {folder} are gone"), gone).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run as a process of its own by the test above"]
async fn start_servers_and_abort() {
    let postgres = postgres::Server::start_new(postgres::Durability::Off).await;
    let (running, paused) = (redis::Server::start_new().await, redis::Server::start_new().await);
    paused.pause();
    for process in [postgres.process(), running.process(), paused.process()] {
        println!(
            "started {} {}",
            process.pid().unwrap(),
            process.spec().directory.display()
        );
    }
    std::process::abort();
}
