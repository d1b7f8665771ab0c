//! The fault proxy in front of a real Redis.

use std::{
    io,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use test_support::{
    proxy::{Direction, Fault, Proxy},
    redis, wait,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Long enough to see that nothing comes.
const A_WHILE: Duration = Duration::from_millis(200);

async fn ping(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"PING\r\n").await?;
    pong(stream).await
}

async fn pong(stream: &mut TcpStream) -> io::Result<()> {
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"+PONG\r\n");
    Ok(())
}

async fn connect(proxy: &Proxy) -> TcpStream {
    let mut stream = TcpStream::connect(proxy.address())
        .await
        .expect("the proxy listens");
    ping(&mut stream).await.expect("the server answers");
    stream
}

/// Sends a ping, and sees that nothing comes.
async fn is_silent(stream: &mut TcpStream) {
    stream.write_all(b"PING\r\n").await.expect("it is sent");
    timeout(A_WHILE, stream.read_u8())
        .await
        .expect_err("nothing arrives");
}

async fn ends_with(stream: &mut TcpStream, kinds: &[io::ErrorKind]) {
    let end = timeout(wait::SOON, stream.read_u8()).await.expect("it ends");
    let end = end.expect_err("no byte comes").kind();
    assert!(kinds.contains(&end), "{end:?}");
}

