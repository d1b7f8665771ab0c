//! A chat system in this process: one store, one broker, any number of edges.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use broker::{Broker, Source};
use chat_svc::store::MIGRATIONS;
use edge::{
    config::Subscribing,
    door::Door,
    layers::{origin::AllowedOrigins, rate::Rate},
    serve::serve,
    socket::{
        SocketLimits, Sockets,
        handshake::{Guards, Handshakes},
    },
    upstream::{Addresses, Upstream},
};
use proto::chat::{SendMessageRequest, SendMessageResponse};
use runtime::{Shutdown, client::ServiceUrl, health::Health, settings::Listen};
use serde_json::{Value, json};
use sql::{DatabaseUrl, Db, diesel::sql_query};
use tempfile::TempDir;
use test_support::{
    client::{Frame, Socket},
    proxy::Proxy,
    wait,
};
use tokio::net::TcpListener;

/// How long something that must not happen is waited for.
pub(crate) const QUIET: Duration = Duration::from_millis(300);

/// Connections of one edge.
const MOST: usize = 10_000;

/// The services behind the edges.
pub(crate) struct System {
    pub(crate) broker: Broker,
    folder: TempDir,
    chat: SocketAddr,
    presence: SocketAddr,
    services: Shutdown,
}

/// One edge.
pub(crate) struct Edge {
    address: SocketAddr,
    pub(crate) sockets: Sockets,
    pub(crate) upstream: Upstream,
    pub(crate) health: Health,
    pub(crate) shutdown: Shutdown,
}

impl System {
    pub(crate) async fn start() -> Self {
        Self::on(Broker::memory()).await
    }

    /// With a broker between the services and the edges.
    pub(crate) async fn on(broker: Broker) -> Self {
        let (chat_listener, chat) = port().await;
        let (presence_listener, presence) = port().await;
        let system = Self {
            broker,
            folder: TempDir::new().expect("a folder"),
            chat,
            presence,
            services: Shutdown::new(),
        };
        system.start_chat(chat_listener, &system.services).await;
        let config = presence_svc::Config {
            listen: listen(presence),
            store: presence_svc::store::StoreSource::Memory,
            broker: Source::Shared(system.broker.clone()),
            lifetimes: presence_svc::store::Lifetimes::default(),
        };
        let health = Health::new();
        tokio::spawn(presence_svc::serve_on(
            presence_listener,
            config,
            health.clone(),
            system.services.clone(),
        ));
        ready(&health, "presence-store").await;
        system
    }

    async fn start_chat(&self, listener: TcpListener, shutdown: &Shutdown) {
        let config = chat_svc::Config {
            listen: listen(self.chat),
            database: self.database(),
            replicas: Vec::new(),
            broker: Source::Shared(self.broker.clone()),
            notify: None,
        };
        let health = Health::new();
        tokio::spawn(chat_svc::serve_on(
            listener,
            config,
            health.clone(),
            shutdown.clone(),
        ));
        ready(&health, "chat-store").await;
    }

    fn database(&self) -> DatabaseUrl {
        DatabaseUrl::Sqlite(self.folder.path().join("chat.db"))
    }

    /// Takes the last messages of a room away, as a database does that is restored to an earlier state.
    pub(crate) async fn set_back(&self, room: &str, to: u64) {
        let db = Db::open(&self.database(), "tests", 1).expect("a store");
        db.migrate(&MIGRATIONS).await.expect("tables");
        for statement in [
            format!("DELETE FROM messages WHERE room_id = '{room}' AND seq > {to}"),
            format!("UPDATE rooms SET last_seq = {to} WHERE id = '{room}'"),
        ] {
            let done: sql::Result<usize> =
                sql::fetch!(db, write, execute, sql_query(statement.clone())).await;
            done.expect("it is set back");
        }
    }

    pub(crate) async fn edge(&self) -> Edge {
        self.edge_with(SocketLimits::default(), true).await
    }

    pub(crate) async fn edge_with(&self, limits: SocketLimits, open_access: bool) -> Edge {
        self.edge_at(&self.services(), limits, open_access).await
    }

    fn services(&self) -> Addresses {
        Addresses {
            chat: url(self.chat),
            presence: url(self.presence),
            notify: url(self.chat),
            files: url(self.chat),
        }
    }

    pub(crate) async fn edge_at(&self, at: &Addresses, limits: SocketLimits, open_access: bool) -> Edge {
        self.edge_that_hears(Subscribing::All, &self.broker, at, limits, open_access)
            .await
    }

    /// One that reaches chat-svc through a proxy.
    pub(crate) async fn edge_behind(&self, proxy: &Proxy) -> Edge {
        let chat = url(proxy.address().parse().expect("an address"));
        let at = Addresses {
            chat: chat.clone(),
            presence: url(self.presence),
            notify: chat.clone(),
            files: chat,
        };
        self.edge_at(&at, SocketLimits::default(), true).await
    }

