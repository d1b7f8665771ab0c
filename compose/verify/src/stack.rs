//! The running stack, as an operator's tools see it: its containers, their addresses and their metrics.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;
use test_support::{
    client::{Rest, Socket},
    wait,
};

use crate::shell::Shell;

/// For commands that only look.
pub const SOON: Duration = Duration::from_mins(1);

/// For what starts or stops containers.
pub const START: Duration = Duration::from_mins(5);

/// The gateway, as the guide names it.
pub const GATEWAY: &str = "http://localhost:8092";

/// Everything at more than one replica.
pub const SCALED: &str = "--scale edge=3 --scale chat-service=2 --scale presence-service=2 \
     --scale notification-service=2 --scale file-service=2";

/// A container of the stack.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// All that the engine knows of it.
    pub inspected: Value,
}

impl Container {
    /// Its address on the network "front", which this machine reaches.
    pub fn address(&self) -> String {
        let networks = self.inspected["NetworkSettings"]["Networks"].as_object();
        let front = networks.and_then(|all| all.iter().find(|(name, _)| name.ends_with("_front")));
        let address = front.and_then(|(_, network)| network["IPAddress"].as_str());
        address
            .unwrap_or_else(|| panic!("{} is not on front", self.id))
            .to_owned()
    }
}

/// The containers of a service, in the order of their numbers.
pub async fn containers(shell: &Shell, service: &str) -> Vec<Container> {
    let listed = shell
        .must(&format!("docker compose ps --all --quiet {service}"), SOON)
        .await;
    let mut found = Vec::new();
    for id in listed.lines() {
        let told = shell.must(&format!("docker inspect {id}"), SOON).await;
        let told: Value = serde_json::from_str(&told).expect("docker inspect prints JSON");
        found.push(Container {
            id: id.to_owned(),
            inspected: told[0].clone(),
        });
    }
    found.sort_by_key(|container| container.inspected["Name"].as_str().map(str::to_owned));
    found
}

/// The running ones among them.
pub async fn replicas(shell: &Shell, service: &str) -> Vec<Container> {
    let mut all = containers(shell, service).await;
    all.retain(|container| container.inspected["State"]["Running"] == true);
    all
}

/// The sum of a metric over its labels, for each replica of a service, by address. `having` has to be part of the line.
pub async fn metric(
    shell: &Shell,
    service: &str,
    port: u16,
    name: &str,
    having: &str,
) -> BTreeMap<String, f64> {
    let mut values = BTreeMap::new();
    for replica in replicas(shell, service).await {
        let address = replica.address();
        let text = Rest::new(format!("http://{address}:{port}"))
            .get("/metrics")
            .await
            .expect(200)
            .text();
        let sum = text
            .lines()
            .filter(|line| {
                line.strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with(['{', ' ']))
            })
            .filter(|line| line.contains(having))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum();
        values.insert(address, sum);
    }
    values
}

/// Starts the stack, scaled as `options` say, and waits until it is healthy.
pub async fn up(shell: &Shell, options: &str) {
    shell
        .must(&format!("docker compose up --detach --wait {options}"), START)
        .await;
}

/// Takes the stack down with all that it kept.
pub async fn down(shell: &Shell) {
    let all = "docker compose --profile '*' down --volumes --remove-orphans --timeout 20";
    shell.must(all, START).await;
}

/// Volumes that no container uses, and that nobody has named.
pub async fn unnamed_volumes(shell: &Shell) -> BTreeSet<String> {
    let list = "docker volume ls --quiet --filter dangling=true --filter label=com.docker.volume.anonymous";
    shell.must(list, SOON).await.lines().map(str::to_owned).collect()
}

/// Joins a room through the gateway, and is in it: what is said from now on comes.
pub async fn join(room: &str, user: &str) -> Socket {
    let url = format!("ws://localhost:8092/ws/{room}/{user}?username={user}");
    let mut socket = Socket::connect(&url).await;
    let own = |frame: &Value| frame["type"] == "user_joined" && frame["user_id"] == user;
    socket.wait_where("its own user_joined", SOON, own).await;
    socket
}

/// Waits until the gateway answers for a replica of edge again.
pub async fn gateway_answers() {
    let rest = Rest::new(GATEWAY);
    wait::spawnable::until(SOON, "the gateway answers", || {
        let rest = rest.clone();
        async move {
            let request = rest.request(reqwest::Method::GET, "/api/chat/health");
            rest.try_send(request)
                .await
                .is_ok_and(|answer| answer.status == 200)
        }
    })
    .await;
}