async fn is_reset(stream: &mut TcpStream) {
    ends_with(stream, &[io::ErrorKind::ConnectionReset]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_connection_goes_on_and_a_cut_one_is_lost() {
    let server = redis::Server::start_new().await;
    let proxy = Proxy::to(&server.url()).await;
    assert_eq!(proxy.url(&server.url()), format!("redis://{}", proxy.address()));
    let mut stream = connect(&proxy).await;

    proxy.set(Fault::Stall);
    is_silent(&mut stream).await;
    proxy.set(Fault::Delay(Duration::from_millis(1)));
    timeout(wait::SOON, pong(&mut stream)).await.unwrap().unwrap();

    proxy.set(Fault::Cut);
    is_reset(&mut stream).await;
    // A new connection is reset too, perhaps while it is being made.
    let again = async { ping(&mut TcpStream::connect(proxy.address()).await?).await };
    assert!(timeout(wait::SOON, again).await.unwrap().is_err());
    proxy.set(Fault::None);
    connect(&proxy).await;
    assert_eq!(proxy.accepted(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_that_is_over_at_once_was_one_nevertheless() {
    let server = redis::Server::start_new().await;
    let proxy = Proxy::to(&server.url()).await;
    let mut stream = connect(&proxy).await;
    proxy.set(Fault::Cut);
    proxy.set(Fault::None);
    is_reset(&mut stream).await;
    connect(&proxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delayed_is_under_way_together() {
    let server = redis::Server::start_new().await;
    let proxy = Proxy::to(&server.url()).await;
    let mut stream = connect(&proxy).await;
    let delay = Duration::from_millis(200);
    proxy.set(Fault::Delay(delay));
    let begun = Instant::now();
    for _ in 0..10 {
        stream.write_all(b"PING\r\n").await.unwrap();
        // Each is a chunk of its own.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for _ in 0..10 {
        pong(&mut stream).await.unwrap();
    }
    let took = begun.elapsed();
    assert!(took >= 2 * delay && took < 10 * delay, "{took:?}");
    // What is under way when the fault ends need not wait any longer.
    proxy.set(Fault::Delay(Duration::from_hours(1)));
    is_silent(&mut stream).await;
    proxy.set(Fault::None);
    timeout(wait::SOON, pong(&mut stream)).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_connection_carries_so_much_a_second() {
    let server = redis::Server::start_new().await;
    let proxy = Proxy::to(&server.url()).await;
    let mut stream = connect(&proxy).await;
    let value = "x".repeat(50_000);
    let set = format!("SET big {value}\r\n");
    stream.write_all(set.as_bytes()).await.unwrap();
    let mut ok = [0; 5];
    stream.read_exact(&mut ok).await.unwrap();
    assert_eq!(&ok, b"+OK\r\n");

    proxy.set(Fault::Throttle {
        bytes_per_second: 50_000,
    });
    let begun = Instant::now();
    stream.write_all(b"GET big\r\n").await.unwrap();
    let mut answer = vec![0; "$50000\r\n\r\n".len() + value.len()];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, format!("$50000\r\n{value}\r\n").as_bytes());
    let took = begun.elapsed();
    assert!(
        took > Duration::from_millis(800) && took < Duration::from_secs(5),
        "{took:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_not_made_and_open_ones_go_on() {
    let server = redis::Server::start_new().await;
    let proxy = Proxy::to(&server.url()).await;
    let mut stream = connect(&proxy).await;
    proxy.set(Fault::Refuse);
    let refused = async || {
        let error = TcpStream::connect(proxy.address()).await.err();
        error.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    wait::until(wait::SOON, "connections are refused", refused).await;
    ping(&mut stream).await.unwrap();
    proxy.set(Fault::None);
    let again = async || TcpStream::connect(proxy.address()).await.is_ok();
    wait::until(wait::SOON, "connections are taken again", again).await;
    connect(&proxy).await;
    ping(&mut stream).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_black_hole_swallows_one_direction_and_what_lost_bytes_is_reset() {
    let server = redis::Server::start_new().await;
    let proxy = Proxy::to(&server.url()).await;
    let increments = |before: i64| {
        let server = &server;
        async move || {
            let mut connection = server.connection().await;
            let count: Option<i64> = ::redis::cmd("GET")
                .arg("count")
                .query_async(&mut connection)
                .await
                .unwrap();
            count.unwrap_or_default() == before
        }
    };
    let (mut loser, mut idle) = (connect(&proxy).await, connect(&proxy).await);
    proxy.set(Fault::BlackHole(Direction::ToClient));
    loser.write_all(b"INCR count\r\n").await.unwrap();
    wait::until(wait::SOON, "the server has heard it", increments(1)).await;
    is_silent(&mut loser).await;
    // A new one is taken, and as silent.
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    is_silent(&mut new).await;
    proxy.set(Fault::None);
    is_reset(&mut loser).await;
    is_reset(&mut new).await;
    ping(&mut idle).await.unwrap();

    proxy.set(Fault::BlackHole(Direction::ToServer));
    idle.write_all(b"INCR count\r\n").await.unwrap();
    is_silent(&mut idle).await;
    assert!(increments(1)().await, "the server has not heard it");
    // Another fault ends this one.
    proxy.set(Fault::Stall);
    is_reset(&mut idle).await;
    proxy.set(Fault::None);
    connect(&proxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_connection_has_no_server_and_its_client_does_not_know() {
    let server = redis::Server::start_new().await;
    let proxy = Proxy::to(&server.url()).await;
    let clients = async || -> usize {
        let mut connection = server.connection().await;
        let mut list = ::redis::cmd("CLIENT");
        list.arg("LIST").arg("TYPE").arg("normal");
        let list: String = list.query_async(&mut connection).await.unwrap();
        list.lines().count() - 1
    };
    let mut stream = connect(&proxy).await;
    assert_eq!(clients().await, 1);
    proxy.set(Fault::HalfOpen);
    wait::until(wait::SOON, "the server is told", async || clients().await == 0).await;
    is_silent(&mut stream).await;
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    is_silent(&mut new).await;
    assert_eq!(clients().await, 0);
    proxy.set(Fault::None);
    is_reset(&mut stream).await;
    is_reset(&mut new).await;
    connect(&proxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_pushes_are_all_that_is_lost() {
    let server = redis::Server::start_new().await;
    let proxy = Proxy::to_redis(&server.url()).await;
    let url = format!("{}?protocol=resp3", proxy.url(&server.url()));
    let client = ::redis::Client::open(url).unwrap();
    let (sender, mut received) = tokio::sync::mpsc::channel(100);
    let settings = ::redis::AsyncConnectionConfig::new().set_push_sender(move |push: ::redis::PushInfo| {
        sender.try_send(push).map_err(|_| ::redis::aio::SendError)
    });
    let connection = client
        .get_multiplexed_async_connection_with_config(&settings)
        .await
        .unwrap();
    let mut next = async |kind: ::redis::PushKind| {
        let push = timeout(wait::SOON, received.recv()).await.unwrap().unwrap();
        assert_eq!(push.kind, kind);
        push.data.last().cloned()
    };
    let text = |text: &str| Some(::redis::Value::BulkString(text.into()));
    let publish = async |content: &str| -> usize {
        let mut connection = connection.clone();
        let mut publish = ::redis::cmd("PUBLISH");
        publish.arg("room").arg(content);
        publish.query_async(&mut connection).await.unwrap()
    };
    connection.clone().subscribe("room").await.unwrap();
    next(::redis::PushKind::Subscribe).await;
    assert_eq!(publish("heard").await, 1);
    assert_eq!(next(::redis::PushKind::Message).await, text("heard"));

    proxy.set(Fault::Pushes);
    // Redis counts it as delivered, and a new subscription is confirmed.
    assert_eq!(publish("lost").await, 1);
    connection.clone().psubscribe("ro*").await.unwrap();
    next(::redis::PushKind::PSubscribe).await;
    assert_eq!(publish("lost too").await, 2);
    proxy.set(Fault::None);
    assert_eq!(publish("heard again").await, 2);
    assert_eq!(next(::redis::PushKind::Message).await, text("heard again"));
    assert_eq!(next(::redis::PushKind::PMessage).await, text("heard again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn open_connections_are_reset_once_and_go_where_they_are_sent() {
    let (one, other) = (redis::Server::start_new().await, redis::Server::start_new().await);
    let proxy = Proxy::to(&one.url()).await;
    let mut stream = connect(&proxy).await;
    proxy.reset_all();
    is_reset(&mut stream).await;
    let mut stream = connect(&proxy).await;

    proxy.reroute(&other.url());
    is_reset(&mut stream).await;
    let mut stream = connect(&proxy).await;
    stream.write_all(b"SET here 1\r\n").await.unwrap();
    stream.read_exact(&mut [0; 5]).await.unwrap();
    let found: i64 = ::redis::cmd("EXISTS")
        .arg("here")
        .query_async(&mut other.connection().await)
        .await
        .unwrap();
    assert_eq!(found, 1);
    // A server that is gone is not hidden.
    other.kill().await;
    let ends = [io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof];
    ends_with(&mut stream, &ends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn much_is_carried_whole_and_ends_in_order() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::to(&listener.local_addr().unwrap().to_string()).await;
    let sent: Vec<u8> = (0..8_000_000_u32)
        .map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1])
        .collect();
    let expected = sent.clone();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        assert!(received == expected);
        // The client has ended its direction, and is still told.
        stream.write_all(b"all of it").await.unwrap();
    });
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let faults = futures_util::stream::iter([
        Fault::Delay(Duration::from_millis(5)),
        Fault::Stall,
        Fault::Throttle {
            bytes_per_second: 50_000_000,
        },
        Fault::None,
    ]);
    let change = faults.for_each(async |fault| {
        tokio::time::sleep(Duration::from_millis(30)).await;
        proxy.set(fault);
    });
    let (write, ()) = tokio::join!(stream.write_all(&sent), change);
    write.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    timeout(wait::START, stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer, "all of it");
    server.await.unwrap();
}