    /// One that subscribes to the rooms that it serves, with a connection of its own to the broker.
    pub(crate) async fn edge_of_rooms(&self, broker: &Broker) -> Edge {
        let limits = SocketLimits::default();
        self.edge_that_hears(Subscribing::Rooms, broker, &self.services(), limits, true)
            .await
    }

    async fn edge_that_hears(
        &self,
        subscribing: Subscribing,
        broker: &Broker,
        at: &Addresses,
        limits: SocketLimits,
        open_access: bool,
    ) -> Edge {
        let (health, shutdown) = (Health::new(), Shutdown::new());
        let upstream = Upstream::connect(at, &shutdown);
        let door = Door::new(&upstream, open_access, &shutdown);
        let sockets = Sockets::start(
            upstream.clone(),
            broker.clone(),
            subscribing,
            door,
            limits,
            &health,
            &shutdown,
        )
        .expect("sockets can be watched");
        let (listener, address) = port().await;
        let guards = Guards {
            origins: AllowedOrigins::default(),
            rate: Rate::new(0, 0, &shutdown),
            proxy_hops: 0,
        };
        let handshakes = Handshakes::new(sockets.clone(), guards);
        let (routes, end) = (sockets.routes(), shutdown.clone());
        tokio::spawn(async move { serve(listener, routes, handshakes, MOST, &end).await });
        let live = async || upstream.live().all(|(_, replicas)| replicas > 0);
        wait::until(wait::START, "the edge reaches the services", live).await;
        Edge {
            address,
            sockets,
            upstream,
            health,
            shutdown,
        }
    }

    /// The address of chat-svc, for those who stand in between.
    pub(crate) fn chat(&self) -> SocketAddr {
        self.chat
    }

    /// The address of presence-svc.
    pub(crate) fn presence(&self) -> SocketAddr {
        self.presence
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.services.begin();
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

impl Edge {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// A room socket that is in the room.
    pub(crate) async fn room(&self, room: &str, user: &str) -> Socket {
        let mut socket = Socket::connect(&self.url(&format!("/ws/{room}/{user}"))).await;
        // `pong` says nothing about the room: the own user_joined does, unless the user is there already.
        socket
            .wait_where("to be in the room", wait::SOON, |frame| {
                frame["type"] == "user_joined" && frame["user_id"] == user
            })
            .await;
        socket
    }

    /// A multiplexed socket.
    pub(crate) async fn multiplexed(&self, user: &str) -> Socket {
        Socket::connect(&self.url(&format!("/ws?user_id={user}"))).await
    }

    /// A multiplexed socket that is subscribed to a room.
    pub(crate) async fn subscribed(&self, user: &str, room: &str) -> Socket {
        let mut socket = self.multiplexed(user).await;
        socket
            .send_json(&json!({"type": "subscribe", "room_id": room}))
            .await;
        socket.wait_for("subscribed", wait::SOON).await;
        socket
    }

    /// Sends a message by another way than a socket.
    pub(crate) async fn say(&self, room: &str, content: &str) -> SendMessageResponse {
        say(&self.upstream, room, content).await
    }
}

pub(crate) async fn say(upstream: &Upstream, room: &str, content: &str) -> SendMessageResponse {
    let request = SendMessageRequest {
        room_id: room.to_owned(),
        user_id: "narrator".to_owned(),
        username: "narrator".to_owned(),
        content: content.to_owned(),
        ..Default::default()
    };
    let sent = upstream.chat.clone().send_message(request).await;
    sent.expect("it is sent").into_inner()
}

pub(crate) fn url(address: SocketAddr) -> ServiceUrl {
    format!("http://{address}").parse().expect("a URL")
}

/// The seqs of the next `count` messages, which have to be without gap and repeat.
pub(crate) async fn consecutive(socket: &mut Socket, first: u64, count: usize) {
    let messages = socket.collect("message", count, wait::START).await;
    let seqs: Vec<u64> = messages
        .iter()
        .filter_map(|message| message["seq"].as_u64())
        .collect();
    let expected: Vec<u64> = (first..).take(count).collect();
    assert_eq!(seqs, expected);
}

/// That no frame of this type comes for a while.
pub(crate) async fn silent(socket: &mut Socket, kind: &str) {
    for frame in socket.collect_for(QUIET).await {
        assert!(!is(&frame, kind), "{frame:?}");
    }
}

fn is(frame: &Frame, kind: &str) -> bool {
    matches!(frame, Frame::Json(frame) if frame["type"] == kind)
}

pub(crate) fn message(content: &str, client_msg_id: &str) -> Value {
    json!({"type": "message", "content": content, "client_msg_id": client_msg_id})
}

async fn port() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

fn listen(address: SocketAddr) -> Listen {
    Listen {
        bind: address.ip(),
        port: address.port(),
        admin_port: None,
    }
}

async fn ready(health: &Health, part: &str) {
    let ready = async || health.report().contains_key(part) && health.is_ready();
    wait::until(wait::START, part, ready).await;
}

/// Shares a system among tasks.
pub(crate) fn shared<T>(value: T) -> Arc<T> {
    Arc::new(value)
}
