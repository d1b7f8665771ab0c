//! Databases of both kinds, and a running service.

use std::sync::Arc;

use broker::{Event, Source, Subscription};
use notify_svc::{Config, Notification, store::Store};
use proto::notify::notify_service_client::NotifyServiceClient;
use runtime::{Shutdown, health::Health, settings::Listen};
use sql::DatabaseUrl;
use tempfile::TempDir;
use test_support::{postgres, wait};
use tokio::net::TcpListener;
use tonic::transport::Channel;

/// A fresh database; it goes when this is dropped.
pub(crate) struct Fresh {
    pub(crate) url: DatabaseUrl,
    folder: Option<TempDir>,
}

pub(crate) fn sqlite() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/on/demand/notifications.db");
    Fresh {
        url: DatabaseUrl::Sqlite(path),
        folder: Some(folder),
    }
}

pub(crate) async fn postgres() -> Fresh {
    let url = postgres::database().await.url().parse().unwrap();
    Fresh { url, folder: None }
}

impl Fresh {
    /// A store on it, as a replica opens it.
    pub(crate) async fn store(&self) -> (Arc<dyn Store>, Shutdown) {
        let shutdown = Shutdown::new();
        let part = Health::new().part("notify-store");
        let store = notify_svc::store::open(&self.url, part, &shutdown).await.unwrap();
        (store, shutdown)
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.folder.is_none()
    }
}

/// Makes the named functions, which take a [`Fresh`], a test per backend.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::support::sqlite()).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::support::postgres().await).await;
            })+
        }
    };
}

/// A replica of the service on a port of its own; it ends when this is dropped.
pub(crate) struct Replica {
    pub(crate) client: NotifyServiceClient<Channel>,
    pub(crate) health: Health,
    shutdown: Shutdown,
}

impl Replica {
    pub(crate) async fn start(database: &DatabaseUrl, broker: Source) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Config {
            listen: Listen {
                bind: address.ip(),
                port: address.port(),
                admin_port: None,
            },
            database: database.clone(),
            broker,
        };
        let (health, shutdown) = (Health::new(), Shutdown::new());
        let service = notify_svc::serve_on(listener, config, health.clone(), shutdown.clone());
        shutdown.spawn(service);
        let channel = Channel::from_shared(format!("http://{address}")).unwrap();
        Self {
            client: NotifyServiceClient::new(channel.connect_lazy()),
            health,
            shutdown,
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

/// The next thing that is published.
pub(crate) async fn published(subscription: &mut dyn Subscription) -> (String, String) {
    let next = async {
        loop {
            match subscription.recv().await.unwrap() {
                Event::Message(message) => return message,
                Event::Connected | Event::Interrupted | Event::Added(_) => {}
            }
        }
    };
    let message = tokio::time::timeout(wait::SOON, next).await.unwrap();
    let payload = String::from_utf8(message.payload().to_vec()).unwrap();
    (message.channel().to_owned(), payload)
}

/// A notification of `user_id`, made at `millis` since the epoch, with a number for its id.
pub(crate) fn notification(user_id: &str, number: u128, millis: i64) -> Notification {
    Notification {
        id: uuid::Uuid::from_u128(number).to_string(),
        user_id: user_id.to_owned(),
        title: format!("title {number}"),
        body: "a body".to_owned(),
        notif_type: "info".to_owned(),
        room_id: None,
        is_read: false,
        created_at: jiff::Timestamp::from_millisecond(millis).unwrap(),
    }
}
