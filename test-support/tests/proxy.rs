//! The fault proxy in front of a real Redis.

use std::time::Duration;

use test_support::{
    proxy::{Fault, Proxy},
    redis, wait,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

async fn ping(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"PING\r\n").await?;
    stream.read_exact(&mut [0; 7]).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_connection_goes_on_and_a_cut_one_is_lost() {
    let server = redis::Server::start_new().await;
    let proxy = Proxy::to(&server.url()).await;
    assert_eq!(proxy.url(&server.url()), format!("redis://{}", proxy.address()));
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    ping(&mut stream).await.unwrap();

    proxy.set(Fault::Stall);
    stream.write_all(b"PING\r\n").await.unwrap();
    let mut answer = [0; 7];
    timeout(Duration::from_millis(200), stream.read_exact(&mut answer))
        .await
        .expect_err("nothing arrives");
    proxy.set(Fault::Delay(Duration::from_millis(1)));
    timeout(wait::SOON, stream.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&answer, b"+PONG\r\n");

    proxy.set(Fault::Cut);
    assert!(timeout(wait::SOON, ping(&mut stream)).await.unwrap().is_err());
    // A new connection is reset too, perhaps while it is being made.
    let again = async { ping(&mut TcpStream::connect(proxy.address()).await?).await };
    assert!(timeout(wait::SOON, again).await.unwrap().is_err());
    proxy.set(Fault::None);
    ping(&mut TcpStream::connect(proxy.address()).await.unwrap())
        .await
        .unwrap();
    assert_eq!(proxy.accepted(), 3);
}
