//! The bench itself, on a floor and on ChatFlow: it counts right. How fast they are is of no interest here.

use std::process::Command;

use serde_json::Value;
use test_support::binaries;

fn one(contender: &str) -> Value {
    let chatflow = binaries::own("edge");
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["one", "--workload", "room-single", "--contender", contender])
        .args(["--sockets", "20", "--rate", "50", "--seconds", "1", "--bins"])
        .arg(chatflow.parent().expect("programs are in a folder"))
        .output()
        .expect("the bench starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{contender}: {errors}");
    serde_json::from_slice(&output.stdout).expect("a record is JSON")
}

#[test]
fn every_socket_receives_every_message_once() {
    let mut contenders = vec!["floor-each", "floor-batched", "chatflow"];
    if send_ring::refused().is_none() {
        contenders.push("floor-uring");
    }
    for contender in contenders {
        let record = one(contender);
        let figure = |name: &str| {
            record["figures"][name]
                .as_f64()
                .unwrap_or_else(|| panic!("{name} in {record}"))
        };
        assert!(figure("messages") > 0.0, "{record}");
        assert!(
            (figure("deliveries") - 20.0 * figure("messages")).abs() < 0.5,
            "{record}"
        );
        assert!(figure("lost_sockets") < 0.5, "{record}");
        assert!(figure("server_cpu_us_per_delivery") > 0.0, "{record}");
        assert_eq!(record["notes"], Value::Array(Vec::new()));
    }
}
