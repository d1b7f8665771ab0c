//! The services behind the edge: one balanced channel each, with its retry budget.

pub(crate) mod older;
mod sends;
pub(crate) mod whole;

use std::{sync::Arc, time::Duration};

use proto::{
    chat::{chat_service_client::ChatServiceClient, identity_service_client::IdentityServiceClient},
    files::files_service_client::FilesServiceClient,
    notify::notify_service_client::NotifyServiceClient,
    presence::presence_service_client::PresenceServiceClient,
};
use runtime::{
    Shutdown,
    client::{Budget, Channel, MAX_MESSAGE, ServiceUrl, connect},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use self::older::Older;
pub use self::sends::Sends;

/// How long a start waits for the services without which there is still chat.
const OTHERS: Duration = Duration::from_secs(5);

/// Where the services are.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// chat-svc: `CHAT_URL`.
    pub chat: ServiceUrl,
    /// presence-svc: `PRESENCE_URL`.
    pub presence: ServiceUrl,
    /// notify-svc: `NOTIFY_URL`.
    pub notify: ServiceUrl,
    /// files-svc: `FILES_URL`.
    pub files: ServiceUrl,
}

/// Clients of all services. Cheap to clone; each call takes a clone of the client it needs.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Rooms, messages, the log.
    pub chat: ChatServiceClient<Channel>,
    /// Messages of many senders.
    pub sends: Sends,
    /// Sessions and accounts.
    pub identity: IdentityServiceClient<Channel>,
    /// Who is online, who types.
    pub presence: PresenceServiceClient<Channel>,
    /// Notifications.
    pub notify: NotifyServiceClient<Channel>,
    /// Files.
    pub files: FilesServiceClient<Channel>,
    /// Whether chat-svc is older than this edge.
    pub(crate) older: Older,
    /// Retry budgets, one per service.
    pub budgets: Arc<Budgets>,
    channels: [(&'static str, Channel); 4],
}

/// One retry budget per service, for [`runtime::client::idempotent`].
#[derive(Debug, Default)]
pub struct Budgets {
    /// chat-svc.
    pub chat: Budget,
    /// presence-svc.
    pub presence: Budget,
    /// notify-svc.
    pub notify: Budget,
    /// files-svc.
    pub files: Budget,
}

impl Upstream {
    /// Opens the channels; returns at once.
    pub fn connect(at: &Addresses, shutdown: &Shutdown) -> Self {
        let chat = connect("chat-svc", &at.chat, shutdown);
        let presence = connect("presence-svc", &at.presence, shutdown);
        let notify = connect("notify-svc", &at.notify, shutdown);
        let files = connect("files-svc", &at.files, shutdown);
        let older = Older::default();
        let chat_client = ChatServiceClient::new(chat.clone()).max_decoding_message_size(MAX_MESSAGE);
        Self {
            sends: Sends::start(chat_client.clone(), older.clone(), shutdown),
            chat: chat_client,
            identity: IdentityServiceClient::new(chat.clone()),
            presence: PresenceServiceClient::new(presence.clone()).max_decoding_message_size(MAX_MESSAGE),
            notify: NotifyServiceClient::new(notify.clone()).max_decoding_message_size(MAX_MESSAGE),
            files: FilesServiceClient::new(files.clone()),
            older,
            budgets: Arc::default(),
            channels: [
                ("chat", chat),
                ("presence", presence),
                ("notify", notify),
                ("files", files),
            ],
        }
    }

    /// Resolves when chat-svc was reached, and the others were, or had some time to be.
    pub async fn reached(&self) {
        let [chat, others @ ..] = &self.channels;
        chat.1.ready().await;
        let others = futures_util::future::join_all(others.iter().map(|(_, channel)| channel.ready()));
        let _ = tokio::time::timeout(OTHERS, others).await;
    }

    /// Whether a service (`chat`, `presence`, `notify` or `files`) says of itself that it serves.
    pub async fn serving(&self, service: &str) -> bool {
        let Some((_, channel)) = self.channels.iter().find(|(name, _)| *name == service) else {
            return false;
        };
        let answer = HealthClient::new(channel.clone())
            .check(HealthCheckRequest::default())
            .await;
        answer.is_ok_and(|answer| answer.get_ref().status() == ServingStatus::Serving)
    }

    /// Each service with the number of its live replicas.
    pub fn live(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.channels
            .iter()
            .map(|(name, channel)| (*name, channel.live()))
    }
}
