//! One message, followed from socket to socket as one trace; and nobody notices when nobody listens to traces.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use e2e::stack::{PROGRAMS, fresh, say, settle};
use serde_json::Value;
use test_support::{
    client::{Rest, Socket},
    cluster::{AllInOne, Cluster, Part},
    collector::{Collector, Span},
    process::Process,
    wait,
};
use tokio::net::TcpListener;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const RATIO: &str = "OTEL_TRACES_SAMPLER_ARG";

/// What nobody but the people in the room may read.
const CONTENT: &str = "the treasure lies under the old oak";

/// How long a process may take to stop.
const STOP: Duration = Duration::from_secs(5);

async fn join(cluster: &Cluster, edge: usize, user: &str) -> Socket {
    let url = cluster.ws_url(edge, &format!("/ws/general/{user}?username={user}&after_seq=0"));
    let mut socket = Socket::connect(&url).await;
    settle(&mut socket).await;
    socket
}

/// The trace of the message that was acked so, once so many of its deliveries were told of and its root was.
async fn trace_of(collector: &Collector, ack: &Value, deliveries: usize) -> Vec<Span> {
    let name = ack["client_msg_id"].as_str().expect("a name");
    let is_root = |span: &Span| {
        span.attributes
            .get("chatflow.client_msg_id")
            .is_some_and(|it| it == name)
    };
    wait::eventually(wait::SOON, "the whole trace", async || {
        let root = collector.spans().into_iter().find(is_root)?;
        let trace = collector.trace(&root.trace_id);
        // The server's end of a call, and its publication, are told by another process than the root.
        let is_whole = named(&trace, "deliver").len() == deliveries
            && named(&trace, "publish").len() == 1
            && named(&trace, SEND).len() == 2;
        is_whole.then_some(trace)
    })
    .await
}

const SEND: &str = "chatflow.chat.v1.ChatService/SendMessage";

fn named<'a>(trace: &'a [Span], name: &str) -> Vec<&'a Span> {
    trace.iter().filter(|span| span.name == name).collect()
}

fn only<'a>(trace: &'a [Span], name: &str) -> &'a Span {
    match named(trace, name)[..] {
        [span] => span,
        ref others => panic!("one {name}, not {others:?}"),
    }
}

/// Checks the tree of one message's trace, and returns its deliveries.
fn tree<'a>(trace: &'a [Span], ack: &Value) -> Vec<&'a Span> {
    let root = only(trace, "send message");
    assert_eq!(root.parent_id, "");
    assert_eq!(root.attributes["chatflow.room_id"], "general");
    assert_eq!(root.attributes["chatflow.seq"], ack["seq"].to_string());
    assert_eq!(root.events, ["ack"]);
    let calls = named(trace, SEND);
    let client = calls
        .iter()
        .find(|call| call.parent_id == root.id)
        .expect("the edge's call");
    let server = calls
        .iter()
        .find(|call| call.parent_id == client.id)
        .expect("its other end");
    for call in [client, server] {
        assert_eq!(call.attributes["rpc.system"], "grpc");
        assert_eq!(call.attributes["rpc.method"], "SendMessage");
        assert_eq!(call.attributes["rpc.grpc.status_code"], "0");
    }
    assert_eq!(
        root.attributes["chatflow.request_id"],
        server.attributes["chatflow.request_id"]
    );
    let (waiting, commit, publish) = (
        only(trace, "wait for commit"),
        only(trace, "commit"),
        only(trace, "publish"),
    );
    for step in [waiting, commit, publish] {
        assert_eq!(step.parent_id, server.id, "{}", step.name);
        assert_eq!(step.service, server.service);
    }
    assert_eq!(commit.attributes["chatflow.batch_size"], "1");
    assert!(waiting.time.1 <= commit.time.0 && commit.time.1 <= publish.time.0);
    let deliveries = named(trace, "deliver");
    for delivery in &deliveries {
        assert_eq!(delivery.parent_id, publish.id);
        assert_eq!(delivery.attributes["chatflow.room_id"], "general");
        assert_eq!(delivery.attributes["chatflow.seq"], ack["seq"].to_string());
        assert_eq!(delivery.attributes["chatflow.sockets"], "1");
    }
    assert_eq!(trace.len(), 6 + deliveries.len(), "and nothing else: {trace:#?}");
    assert!(!trace.iter().any(|span| span.failed), "{trace:#?}");
    deliveries
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_one_trace_over_all_processes() {
    let mut collector = Collector::start_new().await;
    let cluster = Cluster::builder()
        .edges(2)
        .env_of_all(ENDPOINT, &collector.url())
        .start()
        .await;
    let mut alice = join(&cluster, 0, "alice").await;
    let mut bob = join(&cluster, 1, "bob").await;
    from_socket_to_socket(&cluster, &collector, &mut alice, &mut bob).await;
    a_request_is_a_trace_whose_id_is_in_the_log(&cluster, &collector).await;
    traces_begin_where_people_ask_for_something(&cluster, &collector, &mut alice).await;
    without_a_collector_messages_go_on(&cluster, &mut collector, &mut alice, &mut bob).await;
    processes_stop_in_time_beside_a_collector_that_hangs(&cluster, &mut collector, alice).await;
}

