//! Finds a service's replicas by DNS and keeps those that say they serve.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{
    balance::{Member, Members},
    url::ServiceUrl,
};
use crate::Shutdown;

/// How often names are resolved and replicas asked, once some are live.
const EVERY: Duration = Duration::from_secs(2);

/// The same while something is missing: none live, or one that failed.
const EVERY_WHEN_UNWELL: Duration = Duration::from_millis(200);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const HEALTH_TIMEOUT: Duration = Duration::from_secs(1);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(3);

pub(super) fn start(name: &'static str, url: ServiceUrl, members: Members, shutdown: &Shutdown) {
    // Calls in flight while draining still need members: this ends with the process, not with the first signal.
    let begun = shutdown.clone();
    shutdown.spawn(async move {
        let mut known: BTreeSet<SocketAddr> = BTreeSet::new();
        let mut all: BTreeMap<SocketAddr, Member> = BTreeMap::new();
        while !begun.has_begun() {
            // Keeps the last good set where resolution fails.
            if let Some(found) = resolve(&url).await {
                known = found;
            }
            all.retain(|address, _| known.contains(address));
            for address in &known {
                all.entry(*address)
                    .or_insert_with(|| Member::new(*address, channel_to(*address)));
            }
            let live = serving(&all).await;
            let unwell = live.is_empty() || live.len() < known.len();
            publish(name, &members, live);
            let pause = if unwell { EVERY_WHEN_UNWELL } else { EVERY };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = begun.begun() => return,
            }
        }
    });
}

fn publish(name: &'static str, members: &Members, live: Vec<Member>) {
    let addresses = |members: &[Member]| members.iter().map(|m| m.address).collect::<Vec<_>>();
    members.send_if_modified(|now| {
        let changed = addresses(now) != addresses(&live);
        if changed {
            let replicas = addresses(&live);
            if replicas.is_empty() {
                tracing::warn!(service = name, "no replica serves");
            } else {
                tracing::info!(service = name, ?replicas, "replicas");
            }
            *now = Arc::from(live);
        }
        changed
    });
}

async fn resolve(url: &ServiceUrl) -> Option<BTreeSet<SocketAddr>> {
    let mut found = BTreeSet::new();
    for (host, port) in url.places() {
        if let Ok(address) = host.parse::<IpAddr>() {
            found.insert(SocketAddr::new(address, *port));
            continue;
        }
        match tokio::time::timeout(CONNECT_TIMEOUT, tokio::net::lookup_host((host.as_str(), *port))).await {
            Ok(Ok(addresses)) => found.extend(prefer_v4(addresses.collect())),
            // One name of several that fails must not drop the replicas behind it.
            Ok(Err(_)) | Err(_) => return None,
        }
    }
    Some(found)
}

/// `localhost` is two addresses of one process: counting both would make it look like two replicas.
fn prefer_v4(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    if addresses.iter().any(SocketAddr::is_ipv4) {
        addresses.into_iter().filter(SocketAddr::is_ipv4).collect()
    } else {
        addresses
    }
}

fn channel_to(address: SocketAddr) -> tonic::transport::Channel {
    #[expect(clippy::expect_used, reason = "a socket address always makes a URI")]
    Endpoint::from_shared(format!("http://{address}"))
        .expect("a URI")
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .connect_lazy()
}

async fn serving(all: &BTreeMap<SocketAddr, Member>) -> Vec<Member> {
    let asked = all.values().map(|member| async move {
        let mut health = HealthClient::new(member.channel.clone());
        let answer = tokio::time::timeout(HEALTH_TIMEOUT, health.check(HealthCheckRequest::default())).await;
        let serves =
            matches!(answer, Ok(Ok(ref answer)) if answer.get_ref().status() == ServingStatus::Serving);
        member.failed.store(!serves, Ordering::Relaxed);
        serves.then(|| member.clone())
    });
    futures_util::future::join_all(asked)
        .await
        .into_iter()
        .flatten()
        .collect()
}
