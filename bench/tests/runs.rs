//! The bench itself, on a floor and on ChatFlow: it counts right. How fast they are is of no interest here.

use std::process::Command;

use serde_json::Value;
use test_support::binaries;

/// The figures of one run, whose record has no notes.
struct Figures(Value);

impl Figures {
    fn of(&self, name: &str) -> f64 {
        self.0["figures"][name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name} in {}", self.0))
    }
}

fn one(contender: &str, workload: &str, size: &[&str]) -> Figures {
    let chatflow = binaries::own("edge");
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["one", "--workload", workload, "--contender", contender, "--bins"])
        .arg(chatflow.parent().expect("programs are in a folder"))
        .args(["--seconds", "1"])
        .args(size)
        .output()
        .expect("the bench starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{contender}: {errors}");
    let record: Value = serde_json::from_slice(&output.stdout).expect("a record is JSON");
    assert_eq!(record["notes"], Value::Array(Vec::new()));
    assert!(record["circumstances"]["date"].is_string(), "{record}");
    Figures(record)
}

fn contenders() -> Vec<&'static str> {
    let mut contenders = vec!["floor-each", "floor-batched", "chatflow"];
    if send_ring::refused().is_none() {
        contenders.push("floor-uring");
    }
    contenders
}

#[test]
fn every_socket_receives_every_message_once() {
    for contender in contenders() {
        let figures = one(contender, "room-single", &["--sockets", "20", "--rate", "50"]);
        assert!(figures.of("messages") > 0.0);
        assert!((figures.of("deliveries") - 20.0 * figures.of("messages")).abs() < 0.5);
        assert!(figures.of("lost_sockets") < 0.5 && figures.of("incomplete_messages") < 0.5);
        assert!(figures.of("server_cpu_us_per_delivery") > 0.0);
    }
}

#[test]
fn senders_send_to_a_room_several_at_once() {
    for contender in ["floor-batched", "floor-batched+chat", "chatflow"] {
        let figures = one(
            contender,
            "small-rooms",
            &["--sockets", "2000", "--room-size", "2"],
        );
        assert!((figures.of("deliveries") - 2.0 * figures.of("messages")).abs() < 0.5);
        assert!(figures.of("lost_sockets") < 0.5);
        let found = figures.of("deliveries_per_read");
        assert!(found > 2.0, "{contender}: {found} messages in a read");
    }
}

#[test]
fn senders_are_not_held_back() {
    let figures = one("chatflow", "send", &[]);
    for name in ["websocket_1", "grpc_1"] {
        // One after the other, each as soon as the last is acknowledged, for a second.
        let (messages, each) = (
            figures.of(&format!("{name}_messages")),
            figures.of(&format!("{name}_p50_ms")),
        );
        assert!(
            messages * each > 300.0,
            "{name}: {messages} in a second, {each} ms each"
        );
    }
    assert!(figures.of("bare_lone_p99_ms") > 0.0 && figures.of("lone_p99_by_2_bare_and_1_ms") > 0.0);
}
