//! An edge and its services in this process, each test its own.

use std::time::Duration;

use broker::{Broker, Source};
use edge::{
    config::{Access, Config, HttpLimits},
    upstream::Addresses,
};
use runtime::{Shutdown, client::ServiceUrl, health::Health, settings::Listen};
use serde_json::Value;
use tempfile::TempDir;
use test_support::{
    client::{Answer, Rest},
    wait,
};
use tokio::net::TcpListener;

/// Running until it is dropped.
pub(crate) struct App {
    pub(crate) rest: Rest,
    pub(crate) port: u16,
    shutdown: Shutdown,
    _data: TempDir,
}

impl Drop for App {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

async fn listener() -> (TcpListener, Listen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let listen = Listen {
        bind: address.ip(),
        port: address.port(),
        admin_port: None,
    };
    (listener, listen)
}

fn url(at: Listen) -> ServiceUrl {
    ServiceUrl::new("127.0.0.1", at.port)
}

/// What a test may change: names alone are enough, 1 MiB files, no limits of pace.
pub(crate) fn access() -> Access {
    Access {
        open: true,
        max_upload_bytes: 1024 * 1024,
        max_connections: 1000,
        compression: false,
        http: HttpLimits::default(),
    }
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::with(access()).await
    }

    /// Where a token is needed for everything.
    pub(crate) async fn closed() -> Self {
        Self::with(Access {
            open: false,
            ..access()
        })
        .await
    }

    pub(crate) async fn with(access: Access) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let shutdown = Shutdown::new();
        let broker = Source::Shared(Broker::memory());
        let database = |name: &str| sql::DatabaseUrl::Sqlite(data.path().join(name));
        let (chat, chat_at) = listener().await;
        let (presence, presence_at) = listener().await;
        let (notify, notify_at) = listener().await;
        let (files, files_at) = listener().await;
        let (http, http_at) = listener().await;
        let services = Addresses {
            chat: url(chat_at),
            presence: url(presence_at),
            notify: url(notify_at),
            files: url(files_at),
        };
        let config = chat_svc::Config {
            listen: chat_at,
            database: database("chat.db"),
            replicas: Vec::new(),
            broker: broker.clone(),
            notify: Some(services.notify.clone()),
        };
        shutdown.spawn(chat_svc::serve_on(chat, config, Health::new(), shutdown.clone()));
        let config = presence_svc::Config {
            listen: presence_at,
            store: presence_svc::store::StoreSource::Memory,
            broker: broker.clone(),
            lifetimes: presence_svc::store::Lifetimes::default(),
        };
        shutdown.spawn(presence_svc::serve_on(
            presence,
            config,
            Health::new(),
            shutdown.clone(),
        ));
        let config = notify_svc::Config {
            listen: notify_at,
            database: database("notifications.db"),
            broker: broker.clone(),
        };
        shutdown.spawn(notify_svc::serve_on(
            notify,
            config,
            Health::new(),
            shutdown.clone(),
        ));
        let config = files_svc::Config {
            listen: files_at,
            database: database("files.db"),
            objects: files_svc::objects::Place::Directory(data.path().join("files")),
            limits: files_svc::Limits::default(),
        };
        shutdown.spawn(files_svc::serve_on(
            files,
            config,
            Health::new(),
            shutdown.clone(),
        ));
        let config = Config {
            listen: http_at,
            broker,
            subscribing: edge::config::Subscribing::default(),
            services,
            access,
        };
        shutdown.spawn(edge::run::serve_on(http, config, Health::new(), shutdown.clone()));
        let rest = Rest::new(format!("http://127.0.0.1:{}", http_at.port));
        wait::until(wait::START, "the edge is ready", async || {
            rest.get("/readyz").await.status == 200
        })
        .await;
        Self {
            rest,
            port: http_at.port,
            shutdown,
            _data: data,
        }
    }

    /// A client that signed in as a guest.
    pub(crate) async fn guest(&self, user_id: &str) -> Rest {
        let body = serde_json::json!({ "user_id": user_id });
        let session = self
            .rest
            .post("/api/chat/sessions", &body)
            .await
            .expect(201)
            .json();
        self.rest
            .clone()
            .with_token(session["token"].as_str().expect("a token"))
    }

    /// How many files there are.
    pub(crate) async fn files(&self) -> usize {
        let list = self
            .rest
            .get("/api/files/files?limit=200")
            .await
            .expect(200)
            .json();
        list.as_array().expect("a list").len()
    }
}

/// Checks that an answer is a problem of the contract's shape, with this status and code.
#[track_caller]
pub(crate) fn assert_problem(answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert!(!answer.header("x-request-id").is_empty());
    let body = answer.json();
    assert_eq!(body["status"], status);
    assert_eq!(body["code"], code, "{body}");
    for field in ["type", "title", "detail"] {
        assert!(
            body[field].as_str().is_some_and(|text| !text.is_empty()),
            "{field}: {body}"
        );
    }
    body
}

/// The same for 422, with the field named.
#[track_caller]
pub(crate) fn assert_field(answer: &Answer, field: &str) {
    let body = assert_problem(answer, 422, "invalid_argument");
    assert_eq!(body["errors"][0]["field"], field, "{body}");
}

/// Reads what a raw connection says until it ends, or until it is quiet for a second.
pub(crate) async fn read_all(stream: &mut tokio::net::TcpStream) -> String {
    use tokio::io::AsyncReadExt as _;
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(read @ 1..)) =
        tokio::time::timeout(Duration::from_secs(1), stream.read(&mut buffer)).await
    {
        all.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&all).into_owned()
}
