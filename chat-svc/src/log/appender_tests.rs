use std::{collections::HashMap, future::Future, pin::Pin, sync::Mutex};

use broker::{Broker, Event};
use futures_util::{future::join_all, poll};
use jiff::Timestamp;
use proto::trace_hint::TraceHint;
use runtime::trace::{Parent, SpanKind, TraceSettings};

use super::*;
use crate::{message::NewMessage, store};

/// A log of sends in memory, by the clients' names of them.
#[derive(Debug, Clone, Default)]
struct Sends(Arc<Mutex<HashMap<String, Message>>>);

impl Log for Sends {
    async fn commit(&self, batch: Vec<Change>, _: &Clock) -> Result<Vec<Result<Committed>>> {
        let mut log = self.0.lock().unwrap();
        let mut commit = |change| {
            let Change::Send(new) = change else {
                unreachable!("only sends come here")
            };
            let name = new.client_msg_id.clone().unwrap();
            let seq = log.len() as u64 + 1;
            let repeated = log.contains_key(&name);
            let message = log.entry(name).or_insert_with(|| stored(new, seq)).clone();
            Ok(Committed { message, repeated })
        };
        Ok(batch.into_iter().map(&mut commit).collect())
    }

    async fn history(&self, _: &str, _: store::Span, _: &store::Head, _: u32) -> Result<Vec<Message>> {
        Ok(Vec::new())
    }

    async fn changes(&self, _: &str, _: (u64, u64), _: &store::Head, _: u32) -> Result<Vec<Message>> {
        Ok(Vec::new())
    }

    async fn was_of(&self, _: &str, _: u64, _: &str) -> Result<bool> {
        Ok(true)
    }
}

fn stored(new: NewMessage, seq: u64) -> Message {
    Message {
        id: seq.to_string(),
        room_id: new.room_id,
        user_id: new.user_id,
        username: new.username,
        content: new.content,
        message_type: new.message_type,
        file_url: new.file_url,
        created_at: Timestamp::UNIX_EPOCH,
        seq,
        change_seq: seq,
        client_msg_id: new.client_msg_id,
        edited_at: None,
        deleted: false,
    }
}

fn send(name: &str) -> Change {
    Change::Send(NewMessage {
        room_id: "general".to_owned(),
        user_id: "alice".to_owned(),
        username: "Alice".to_owned(),
        content: "hi".to_owned(),
        message_type: "text".to_owned(),
        file_url: None,
        client_msg_id: Some(name.to_owned()),
    })
}

fn start(broker: &Broker) -> Appender {
    let shutdown = Shutdown::new();
    let parts = Parts {
        store: Sends::default(),
        clock: Clock::system(),
        publisher: Publisher::start(broker.clone(), &shutdown),
        mentioned: Arc::default(),
    };
    Appender::start(&parts, 1, &shutdown)
}

/// Turns tracing on; nobody hears what is told.
fn trace() {
    let settings = TraceSettings {
        otel_exporter_otlp_endpoint: Some("http://127.0.0.1:1".to_owned()),
        otel_traces_sampler_arg: String::new(),
    };
    settings.check().unwrap().start("test", "0").unwrap();
}

/// A send as part of a trace; of none where there is no digit for one.
fn sending(appender: &Appender, name: &str, digit: Option<char>) -> Pin<Box<dyn Future<Output = u64>>> {
    let traceparent = digit.map(|digit| format!("00-{}-00f067aa0ba902b7-01", trace_id(digit)));
    let call = Parent::remote(&traceparent.unwrap_or_default()).child(SpanKind::Server, "call");
    assert_eq!(call.is_recording(), digit.is_some());
    let (appender, change) = (appender.clone(), send(name));
    let task = call.scope(async move { appender.append(change).await.unwrap().message.seq });
    Box::pin(task)
}

fn trace_id(digit: char) -> String {
    digit.to_string().repeat(32)
}

/// What was published, in its order: the seqs of frames, and those of hints with their traces.
async fn published(broker: &Broker, heard: &mut Box<dyn broker::Subscription>) -> Vec<(u64, Option<String>)> {
    let end = broker::Publication {
        channel: "room:end".to_owned(),
        payload: "{}".into(),
    };
    // The publisher is a task of this thread: it has published what it has when it waits again.
    tokio::task::yield_now().await;
    broker.publish(vec![end]).await.unwrap();
    let mut all = Vec::new();
    loop {
        match heard.recv().await {
            Some(Event::Message(told)) if told.channel() == "room:end" => return all,
            Some(Event::Message(told)) if told.channel() == "trace:general" => {
                let hint: TraceHint = serde_json::from_slice(told.payload()).unwrap();
                let [_, trace, span, _] = hint.traceparent.split('-').collect::<Vec<_>>()[..] else {
                    panic!("a traceparent: {hint:?}");
                };
                assert_ne!(span, "00f067aa0ba902b7", "the publication's own");
                all.push((hint.seq, Some(trace.to_owned())));
            }
            Some(Event::Message(told)) => {
                let frame: serde_json::Value = serde_json::from_slice(told.payload()).unwrap();
                all.push((frame["seq"].as_u64().unwrap(), None));
            }
            Some(_) => {}
            None => panic!("the broker lives"),
        }
    }
}

#[tokio::test]
async fn each_change_of_a_batch_keeps_its_own_trace() {
    trace();
    let broker = Broker::memory();
    let mut heard = broker.subscribe(&["room:*", "trace:*"]);
    let appender = start(&broker);
    let mut waiting = Vec::new();
    for (name, trace, gives_up) in [
        ("one", Some('a'), false),
        ("two", None, false),
        ("gone", Some('b'), true),
        ("one", Some('c'), false),
        ("three", Some('d'), false),
        ("two", None, false),
        ("four", Some('e'), false),
    ] {
        // Each is queued when it is polled, and the committer runs only when this task waits.
        let mut send = sending(&appender, name, trace);
        assert!(poll!(&mut send).is_pending());
        if !gives_up {
            waiting.push(send);
        }
    }
    assert_eq!(join_all(waiting).await, [1, 2, 1, 3, 2, 4]);
    let hint = |seq, digit| (seq, Some(trace_id(digit)));
    let expected = [
        hint(1, 'a'),
        (1, None),
        (2, None),
        hint(3, 'd'),
        (3, None),
        hint(4, 'e'),
        (4, None),
    ];
    assert_eq!(published(&broker, &mut heard).await, expected);
}

#[tokio::test]
async fn a_message_that_is_sent_again_is_published_once() {
    trace();
    let broker = Broker::memory();
    let mut heard = broker.subscribe(&["room:*", "trace:*"]);
    let appender = start(&broker);
    assert_eq!(sending(&appender, "one", Some('a')).await, 1);
    assert_eq!(sending(&appender, "one", Some('b')).await, 1);
    let expected = [(1, Some(trace_id('a'))), (1, None)];
    assert_eq!(published(&broker, &mut heard).await, expected);
}
