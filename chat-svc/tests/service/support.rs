//! A store of either kind, and service instances on it in this process.

use std::{collections::HashMap, net::Ipv4Addr, sync::Arc, time::Duration};

use broker::{Broker, Source};
use chat_svc::{
    Config,
    store::{MIGRATIONS, Partitioned, SqlStore},
};
use proto::chat::{
    Change, ChangesSinceRequest, HistoryRequest, Message, Room, SendMessageRequest, SendMessageResponse,
    SendMessagesRequest, SendOutcome, chat_service_client::ChatServiceClient,
    identity_service_client::IdentityServiceClient, send_outcome::Outcome,
};
use runtime::{Fatal, Shutdown, client::ServiceUrl, health::Health, settings::Listen};
use sql::{DatabaseUrl, Db};
use tempfile::TempDir;
use test_support::{postgres, wait};
use tokio::{net::TcpListener, task::JoinHandle};
use tonic::{Status, transport::Channel};
use tonic_types::StatusExt as _;

/// What became of one message of many.
pub(crate) type Sent = Result<SendMessageResponse, (tonic::Code, String)>;

/// An empty store.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) url: DatabaseUrl,
    /// Where it is PostgreSQL.
    pub(crate) database: Option<postgres::Database>,
    /// Where it has any.
    pub(crate) replicas: Vec<DatabaseUrl>,
    _folder: Option<Arc<TempDir>>,
}

impl Store {
    pub(crate) fn sqlite() -> Self {
        let folder = TempDir::new().expect("a folder");
        Self {
            url: DatabaseUrl::Sqlite(folder.path().join("chat.db")),
            database: None,
            replicas: Vec::new(),
            _folder: Some(Arc::new(folder)),
        }
    }

    pub(crate) async fn postgres() -> Self {
        Self::at(postgres::database().await)
    }

    pub(crate) fn at(database: postgres::Database) -> Self {
        Self {
            url: DatabaseUrl::Postgres(database.url().to_owned()),
            database: Some(database),
            replicas: Vec::new(),
            _folder: None,
        }
    }

    /// PostgreSQL, with messages in four partitions.
    pub(crate) async fn partitioned() -> Self {
        let store = Self::postgres().await;
        let done = store.direct().await.partition_messages(4, |_| ()).await;
        assert_eq!(done.expect("partitions"), Partitioned::Now { messages: 0 });
        store
    }

    /// Waits until a statement that is `LIKE` this waits for a lock of PostgreSQL.
    pub(crate) async fn until_locked_out(&self, deadline: Duration, like: &str) {
        let watching = self.database.clone().expect("PostgreSQL").client().await;
        let query = "SELECT FROM pg_stat_activity WHERE query LIKE $1 AND wait_event_type = 'Lock'";
        wait::until(deadline, "it waits for the lock", async || {
            !watching
                .query(query, &[&like])
                .await
                .expect("an answer")
                .is_empty()
        })
        .await;
    }

    /// The store itself, without a service in front of it.
    pub(crate) async fn direct(&self) -> SqlStore {
        let db = Db::open(&self.url, "tests", 4).expect("a store");
        db.migrate(&MIGRATIONS).await.expect("tables");
        SqlStore::new(db)
    }

    /// An instance of the service with a broker of its own, delivering to nobody.
    pub(crate) async fn service(&self) -> Service {
        self.service_with(Source::Shared(Broker::memory()), None).await
    }

    pub(crate) async fn service_with(&self, broker: Source, notify: Option<ServiceUrl>) -> Service {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let config = Config {
            listen: Listen {
                bind: address.ip(),
                port: address.port(),
                admin_port: None,
            },
            database: self.url.clone(),
            replicas: self.replicas.clone(),
            broker,
            notify,
        };
        let (health, shutdown) = (Health::new(), Shutdown::new());
        let serving = tokio::spawn(chat_svc::serve_on(
            listener,
            config,
            health.clone(),
            shutdown.clone(),
        ));
        let ready = async || health.report().contains_key("chat-store") && health.is_ready();
        wait::until(wait::START, "the service is ready", ready).await;
        let channel = Channel::from_shared(format!("http://{address}"))
            .expect("a URL")
            .connect()
            .await
            .expect("the service answers");
        Service {
            chat: ChatServiceClient::new(channel.clone()).max_decoding_message_size(16 << 20),
            identity: IdentityServiceClient::new(channel),
            shutdown,
            serving,
        }
    }
}

