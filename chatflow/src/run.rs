//! The process's life: the folder, the ports, the services, the edge, one end for all.

use broker::{Broker, Source};
use edge::upstream::Addresses;
use runtime::{Fatal, Shutdown, health::Health};

use crate::{
    Config,
    banner::Banner,
    data_dir::DataDir,
    health,
    ports::{self, Grpc, Ports},
};

/// Runs everything until the shutdown begins and what is under way has ended.
///
/// # Errors
/// A folder or a port that can't be had, a service that fails.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), Fatal> {
    let data = DataDir::open(&config.data_dir)?;
    let open = Ports::open(&config)?;
    let http = ports::address(&open.http)?;
    let process = Health::new();
    Banner::new(http, &open, &data, config.access.open).show_when_ready(&process, &shutdown);

    let broker = Source::Shared(Broker::memory());
    let services = Addresses {
        chat: open.chat.url(),
        presence: open.presence.url(),
        notify: open.notify.url(),
        files: open.files.url(),
    };
    let [chat_at, presence_at, notify_at, files_at] =
        [&open.chat, &open.presence, &open.notify, &open.files].map(Grpc::listen);
    let health_of = |name| health::of_service(name, &process, &shutdown);
    let chat = chat_svc::serve_on(
        open.chat.listener,
        chat_svc::Config {
            listen: chat_at,
            database: data.database("chat.db"),
            replicas: Vec::new(),
            broker: broker.clone(),
            notify: Some(services.notify.clone()),
        },
        health_of("chat"),
        shutdown.clone(),
    );
    let presence = presence_svc::serve_on(
        open.presence.listener,
        presence_svc::Config {
            listen: presence_at,
            store: presence_svc::store::StoreSource::Memory,
            broker: broker.clone(),
            lifetimes: presence_svc::store::Lifetimes::default(),
        },
        health_of("presence"),
        shutdown.clone(),
    );
    let notify = notify_svc::serve_on(
        open.notify.listener,
        notify_svc::Config {
            listen: notify_at,
            database: data.database("notifications.db"),
            broker: broker.clone(),
        },
        health_of("notify"),
        shutdown.clone(),
    );
    let files = files_svc::serve_on(
        open.files.listener,
        files_svc::Config {
            listen: files_at,
            database: data.database("files.db"),
            objects: files_svc::objects::Place::Directory(data.objects()),
            limits: files_svc::Limits {
                max_upload_bytes: config.access.max_upload_bytes,
                ..files_svc::Limits::default()
            },
        },
        health_of("files"),
        shutdown.clone(),
    );
    let edge = edge::run::serve_on(
        open.http,
        edge::config::Config {
            listen: config.listen,
            broker,
            subscribing: edge::config::Subscribing::All,
            services,
            access: config.access,
        },
        process.clone(),
        shutdown.clone(),
    );
    tokio::try_join!(chat, presence, notify, files, edge).map(drop)
}
