//! 10,000 connections that never finish a request: others are answered promptly all the while, and the server sheds the
//! half-open ones by itself.

use std::time::Duration;

use e2e::stack::settle;
use futures_util::{StreamExt as _, stream};
use test_support::{
    client::{Rest, Socket},
    cluster::AllInOne,
    open_files, wait,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Fewer only where the hard limit of open files is lower: the test prints how many there were.
const WANTED: usize = 10_000;

/// What a process keeps open besides.
const SPARE: usize = 500;

async fn half_open(authority: &str, n: usize) -> TcpStream {
    let mut stream = TcpStream::connect(authority)
        .await
        .unwrap_or_else(|error| panic!("connection {n}: {error}"));
    let start: &[u8] = match n % 3 {
        0 => b"",
        1 => b"GET /api/chat/ro",
        _ => b"POST /api/chat/rooms HTTP/1.1\r\nhost: x\r\ncontent-le",
    };
    stream
        .write_all(start)
        .await
        .unwrap_or_else(|error| panic!("connection {n}: {error}"));
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_half_open_connections_disturb_nobody_and_are_shed() {
    let chat = AllInOne::start().await;
    let server = chat.process.pid().expect("it runs");
    let files = open_files::allow(std::process::id()).min(open_files::allow(server));
    let count = WANTED.min(files.saturating_sub(SPARE));
    println!("{count} half-open connections");
    let authority = chat.base_url().replacen("http://", "", 1);
    let connections: Vec<TcpStream> = stream::iter(0..count)
        .map(|n| half_open(&authority, n))
        .buffer_unordered(64)
        .collect()
        .await;
    assert_eq!(connections.len(), count);

    // A stranger comes in the middle of it.
    let rest = Rest::new(chat.base_url());
    let answer = timeout(wait::SOON, rest.get("/api/chat/rooms"))
        .await
        .expect("REST answers");
    let _ = answer.expect(200);
    let mut alice = Socket::connect(&chat.ws_url("/ws/general/alice?username=alice")).await;
    settle(&mut alice).await;

    let shed = stream::iter(connections).map(|mut stream| async move {
        let mut rest = Vec::new();
        // The end, or a reset, is the server's.
        timeout(Duration::from_secs(90), stream.read_to_end(&mut rest))
            .await
            .is_ok()
    });
    let open = shed
        .buffer_unordered(count)
        .filter(|ended| std::future::ready(!ended))
        .count()
        .await;
    assert_eq!(open, 0, "half-open connections are still there");
    settle(&mut alice).await;
    assert_eq!(chat.process.pid(), Some(server), "the process lives on");
}