/// A running instance; ends with its value.
pub(crate) struct Service {
    pub(crate) chat: ChatServiceClient<Channel>,
    pub(crate) identity: IdentityServiceClient<Channel>,
    pub(crate) shutdown: Shutdown,
    pub(crate) serving: JoinHandle<Result<(), Fatal>>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

impl Service {
    pub(crate) async fn send(&self, request: SendMessageRequest) -> Result<SendMessageResponse, Status> {
        Ok(self.chat.clone().send_message(request).await?.into_inner())
    }

    /// What becomes of each, by its place, in the order in which it was told.
    pub(crate) async fn send_all(
        &self,
        messages: Vec<SendMessageRequest>,
    ) -> Result<Vec<(usize, Sent)>, Status> {
        let mut chat = self.chat.clone();
        let answers = chat.send_messages(SendMessagesRequest { messages }).await?;
        let mut answers = answers.into_inner();
        let mut outcomes = Vec::new();
        while let Some(answer) = answers.message().await? {
            outcomes.extend(answer.outcomes.into_iter().map(|SendOutcome { index, outcome }| {
                let outcome = match outcome.expect("an outcome") {
                    Outcome::Stored(stored) => Ok(stored),
                    Outcome::Refused(refused) => Err((refused.code.into(), refused.message)),
                };
                (index as usize, outcome)
            }));
        }
        Ok(outcomes)
    }

    pub(crate) async fn say(&self, room: &str, user: &str, content: &str) -> SendMessageResponse {
        self.send(message(room, user, content)).await.expect("it is sent")
    }

    pub(crate) async fn make_room(&self, id: &str) -> Room {
        let request = proto::chat::CreateRoomRequest {
            id: id.to_owned(),
            ..Default::default()
        };
        self.chat
            .clone()
            .create_room(request)
            .await
            .expect("a room")
            .into_inner()
    }

    /// The newest 200 messages.
    pub(crate) async fn history(&self, room: &str) -> Vec<Message> {
        let request = HistoryRequest {
            room_id: room.to_owned(),
            limit: 200,
            ..Default::default()
        };
        self.chat
            .clone()
            .history(request)
            .await
            .expect("history")
            .into_inner()
            .messages
    }

    /// All changes after a seq, page by page.
    pub(crate) async fn changes(&self, room: &str, after: u64, limit: u32) -> Vec<(u64, serde_json::Value)> {
        let mut all = Vec::new();
        let mut at = after;
        loop {
            let request = ChangesSinceRequest {
                room_id: room.to_owned(),
                after_seq: at,
                limit,
                up_to_seq: 0,
                max_bytes: 0,
                after_id: None,
            };
            let page = self
                .chat
                .clone()
                .changes_since(request)
                .await
                .expect("changes")
                .into_inner();
            all.extend(page.changes.iter().map(parsed));
            at = page.complete_to;
            if page.complete_to >= page.last_seq {
                return all;
            }
        }
    }
}

/// A change's seq and its frame as JSON.
pub(crate) fn parsed(change: &Change) -> (u64, serde_json::Value) {
    (change.seq, serde_json::from_slice(&change.frame).expect("JSON"))
}

/// A text message.
pub(crate) fn message(room: &str, user: &str, content: &str) -> SendMessageRequest {
    SendMessageRequest {
        room_id: room.to_owned(),
        user_id: user.to_owned(),
        username: user.to_owned(),
        content: content.to_owned(),
        ..Default::default()
    }
}

/// A text message with a client's own id.
pub(crate) fn named(room: &str, user: &str, name: &str) -> SendMessageRequest {
    SendMessageRequest {
        client_msg_id: Some(name.to_owned()),
        ..message(room, user, name)
    }
}

/// The code of a refusal, and the field that its details name.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, Status>) -> (tonic::Code, Option<String>) {
    let status = result.expect_err("it is refused");
    let field = status.get_error_details().bad_request().and_then(|bad| {
        bad.field_violations
            .first()
            .map(|violation| violation.field.clone())
    });
    (status.code(), field)
}

/// Panics unless these are 1, 2, 3 … in any order.
pub(crate) fn assert_gapless(seqs: impl IntoIterator<Item = u64>) {
    let mut counts: HashMap<u64, usize> = HashMap::new();
    for seq in seqs {
        *counts.entry(seq).or_default() += 1;
    }
    for seq in 1..=counts.len() as u64 {
        assert_eq!(counts.get(&seq), Some(&1), "seq {seq} of {}", counts.len());
    }
}
