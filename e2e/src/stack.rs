//! A running ChatFlow of either topology behind one face: what a client can do with the one it can do with the other.

use serde_json::{Value, json};
use test_support::{
    client::{Rest, Socket},
    cluster::{AllInOne, Cluster},
    process::Process,
    wait,
};

/// The whole chat, running. Dropping it ends it.
pub enum Stack {
    /// One process on embedded stores.
    AllInOne(Box<AllInOne>),
    /// Five processes on PostgreSQL, Redis and S3.
    Services(Box<Cluster>),
}

/// All programs of the platform.
pub const PROGRAMS: [&str; 6] = [
    "chatflow",
    "edge",
    "chat-svc",
    "presence-svc",
    "notify-svc",
    "files-svc",
];

/// The names of the four services, in the order of their ports.
pub const SERVICES: [&str; 4] = ["chat", "presence", "notify", "files"];

impl Stack {
    /// Starts the all-in-one.
    pub async fn all_in_one() -> Self {
        Self::AllInOne(Box::new(AllInOne::start().await))
    }

    /// Starts the five processes.
    pub async fn services() -> Self {
        Self::Services(Box::new(Cluster::start().await))
    }

    /// What failure messages call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AllInOne(_) => "the all-in-one",
            Self::Services(_) => "the five processes",
        }
    }

    /// The five processes with their servers, where that is what runs.
    pub fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::AllInOne(_) => None,
            Self::Services(cluster) => Some(cluster),
        }
    }

    /// `http://127.0.0.1:<port>` of what browsers talk to.
    pub fn base_url(&self) -> String {
        match self {
            Self::AllInOne(chat) => chat.base_url(),
            Self::Services(cluster) => cluster.base_url(0),
        }
    }

    /// `127.0.0.1:<port>` of what browsers talk to.
    pub fn authority(&self) -> String {
        self.base_url().replacen("http://", "", 1)
    }

    /// `ws://127.0.0.1:<port>` followed by a path.
    pub fn ws_url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.authority())
    }

    /// The gRPC addresses, in the order of [`SERVICES`].
    pub fn grpc(&self) -> [String; 4] {
        match self {
            Self::AllInOne(chat) => [
                chat.chat_grpc(),
                chat.presence_grpc(),
                chat.notify_grpc(),
                chat.files_grpc(),
            ],
            Self::Services(cluster) => [
                cluster.chat_grpc(0),
                cluster.presence_grpc(),
                cluster.notify_grpc(),
                cluster.files_grpc(),
            ],
        }
    }

    /// The gRPC address of the chat service.
    pub fn chat_grpc(&self) -> String {
        let [chat, ..] = self.grpc();
        chat
    }

    /// Every process of ours with its name.
    pub fn processes(&self) -> Vec<(&'static str, &Process)> {
        match self {
            Self::AllInOne(chat) => vec![("chatflow", &chat.process)],
            Self::Services(cluster) => vec![
                ("edge", cluster.edge(0)),
                ("chat-svc", cluster.chat(0)),
                ("presence-svc", cluster.presence()),
                ("notify-svc", cluster.notify()),
                ("files-svc", cluster.files()),
            ],
        }
    }

    /// A REST client.
    pub fn rest(&self) -> Rest {
        Rest::new(self.base_url())
    }

    /// Makes a room that nobody else uses and returns its id.
    pub async fn fresh_room(&self) -> String {
        let id = fresh("room");
        let room = json!({"id": id, "name": "A room", "description": "for one test"});
        let _ = self.rest().post("/api/chat/rooms", &room).await.expect(201);
        id
    }

    /// A room socket, joined: the server has taken it into its room.
    pub async fn room_socket(&self, room: &str, user: &str) -> Socket {
        let url = self.ws_url(&format!("/ws/{room}/{user}?username={user}"));
        let mut socket = Socket::connect(&url).await;
        settle(&mut socket).await;
        socket
    }

    /// A multiplexed socket without subscriptions.
    pub async fn socket(&self, user: &str) -> Socket {
        let url = self.ws_url(&format!("/ws?user_id={user}&username={user}"));
        let mut socket = Socket::connect(&url).await;
        settle(&mut socket).await;
        socket
    }

    /// A multiplexed socket that is subscribed to a room.
    pub async fn subscribed(&self, room: &str, user: &str) -> Socket {
        let mut socket = self.socket(user).await;
        subscribe(&mut socket, room, None).await;
        socket
    }

    /// The room's whole history by REST, oldest first.
    pub async fn history(&self, room: &str) -> Vec<Value> {
        let path = format!("/api/chat/rooms/{room}/messages?limit=200");
        self.rest().get(&path).await.expect(200).parse()
    }
}

/// Waits until the server answers on this socket: what it does at the start, it has done.
pub async fn settle(socket: &mut Socket) {
    socket.send_json(&json!({"type": "ping"})).await;
    socket.wait_for("pong", wait::SOON).await;
}

/// Subscribes and returns the `subscribed` frame.
pub async fn subscribe(socket: &mut Socket, room: &str, after_seq: Option<u64>) -> Value {
    let mut frame = json!({"type": "subscribe", "room_id": room});
    if let Some(after_seq) = after_seq {
        frame["after_seq"] = after_seq.into();
    }
    socket.send_json(&frame).await;
    socket
        .wait_where("its subscription", wait::SOON, |frame| {
            frame["type"] == "subscribed" && frame["room_id"] == room
        })
        .await
}

/// Sends a message with a `client_msg_id` on a room socket and returns its ack, leaving other frames out.
pub async fn say(socket: &mut Socket, content: &str) -> Value {
    let id = fresh("m");
    let frame = json!({"type": "message", "content": content, "client_msg_id": id});
    socket.send_json(&frame).await;
    ack_of(socket, &id).await
}

/// The ack of a `client_msg_id`, leaving other frames out.
pub async fn ack_of(socket: &mut Socket, client_msg_id: &str) -> Value {
    let what = format!("the ack of {client_msg_id}");
    socket
        .wait_where(&what, wait::SOON, |frame| {
            frame["type"] == "ack" && frame["client_msg_id"] == client_msg_id
        })
        .await
}

/// An id that fits the contract's pattern and that nobody has used.
pub fn fresh(prefix: &str) -> String {
    let id = uuid::Uuid::now_v7().simple().to_string();
    format!("{prefix}-{}", &id[id.len() - 12..])
}
