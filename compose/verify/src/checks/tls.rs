//! The profile "tls": the whole chat by https, and http sent there.

use crate::{
    shell::Shell,
    stack::{self, SOON},
};

/// With a certificate made for the occasion.
pub async fn is_the_same_by_https(shell: Shell) {
    shell
        .must(
            "mkdir -p certs && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 \
             -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout certs/privkey.pem -out certs/fullchain.pem",
            SOON,
        )
        .await;
    shell
        .must("docker compose --profile tls up --detach --wait", stack::START)
        .await;
    let rooms = shell
        .must(
            "curl -fsS --cacert certs/fullchain.pem https://localhost:8443/api/chat/rooms",
            SOON,
        )
        .await;
    assert!(rooms.contains("\"general\""), "{rooms}");
    let head = shell
        .must(
            "curl -fsSI --cacert certs/fullchain.pem https://localhost:8443/",
            SOON,
        )
        .await;
    assert!(
        head.to_lowercase().contains("strict-transport-security"),
        "{head}"
    );
    let upgrade = shell
        .run(
            "curl -isS --max-time 2 --http1.1 --cacert certs/fullchain.pem -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
             -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' -H 'Origin: https://localhost:8443' \
             'https://localhost:8443/ws/general/secure?username=Secure'",
            SOON,
        )
        .await;
    assert!(
        upgrade.output.contains("101 Switching Protocols"),
        "{}",
        upgrade.output
    );
    let sent = shell
        .must("curl -sI 'http://localhost:8080/api/chat/rooms?x=1'", SOON)
        .await;
    assert!(
        sent.contains("308") && sent.contains("Location: https://localhost:8443/api/chat/rooms?x=1"),
        "{sent}"
    );
    let old = shell
        .run(
            "curl -sS --tls-max 1.1 --cacert certs/fullchain.pem https://localhost:8443/",
            SOON,
        )
        .await;
    assert!(!old.well, "TLS 1.1 is still spoken");
}
