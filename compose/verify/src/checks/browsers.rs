//! Two people in two browsers, on two replicas of edge, through the gateway.

use e2e::browser::{Driver, Tab, hook, message_in_state};
use test_support::wait;

use crate::{
    shell::Shell,
    stack::{self, GATEWAY, SOON},
};

/// They see each other's messages, files and presence; pictures of both are kept.
pub async fn chat_with_each_other(shell: Shell) {
    let driver = Driver::start().await;
    let (alice, bob) = tokio::join!(driver.browser("alice"), driver.browser("bob"));
    tokio::join!(join(&alice, "Alice"), join(&bob, "Bob"));
    let apart = async || {
        let shares = stack::metric(&shell, "edge", 8092, "chatflow_edge_connections", "").await;
        shares.values().filter(|share| **share > 0.0).count() >= 2
    };
    wait::until(SOON, "the two sockets are on two edges", apart).await;
    say(&alice, "Good morning, is the new server up?").await;
    bob.see_text(&hook("message"), "is the new server up?").await;
    say(&bob, "It is: three edges behind one gateway.").await;
    alice
        .see_text(&hook("message"), "three edges behind one gateway")
        .await;
    bob.see_text(&hook("online-user"), "Alice").await;
    alice.see_text(&hook("online-user"), "Bob").await;
    alice.picture("compose-desktop").await;
    bob.screen(390, 844, true).await;
    bob.picture("compose-phone").await;
    let complaints = alice.complaints().await;
    assert!(complaints.is_empty(), "the console complains: {complaints:#?}");
    tokio::join!(alice.quit(), bob.quit());
}

async fn join(tab: &Tab, name: &str) {
    tab.open(GATEWAY).await;
    tab.see(&hook("join-name")).await;
    tab.type_into(&hook("join-name"), name).await;
    tab.click(&hook("join-button")).await;
    tab.see(&hook("composer")).await;
    tab.click("[data-testid=\"room-item\"][data-room-id=\"general\"]")
        .await;
    tab.see_text(&hook("room-title"), "eneral").await;
}

async fn say(tab: &Tab, text: &str) {
    tab.type_into(&hook("composer"), &format!("{text}\n")).await;
    tab.see_text(&message_in_state("sent"), text).await;
}
