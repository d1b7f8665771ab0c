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
    let hsts = "strict-transport-security";
    assert!(!head.to_lowercase().contains(hsts), "not for localhost: {head}");
    let elsewhere =
        "curl -fsSI --cacert certs/fullchain.pem -H 'Host: chat.example.org' https://localhost:8443/";
    let head = shell.must(elsewhere, SOON).await;
    assert!(head.to_lowercase().contains(hsts), "{head}");
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
    for (version, spoken) in [("-tls1_3", true), ("-tls1_2", true), ("-tls1_1", false)] {
        let hello = format!(
            "openssl s_client -connect localhost:8443 {version} -cipher 'ALL:@SECLEVEL=0' < /dev/null 2> /dev/null | grep -q 'Cipher is [A-Z]'"
        );
        assert_eq!(shell.run(&hello, SOON).await.well, spoken, "{version}");
    }
    shell
        .must("docker compose exec -T gateway-tls nginx -s reload", SOON)
        .await;
    shell
        .must(
            "curl -fsS --retry 5 --retry-all-errors --cacert certs/fullchain.pem https://localhost:8443/api/chat/rooms",
            SOON,
        )
        .await;
}
