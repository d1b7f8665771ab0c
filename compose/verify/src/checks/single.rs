//! single.yml: everything as one container, whose volume keeps what was said.

use serde_json::{Value, json};
use test_support::client::Rest;

use crate::{
    shell::Shell,
    stack::{self, GATEWAY, SOON},
};

/// Starts it, says something, ends it the hard way, and finds it again.
pub async fn keeps_what_was_said(shell: Shell) {
    let compose = "docker compose -f single.yml";
    shell
        .must(&format!("{compose} up --detach --wait"), stack::START)
        .await;
    let gateway = Rest::new(GATEWAY);
    let message = json!({"user_id": "solo", "username": "Solo", "content": "kept?"});
    let said = gateway
        .post("/api/chat/rooms/general/messages", &message)
        .await
        .expect(201)
        .json();
    let file = gateway
        .upload("general", "solo", "kept.txt", "kept".as_bytes().to_vec())
        .await
        .expect(201)
        .json();
    shell
        .must(
            &format!("{compose} kill && {compose} up --detach --wait"),
            stack::START,
        )
        .await;
    let messages: Vec<Value> = gateway
        .get("/api/chat/rooms/general/messages")
        .await
        .expect(200)
        .parse();
    assert!(
        messages.iter().any(|message| message["id"] == said["id"]),
        "{messages:?}"
    );
    let kept = gateway
        .get(file["url"].as_str().expect("a URL"))
        .await
        .expect(200);
    assert_eq!(kept.text(), "kept");
    test_support::grpc_cli::list("localhost:8020").await;
    let own = shell
        .must(&format!("{compose} exec chatflow /app/chatflow health"), SOON)
        .await;
    assert!(own.contains("\"ready\""), "{own}");
    shell
        .must(&format!("{compose} down --volumes"), stack::START)
        .await;
}
