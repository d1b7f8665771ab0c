//! Redis goes away in every way that it can, and comes back.

mod support;

use std::time::{Duration, Instant};

use broker::{Broker, Error, Event, PUBLISH_DEADLINE, RedisBroker, Subscription};
use futures_util::FutureExt as _;
use runtime::Shutdown;
use support::{Rig, added, connect, connected, event, message, publication, subscribed};
use test_support::{ports, redis::Server, wait};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Publishes until it works, and hears it.
async fn works(broker: &Broker, heard: &mut Box<dyn Subscription>, text: &'static str) {
    broker
        .publish(vec![publication("room:general", text)])
        .await
        .expect("a broker that says it is connected publishes");
    assert_eq!(event(heard).await, message("room:general", text));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_on_the_channel_are_the_payload() {
    let rig = Rig::redis().await;
    let mut raw = TcpStream::connect(("127.0.0.1", rig.server().port()))
        .await
        .unwrap();
    raw.write_all(b"SUBSCRIBE room:general\r\n").await.unwrap();
    let mut read = async |expected: &[u8]| {
        let mut bytes = vec![0; expected.len()];
        tokio::time::timeout(wait::SOON, raw.read_exact(&mut bytes))
            .await
            .expect("Redis writes in time")
            .unwrap();
        assert_eq!(
            bytes.escape_ascii().to_string(),
            expected.escape_ascii().to_string()
        );
    };
    read(b"*3\r\n$9\r\nsubscribe\r\n$12\r\nroom:general\r\n:1\r\n").await;
    connected(&rig.broker, true).await;
    let frame = "{\"type\":\"message\",\"content\":\"\u{e4}\"}";
    rig.broker
        .publish(vec![publication("room:general", frame)])
        .await
        .unwrap();
    read(
        format!(
            "*3\r\n$7\r\nmessage\r\n$12\r\nroom:general\r\n${}\r\n{frame}\r\n",
            frame.len()
        )
        .as_bytes(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_start_later() {
    let server = Server::start_new().await;
    server.stop().await;
    let shutdown = Shutdown::new();
    let broker = connect(&server, &shutdown);
    let mut heard = broker.subscribe(&["room:*", "presence"]);
    let refused = broker.publish(vec![publication("room:general", "early")]).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert!(!*broker.connected().borrow());
    server.start().await;
    assert_eq!(event(&mut heard).await, Event::Connected);
    assert!(*broker.connected().borrow());
    works(&broker, &mut heard, "late").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_and_comes_back_empty_is_used_again() {
    let rig = Rig::redis().await;
    let mut rooms = subscribed(&rig.broker, &["room:*"]).await;
    let mut presence = subscribed(&rig.broker, &["presence"]).await;
    for round in ["one", "two", "three"] {
        works(&rig.broker, &mut rooms, round).await;
        rig.server().kill().await;
        assert_eq!(event(&mut rooms).await, Event::Interrupted);
        assert_eq!(event(&mut presence).await, Event::Interrupted);
        connected(&rig.broker, false).await;
        let refused = rig
            .broker
            .publish(vec![publication("room:general", "lost")])
            .await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
        // Who subscribes meanwhile hears that it works, once it does.
        let mut newcomer = rig.broker.subscribe(&["presence", "user:*"]);
        rig.server().start().await;
        for subscription in [&mut rooms, &mut presence, &mut newcomer] {
            assert_eq!(event(subscription).await, Event::Connected);
        }
        connected(&rig.broker, true).await;
        rig.broker
            .publish(vec![publication("presence", round)])
            .await
            .unwrap();
        assert_eq!(event(&mut presence).await, message("presence", round));
        assert_eq!(event(&mut newcomer).await, message("presence", round));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_redis_is_noticed_and_used_again_once_it_thaws() {
    let rig = Rig::redis().await;
    let mut heard = subscribed(&rig.broker, &["room:*"]).await;
    rig.server().pause();
    // The connection stays open: only silence tells.
    let began = Instant::now();
    let publishing = rig
        .broker
        .publish(vec![publication("room:general", "void")])
        .await;
    assert!(matches!(publishing, Err(Error::Unavailable(_))), "{publishing:?}");
    assert!(began.elapsed() < PUBLISH_DEADLINE + Duration::from_secs(1));
    assert_eq!(event(&mut heard).await, Event::Interrupted);
    connected(&rig.broker, false).await;
    // Known to be down: nobody waits for the deadline.
    let began = Instant::now();
    for _ in 0..50 {
        rig.broker
            .publish(vec![publication("room:general", "void")])
            .await
            .unwrap_err();
    }
    assert!(began.elapsed() < PUBLISH_DEADLINE);
    rig.server().resume();
    assert_eq!(event(&mut heard).await, Event::Connected);
    works(&rig.broker, &mut heard, "thawed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_accepts_and_never_answers_is_not_a_connection() {
    let hole = TcpListener::bind(("127.0.0.1", ports::free())).await.unwrap();
    let url = format!("redis://{}", hole.local_addr().unwrap());
    let broker = Broker::new(RedisBroker::connect(&url.parse().unwrap(), &Shutdown::new()));
    // It tries, gives up, and tries again.
    let mut held = Vec::new();
    for _ in 0..2 {
        let accepted = tokio::time::timeout(wait::SOON, hole.accept()).await;
        held.push(accepted.expect("another attempt").unwrap());
        assert!(!*broker.connected().borrow());
        let refused = broker.publish(vec![publication("room:general", "void")]).await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_not_trace_hears_and_publishes_everything_else() {
    let server = Server::start_new().await;
    redis_does(&server, "ACL SETUSER limited on >secret +@all &room:* &presence").await;
    let url = format!("redis://limited:secret@127.0.0.1:{}", server.port());
    let shutdown = Shutdown::new();
    let broker = Broker::new(RedisBroker::connect(&url.parse().unwrap(), &shutdown));
    let mut heard = subscribed(&broker, &["room:*", "presence", "trace:*"]).await;
    connected(&broker, true).await;
    let both = vec![
        publication("trace:general", "hint"),
        publication("room:general", "frame"),
    ];
    broker
        .publish(both.clone())
        .await
        .expect("the frame is published");
    assert_eq!(event(&mut heard).await, message("room:general", "frame"));
    // What is no extra is told.
    let refused = broker.publish(vec![publication("user:alice", "x")]).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");

    heard.add(&["trace:late"]);
    // Asked for later: once it is confirmed, the other one was denied.
    heard.add(&["room:late"]);
    assert_eq!(event(&mut heard).await, added("room:late"));
    redis_does(&server, "ACL SETUSER limited &trace:*").await;
    heard.remove(&["trace:late"]);
    heard.add(&["trace:late"]);
    assert_eq!(event(&mut heard).await, added("trace:late"));
    server.kill_clients().await;
    assert_eq!(event(&mut heard).await, Event::Interrupted);
    assert_eq!(event(&mut heard).await, Event::Connected);
    broker.publish(both).await.unwrap();
    assert_eq!(event(&mut heard).await, message("trace:general", "hint"));
    assert_eq!(event(&mut heard).await, message("room:general", "frame"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loss_of_the_subscribing_connection_alone_is_told() {
    let rig = Rig::redis().await;
    let mut heard = subscribed(&rig.broker, &["presence"]).await;
    heard.add(&["room:general"]);
    assert_eq!(event(&mut heard).await, added("room:general"));
    for text in ["one", "two"] {
        redis_does(rig.server(), "CLIENT KILL TYPE pubsub").await;
        assert_eq!(event(&mut heard).await, Event::Interrupted);
        assert_eq!(event(&mut heard).await, Event::Connected);
        works(&rig.broker, &mut heard, text).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_speak_like_redis_is_given_up_and_tried_again() {
    let other = TcpListener::bind(("127.0.0.1", ports::free())).await.unwrap();
    let url = format!("redis://{}", other.local_addr().unwrap());
    let broker = Broker::new(RedisBroker::connect(&url.parse().unwrap(), &Shutdown::new()));
    let mut heard = broker.subscribe(&["room:*"]);
    for _ in 0..6 {
        let accepted = tokio::time::timeout(wait::SOON, other.accept()).await;
        let (mut stream, _) = accepted.expect("another attempt").unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    }
    assert!(heard.recv().now_or_never().is_none(), "nothing is told of it");
    assert!(!*broker.connected().borrow());
}

async fn redis_does(server: &Server, command: &str) {
    let mut words = command.split(' ');
    let mut command = redis::cmd(words.next().expect("a command"));
    for word in words {
        command.arg(word);
    }
    let mut connection = server.connection().await;
    let done = command.query_async::<()>(&mut connection).await;
    done.expect("Redis does it");
}

/// Why connecting fails.
async fn refusal(broker: &Broker) -> String {
    wait::eventually(wait::SOON, "connecting is refused", async || {
        let Err(Error::Unavailable(told)) = broker.publish(vec![publication("a", "b")]).await else {
            panic!("published with a wrong password");
        };
        (told != "connecting").then_some(told)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_without_it() {
    let server = Server::start_new().await;
    let url = server.url().replace("redis://", "redis://someone:hunter2@");
    let url: broker::BrokerUrl = url.parse().unwrap();
    let broker = Broker::new(RedisBroker::connect(&url, &Shutdown::new()));
    let told = refusal(&broker).await;
    assert!(told.contains("WRONGPASS"), "{told}");
    let printed = format!("{told} {url} {url:?} {broker:?}");
    assert!(
        !printed.contains("hunter2") && !printed.contains("someone"),
        "{printed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_repeats_the_password_is_not_repeated() {
    let old = TcpListener::bind(("127.0.0.1", ports::free())).await.unwrap();
    let url = format!("redis://someone:hunter2@{}", old.local_addr().unwrap());
    tokio::spawn(async move {
        let answer =
            b"-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'someone' 'hunter2'\r\n";
        while let Ok((mut stream, _)) = old.accept().await {
            let _ = stream.read_u8().await;
            let _ = stream.write_all(&answer.repeat(4)).await;
        }
    });
    let broker = Broker::new(RedisBroker::connect(&url.parse().unwrap(), &Shutdown::new()));
    let told = refusal(&broker).await;
    assert!(told.contains("unknown command"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_waits_for_no_connection_and_publishing_goes_on_while_draining() {
    let rig = Rig::redis().await;
    let mut heard = subscribed(&rig.broker, &["room:*"]).await;
    rig.shutdown.begin();
    works(&rig.broker, &mut heard, "draining").await;
    let began = Instant::now();
    rig.shutdown.finish().await;
    assert!(
        began.elapsed() < runtime::shutdown::DRAIN,
        "the shutdown waited until its time was up"
    );
    works(&rig.broker, &mut heard, "last words").await;
}
