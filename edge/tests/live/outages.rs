//! Services that can't be reached.

use edge::{socket::SocketLimits, upstream::Addresses};
use serde_json::json;
use test_support::{
    client::Socket,
    proxy::{Fault, Proxy},
    wait::SOON,
};

use crate::support::{System, message, url};

#[tokio::test(flavor = "multi_thread")]
async fn while_chat_is_away_senders_are_told_and_afterwards_it_works_again() {
    let system = System::start().await;
    let proxy = Proxy::to(&system.chat().to_string()).await;
    let chat = url(proxy.address().parse().expect("an address"));
    let at = Addresses {
        chat: chat.clone(),
        presence: url(system.presence()),
        notify: chat.clone(),
        files: chat,
    };
    let edge = system.edge_at(&at, SocketLimits::default(), true).await;
    let mut alice = edge.room("general", "alice").await;
    proxy.set(Fault::Cut);
    alice.send_json(&message("lost?", "c-1")).await;
    let told = alice.wait_for("error", SOON).await;
    assert_eq!(
        (&told["code"], &told["client_msg_id"]),
        (&json!("unavailable"), &json!("c-1"))
    );
    assert!(told["retry_after_ms"].as_u64().is_some());
    let mut late = Socket::connect(&edge.url("/ws/general/late")).await;
    assert_eq!(late.close_code(SOON).await, Some(1013));

    proxy.set(Fault::None);
    test_support::wait::until(SOON, "chat-svc is found again", async || {
        alice.send_json(&message("again", "c-1")).await;
        let frame = alice
            .wait_where("an answer", SOON, |frame| {
                frame["type"] == "ack" || frame["type"] == "error"
            })
            .await;
        frame["type"] == "ack"
    })
    .await;
}
