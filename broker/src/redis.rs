//! The broker on Redis: one RESP3 connection that publishes and subscribes, reconnects for ever, and says when
//! something may have been missed.

use std::time::Duration;

use futures_util::{FutureExt as _, future::BoxFuture};
use redis::{
    IntoConnectionInfo as _, PushInfo, PushKind, Value,
    aio::{ConnectionManager, ConnectionManagerConfig, SendError},
};
use runtime::Shutdown;
use tokio::sync::{broadcast, mpsc, watch};

use crate::{Backend, BrokerUrl, Error, Event, PUBLISH_DEADLINE, Publication, Subscription, matches};

/// Events kept for a subscriber that lags; one that lags further is told [`Event::Interrupted`].
const RING: usize = 1024;

/// Subscriptions that may wait to be made.
const COMMANDS: usize = 64;

const PING_EVERY: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(2);

/// See the module.
pub struct RedisBroker {
    connection: watch::Receiver<Option<ConnectionManager>>,
    commands: mpsc::Sender<String>,
    ring: broadcast::Sender<Event>,
    connected: watch::Sender<bool>,
}

impl RedisBroker {
    /// Connects in the background and stays connected until the shutdown begins.
    pub fn connect(url: BrokerUrl, shutdown: &Shutdown) -> Self {
        let ring = broadcast::Sender::new(RING);
        let connected = watch::Sender::new(false);
        let (commands, wanted) = mpsc::channel(COMMANDS);
        let (made, connection) = watch::channel(None);
        shutdown.spawn(keep(
            url,
            made,
            wanted,
            ring.clone(),
            connected.clone(),
            shutdown.clone(),
        ));
        Self {
            connection,
            commands,
            ring,
            connected,
        }
    }

    async fn publish_now(&self, publications: Vec<Publication>) -> Result<(), Error> {
        let down = || Error::Unavailable("not connected".to_owned());
        let mut connection = self.connection.borrow().clone().ok_or_else(down)?;
        let mut pipeline = redis::pipe();
        for Publication { channel, payload } in &publications {
            pipeline.publish(channel, payload.as_ref()).ignore();
        }
        match tokio::time::timeout(PUBLISH_DEADLINE, pipeline.query_async::<()>(&mut connection)).await {
            Ok(result) => result.map_err(|error| Error::Unavailable(error.to_string())),
            Err(_) => Err(Error::Unavailable("no answer".to_owned())),
        }
    }
}

async fn keep(
    url: BrokerUrl,
    made: watch::Sender<Option<ConnectionManager>>,
    mut wanted: mpsc::Receiver<String>,
    ring: broadcast::Sender<Event>,
    connected: watch::Sender<bool>,
    shutdown: Shutdown,
) {
    let Some(mut connection) = establish(&url, &ring, &connected, &shutdown).await else {
        return;
    };
    made.send_replace(Some(connection.clone()));
    connected.send_replace(true);
    let mut ping = tokio::time::interval(PING_EVERY);
    loop {
        tokio::select! {
            () = shutdown.begun() => break,
            pattern = wanted.recv() => match pattern {
                None => break,
                Some(pattern) => {
                    let result = if pattern.ends_with('*') {
                        connection.psubscribe(&pattern).await
                    } else {
                        connection.subscribe(&pattern).await
                    };
                    if let Err(error) = result {
                        tracing::warn!(%error, pattern, "subscribing is tried again when Redis is back");
                    }
                }
            },
            // A ping that is not answered makes TCP_USER_TIMEOUT fire on a connection that is half open.
            _ = ping.tick() => {
                let answer = redis::cmd("PING").query_async::<Value>(&mut connection).await;
                connected.send_if_modified(|now| std::mem::replace(now, answer.is_ok()) != answer.is_ok());
            }
        }
    }
    // Publishing goes on while the process drains.
    shutdown.time_is_up().await;
}

async fn establish(
    url: &BrokerUrl,
    ring: &broadcast::Sender<Event>,
    connected: &watch::Sender<bool>,
    shutdown: &Shutdown,
) -> Option<ConnectionManager> {
    loop {
        let (ring, connected) = (ring.clone(), connected.clone());
        // Runs on the connection's own task: it must neither block nor await.
        let push = move |info: PushInfo| -> Result<(), SendError> {
            let event = match (info.kind, info.data.as_slice()) {
                (PushKind::PMessage, [_, Value::BulkString(channel), Value::BulkString(payload)])
                | (PushKind::Message, [Value::BulkString(channel), Value::BulkString(payload)]) => {
                    Event::Message(Publication {
                        channel: String::from_utf8_lossy(channel).into_owned(),
                        payload: payload.clone().into(),
                    })
                }
                (PushKind::Disconnection, _) => {
                    connected.send_replace(false);
                    Event::Interrupted
                }
                (PushKind::PSubscribe | PushKind::Subscribe, _) => {
                    connected.send_replace(true);
                    Event::Connected
                }
                _ => return Ok(()),
            };
            let _ = ring.send(event);
            Ok(())
        };
        let config = ConnectionManagerConfig::new()
            .set_push_sender(push)
            .set_automatic_resubscription()
            // The default gives up after six tries and leaves a subscriber deaf for ever.
            .set_number_of_retries(usize::MAX)
            .set_min_delay(Duration::from_millis(50))
            .set_max_delay(Duration::from_millis(500))
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT))
            // The default of 50 stalls concurrent publishers.
            .set_pipeline_buffer_size(4096);
        let attempt = async {
            let separator = if url.expose().contains('?') { '&' } else { '?' };
            let info = format!("{}{separator}protocol=resp3", url.expose()).into_connection_info()?;
            let tcp = redis::io::tcp::TcpSettings::default()
                .set_nodelay(true)
                .set_user_timeout(Duration::from_secs(5));
            let client = redis::Client::open(info.set_tcp_settings(tcp))?;
            client.get_connection_manager_with_config(config).await
        };
        tokio::select! {
            () = shutdown.begun() => return None,
            result = tokio::time::timeout(TIMEOUT, attempt) => match result {
                Ok(Ok(connection)) => {
                    tracing::info!(redis = %url, "broker connected");
                    return Some(connection);
                }
                Ok(Err(error)) => tracing::warn!(redis = %url, %error, "the broker can't be reached"),
                Err(_) => tracing::warn!(redis = %url, "the broker does not answer"),
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

impl Backend for RedisBroker {
    fn publish(&self, publications: Vec<Publication>) -> BoxFuture<'_, Result<(), Error>> {
        self.publish_now(publications).boxed()
    }

    fn subscribe(&self, patterns: &[&str]) -> Box<dyn Subscription> {
        let ring = self.ring.subscribe();
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        for pattern in &patterns {
            if self.commands.try_send(pattern.clone()).is_err() {
                tracing::error!(pattern, "too many subscriptions at once");
            }
        }
        Box::new(RedisSubscription {
            ring,
            patterns,
            announce: false,
        })
    }

    fn connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }
}

struct RedisSubscription {
    ring: broadcast::Receiver<Event>,
    patterns: Vec<String>,
    announce: bool,
}

impl Subscription for RedisSubscription {
    fn recv(&mut self) -> BoxFuture<'_, Option<Event>> {
        async {
            loop {
                if std::mem::take(&mut self.announce) {
                    return Some(Event::Connected);
                }
                match self.ring.recv().await {
                    Ok(Event::Message(publication))
                        if !self.patterns.iter().any(|p| matches(p, &publication.channel)) => {}
                    Ok(event) => return Some(event),
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        self.announce = true;
                        return Some(Event::Interrupted);
                    }
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        }
        .boxed()
    }
}