async fn from_socket_to_socket(
    cluster: &Cluster,
    collector: &Collector,
    alice: &mut Socket,
    bob: &mut Socket,
) {
    let ack = say(alice, CONTENT).await;
    assert_eq!(bob.wait_for("message", wait::SOON).await["seq"], ack["seq"]);
    let trace = trace_of(collector, &ack, 2).await;
    let deliveries = tree(&trace, &ack);
    let edges: BTreeSet<&str> = deliveries.iter().map(|span| span.instance.as_str()).collect();
    assert_eq!(edges.len(), 2, "each edge delivers: {deliveries:#?}");
    let root = only(&trace, "send message");
    assert!(
        edges.contains(&*root.instance),
        "the sender's edge is one of them"
    );
    for edge in 0..2 {
        let pid = cluster.edge(edge).pid().expect("it runs");
        assert!(
            edges
                .iter()
                .any(|instance| instance.ends_with(&format!("-{pid}")))
        );
    }
    let services: BTreeSet<&str> = trace.iter().map(|span| span.service.as_str()).collect();
    assert_eq!(services, BTreeSet::from(["chat-svc", "edge"]));
    for span in collector.spans() {
        assert!(!format!("{span:?}").contains("treasure"), "{span:?}");
    }
}

async fn a_request_is_a_trace_whose_id_is_in_the_log(cluster: &Cluster, collector: &Collector) {
    const ROUTE: &str = "GET /api/chat/rooms/{room_id}/messages";
    const HISTORY: &str = "chatflow.chat.v1.ChatService/History";
    let id = fresh("request");
    let rest = Rest::new(cluster.base_url(0));
    let strangers = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = rest
        .request(reqwest::Method::GET, "/api/chat/rooms/general/messages")
        .header("x-request-id", &id)
        .header("traceparent", format!("00-{strangers}-00f067aa0ba902b7-01"));
    let _ = rest.send(request).await.expect(200);
    let is_ours = |span: &Span| {
        span.attributes
            .get("chatflow.request_id")
            .is_some_and(|it| *it == id)
    };
    // Both ends of what it asks chat-svc.
    let trace = wait::eventually(wait::SOON, "the trace of the request", async || {
        let spans = collector.spans();
        let root = spans.iter().find(|span| span.name == ROUTE && is_ours(span))?;
        let trace = collector.trace(&root.trace_id);
        (named(&trace, HISTORY).len() == 2).then_some(trace)
    })
    .await;
    let root = only(&trace, ROUTE);
    assert_eq!(root.parent_id, "");
    assert_ne!(root.trace_id, strangers, "what a client says is not gone on with");
    assert_eq!(
        root.attributes["http.route"],
        "/api/chat/rooms/{room_id}/messages"
    );
    assert_eq!(root.attributes["http.request.method"], "GET");
    assert_eq!(root.attributes["http.response.status_code"], "200");
    for process in [cluster.edge(0), cluster.chat(0)] {
        let line = process.output().wait_for(&id, wait::SOON).await;
        let line: Value = serde_json::from_str(&line).expect("a JSON line");
        let told = [&line["trace_id"], &line["span"]["trace_id"]];
        assert!(told.contains(&&Value::from(root.trace_id.as_str())), "{line}");
    }
}

