//! What a session makes of a server that the tests play.

use std::time::Duration;

use redis::IntoConnectionInfo as _;
use tokio::{
    net::{
        TcpListener,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::oneshot,
    time::timeout,
};

use super::*;
use crate::{Event, INBOX_BYTES, Subscription, hub::Publishes, redis::cluster::slot_of};

const SOON: Duration = Duration::from_secs(10);

/// The server, which has greeted a session of a cluster's. That serves what `hub` wants until it is lost.
struct Server {
    hub: Arc<Hub>,
    reader: OwnedReadHalf,
    heard: BytesMut,
    writer: OwnedWriteHalf,
    session: tokio::task::JoinHandle<Lost>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let hub = Hub::unconnected(INBOX_BYTES);
        hub.publishes(Publishes::Everything);
        let serving = Arc::clone(&hub);
        let (begun, has_begun) = oneshot::channel();
        let session = tokio::spawn(async move {
            let info = url.into_connection_info().unwrap();
            let mut session = Session::open(&info, Some(Changes::default())).await.unwrap();
            serving.begin(0);
            begun.send(()).unwrap();
            session.serve(&serving, 0).await
        });
        let (reader, writer) = listener.accept().await.unwrap().0.into_split();
        let mut server = Self {
            hub,
            reader,
            heard: BytesMut::new(),
            writer,
            session,
        };
        server.hears("HELLO").await;
        server.says("%0\r\n").await;
        has_begun.await.unwrap();
        server
    }

    /// Waits for a command with that word, and forgets what came up to it.
    async fn hears(&mut self, word: &str) {
        let hearing = async {
            loop {
                let text = String::from_utf8_lossy(&self.heard).into_owned();
                if let Some((before, _)) = text.split_once(word) {
                    let _ = self.heard.split_to(before.len() + word.len());
                    return;
                }
                let read = self.reader.read_buf(&mut self.heard).await.unwrap();
                assert!(read > 0, "closed, and not {word}");
            }
        };
        let heard = timeout(SOON, hearing).await;
        assert!(heard.is_ok(), "no {word}");
    }

    async fn says(&mut self, words: &str) {
        self.writer.write_all(words.as_bytes()).await.unwrap();
    }

    /// Subscribes to a room, which is asked for and granted.
    async fn grants(&mut self, heard: &mut Box<dyn Subscription>, room: &str) {
        heard.add(&[room]);
        self.hears("SSUBSCRIBE").await;
        self.hears(room).await;
        self.says(&push("ssubscribe", room)).await;
        assert_eq!(event(heard).await, Event::Added(room.into()));
    }
}

/// What is told of a room.
fn push(kind: &str, room: &str) -> String {
    format!(
        ">3\r\n${}\r\n{kind}\r\n${}\r\n{room}\r\n:1\r\n",
        kind.len(),
        room.len()
    )
}

fn moved_to_nowhere(room: &str) -> String {
    format!("-MOVED {} 127.0.0.1:1\r\n", slot_of(room))
}

async fn event(heard: &mut Box<dyn Subscription>) -> Event {
    let event = timeout(SOON, heard.recv()).await;
    event.expect("an event comes in time").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_asked_for_again_while_messages_come_without_a_pause() {
    let mut server = Server::start().await;
    let _heard = server.hub.subscribe(&["room:refused"]);
    server.hears("SSUBSCRIBE").await;
    server.says(&moved_to_nowhere("room:refused")).await;
    let message = ">3\r\n$8\r\nsmessage\r\n$10\r\nroom:other\r\n$1\r\nx\r\n".repeat(4096);
    let mut writer = server.writer;
    let flood = tokio::spawn(async move { while writer.write_all(message.as_bytes()).await.is_ok() {} });
    let again = async {
        let mut heard = [0; 4096];
        while server.reader.read(&mut heard).await.unwrap() > 0 {
            if String::from_utf8_lossy(&heard).contains("SSUBSCRIBE") {
                return;
            }
        }
        panic!("closed");
    };
    let asked = timeout(AGAIN * 3, again).await;
    flood.abort();
    assert!(asked.is_ok(), "it is never asked for again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_that_is_refused_after_it_was_fulfilled_costs_nothing_else() {
    let mut server = Server::start().await;
    let mut heard = server.hub.subscribe(&[]);
    assert_eq!(event(&mut heard).await, Event::Connected);
    server.grants(&mut heard, "room:given up").await;
    heard.remove(&["room:given up"]);
    server.hears("SUNSUBSCRIBE").await;
    // Its slot moves away before the wish arrives.
    let both = push("sunsubscribe", "room:given up") + &moved_to_nowhere("room:given up");
    server.says(&both).await;
    server.grants(&mut heard, "room:next").await;
    assert!(!server.session.is_finished());
}
