//! Connections that behave badly, and the end of the process.

use std::time::{Duration, Instant};

use edge::config::Access;
use test_support::{client::Socket, wait};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::app::{App, access, read_all};

async fn connect(app: &App) -> TcpStream {
    TcpStream::connect(("127.0.0.1", app.port))
        .await
        .expect("the edge accepts")
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_connections_hurt_nobody() {
    let app = App::start().await;
    let mut half_open = Vec::new();
    for nth in 0..500 {
        let mut stream = connect(&app).await;
        let begun: &[u8] = match nth % 3 {
            0 => b"GET / HTTP/1.1\r\nHo",
            1 => b"GET /ws?user_id=alice HTTP/1.1\r\nHo",
            _ => b"",
        };
        stream.write_all(begun).await.unwrap();
        half_open.push(stream);
    }
    let since = Instant::now();
    let mut dripping = connect(&app).await;
    dripping.write_all(b"GET").await.unwrap();
    let _ = app.rest.get("/api/chat/rooms").await.expect(200);
    // Whatever else the head turns out to be, it gets no more time for that.
    tokio::time::sleep(Duration::from_secs(7)).await;
    dripping.write_all(b" / HTTP/1.1\r\nHo").await.unwrap();
    // They are ended by the server, well before hyper's own 30 s.
    let last = half_open.split_off(497);
    let ended = async {
        use tokio::io::AsyncReadExt as _;
        for mut one in last {
            let _ = one.read_to_end(&mut Vec::new()).await;
        }
        let _ = dripping.read_to_end(&mut Vec::new()).await;
    };
    tokio::time::timeout(Duration::from_secs(20), ended)
        .await
        .unwrap();
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn past_the_bound_connections_are_refused_and_later_taken_again() {
    let app = App::with(Access {
        max_connections: 4,
        compression: false,
        ..access()
    })
    .await;
    let held: Vec<_> = futures_util::future::join_all((0..4).map(|_| connect(&app))).await;
    let mut fifth = connect(&app).await;
    assert!(read_all(&mut fifth).await.starts_with("HTTP/1.1 503 "));
    drop(held);
    wait::until(wait::SOON, "there is room again", async || {
        let request = app.rest.request(reqwest::Method::GET, "/livez");
        app.rest
            .try_send(request)
            .await
            .is_ok_and(|answer| answer.status == 200)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_keeps_its_place_until_it_is_over() {
    let app = App::with(Access {
        max_connections: 4,
        compression: false,
        ..access()
    })
    .await;
    let url = |user: usize| format!("ws://127.0.0.1:{}/ws/general/user-{user}", app.port);
    let mut sockets = Vec::new();
    for user in 0..3 {
        let mut socket = Socket::connect(&url(user)).await;
        socket.wait_for("user_joined", wait::SOON).await;
        sockets.push(socket);
    }
    let _fourth = connect(&app).await;
    let mut fifth = connect(&app).await;
    assert!(read_all(&mut fifth).await.starts_with("HTTP/1.1 503 "));
    drop(sockets.pop());
    wait::until(wait::SOON, "there is room again", async || {
        let request = app.rest.request(reqwest::Method::GET, "/livez");
        app.rest
            .try_send(request)
            .await
            .is_ok_and(|answer| answer.status == 200)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_and_oversized_heads_end_one_connection_only() {
    let app = App::start().await;
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200));
    for (head, status) in [
        ("\x16\x03\x01 no http\r\n\r\n", " 400 "),
        (long.as_str(), " 431 "),
        (many.as_str(), " 431 "),
    ] {
        let mut stream = connect(&app).await;
        let _ = stream.write_all(head.as_bytes()).await;
        let answer = read_all(&mut stream).await;
        assert!(answer.contains(status), "{status}: {answer}");
    }
    let _ = app.rest.get("/api/chat/rooms").await.expect(200);
}