/// Beats, comparisons and health are in no trace.
async fn traces_begin_where_people_ask_for_something(
    cluster: &Cluster,
    collector: &Collector,
    alice: &mut Socket,
) {
    for method in ["Heads", "HeartbeatMany"] {
        wait::until(wait::START, "it comes by the clock", async || {
            metrics(cluster.edge(0)).await.lines().any(|line| {
                line.starts_with("chatflow_grpc_client_seconds_count{")
                    && line.contains(&format!("method=\"{method}\""))
            })
        })
        .await;
    }
    // Once this is told, so is what was before it.
    let ack = say(alice, "by the clock").await;
    trace_of(collector, &ack, 2).await;
    for span in collector.spans() {
        let is_root = span.parent_id.is_empty();
        let asked = span.name == "send message" || span.name.contains(" /");
        assert_eq!(is_root, asked, "{span:?}");
        for machine in ["grpc.", "/Heads", "/HeartbeatMany", "livez", "readyz", "/health"] {
            assert!(!span.name.contains(machine), "{span:?}");
        }
    }
}

const DON_T_REACH: &str = "traces don't reach the collector";

async fn metrics(process: &Process) -> String {
    let answer = process.get("/metrics").await.expect("an answer");
    answer.text().await.expect("a body")
}

/// How many spans a process has dropped, by its metrics.
async fn dropped(process: &Process) -> u64 {
    let text = metrics(process).await;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("chatflow_trace_spans_total{outcome=\"dropped\"} "));
    line.map_or(0, |count| count.parse().expect("a number"))
}

async fn without_a_collector_messages_go_on(
    cluster: &Cluster,
    collector: &mut Collector,
    alice: &mut Socket,
    bob: &mut Socket,
) {
    collector.stop().await;
    let mut before = 0;
    for round in 0..3 {
        let ack = say(alice, &format!("nobody listens {round}")).await;
        let frame = bob
            .wait_where("it", wait::SOON, |frame| frame["seq"] == ack["seq"])
            .await;
        assert_eq!(frame["content"], format!("nobody listens {round}"));
        wait::until(wait::SOON, "its spans are dropped", async || {
            dropped(cluster.edge(0)).await > before
        })
        .await;
        before = dropped(cluster.edge(0)).await;
    }
    let lines = cluster.edge(0).output().matching(DON_T_REACH);
    assert_eq!(lines.len(), 1, "told once: {lines:#?}");
    collector.start().await;
    wait::until(wait::START, "all reach it again", async || {
        let _ = say(alice, "who listens?").await;
        let reaches = |process: &Process| process.output().contains("traces reach the collector again");
        [cluster.edge(0), cluster.edge(1), cluster.chat(0)].map(reaches) == [true; 3]
    })
    .await;
    let ack = say(alice, "somebody listens again").await;
    tree(&trace_of(collector, &ack, 2).await, &ack);
}

async fn processes_stop_in_time_beside_a_collector_that_hangs(
    cluster: &Cluster,
    collector: &mut Collector,
    mut alice: Socket,
) {
    // What waits when a process stops is told still.
    let ack = say(&mut alice, "the last words").await;
    cluster.process(Part::Chat(0)).terminate(STOP).await;
    let of_chat = |span: &&Span| {
        span.name == "publish"
            && span.attributes.get("chatflow.seq").map(String::as_str) == Some(&*ack["seq"].to_string())
    };
    assert_eq!(collector.spans().iter().filter(of_chat).count(), 1);

    collector.stop().await;
    // Accepts, and never says a word.
    let silent = TcpListener::bind(collector.address()).await.expect("its port");
    cluster.process(Part::Chat(0)).start();
    cluster.process(Part::Chat(0)).wait_ready(wait::START).await;
    let _ = say(&mut alice, "into the void").await;
    alice.close().await;
    for part in cluster.parts() {
        let status = cluster.process(part).terminate(STOP).await;
        assert!(status.success(), "{part}: {status}");
    }
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_all_in_one_tells_of_the_same_way() {
    let collector = Collector::start_new().await;
    // Of the other standard variables its name counts; those that can't be used turn nothing off.
    let settings = |process: test_support::process::Builder| {
        process
            .env(ENDPOINT, collector.url())
            .env("OTEL_SERVICE_NAME", "our chat")
            .env("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=the-one")
            .env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
            .env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "nowhere")
            .env("OTEL_EXPORTER_OTLP_TIMEOUT", "long")
            .env("OTEL_BSP_MAX_QUEUE_SIZE", "none")
            .env("OTEL_TRACES_SAMPLER", "always_off")
    };
    let chat = AllInOne::start_with(settings).await;
    let mut alice = Socket::connect(&chat.ws_url("/ws/general/alice?username=alice")).await;
    settle(&mut alice).await;
    let ack = say(&mut alice, CONTENT).await;
    let trace = trace_of(&collector, &ack, 1).await;
    tree(&trace, &ack);
    for span in &trace {
        assert_eq!((&*span.service, &*span.instance), ("our chat", "the-one"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_is_not_sampled_nothing_is_told() {
    let collector = Collector::start_new().await;
    let settings =
        |process: test_support::process::Builder| process.env(ENDPOINT, collector.url()).env(RATIO, "0.0");
    let chat = AllInOne::start_with(settings).await;
    let mut alice = Socket::connect(&chat.ws_url("/ws/general/alice?username=alice")).await;
    settle(&mut alice).await;
    let _ = say(&mut alice, CONTENT).await;
    let _ = Rest::new(chat.base_url())
        .get("/api/chat/rooms")
        .await
        .expect(200);
    alice.close().await;
    // What there was to tell would be told now.
    chat.process.terminate(STOP).await;
    assert_eq!(collector.spans(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_a_process_that_still_has_spans_to_tell() {
    // Accepts, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let collector = format!("http://{}", silent.local_addr().expect("an address"));
    for drained in [false, true] {
        let chat = AllInOne::start_with(|process| process.env(ENDPOINT, &collector)).await;
        let _ = Rest::new(chat.base_url())
            .get("/api/chat/rooms")
            .await
            .expect(200);
        chat.process.signal("TERM");
        chat.process
            .output()
            .wait_for("again to stop at once", wait::SOON)
            .await;
        if drained {
            wait::until(wait::SOON, "it takes nothing any more", async || {
                chat.process.get("/livez").await.is_none()
            })
            .await;
        }
        let second = Instant::now();
        chat.process.signal("TERM");
        chat.process.exited(wait::SOON).await;
        let took = second.elapsed();
        assert!(took < Duration::from_millis(700), "drained: {drained}: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_can_t_be_used_are_refused() {
    for binary in PROGRAMS {
        let process = Process::builder(binary)
            .env(ENDPOINT, "https://collector:4317")
            .env(RATIO, "much")
            .spawn();
        assert_eq!(process.exited(wait::SOON).await.code(), Some(64), "{binary}");
        for name in [ENDPOINT, RATIO] {
            assert!(
                process.output().contains(&format!("  {name}: ")),
                "{binary}: {name}"
            );
        }
    }
}
