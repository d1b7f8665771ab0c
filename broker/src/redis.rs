//! The broker on Redis: one RESP3 connection that publishes and subscribes, reconnects for ever, and says when
//! something may have been missed.

mod link;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use redis::{FromRedisValue as _, PushInfo, PushKind, RedisError, Value, aio::MultiplexedConnection};
use runtime::Shutdown;
use tokio::sync::watch;
use tokio_util::sync::DropGuard;

use crate::{
    Backend, BrokerUrl, Error, INBOX_BYTES, PUBLISH_DEADLINE, Publication, Subscription, hub::Hub, is_extra,
    publishing,
};
use link::{Session, in_words};

pub use link::RedisLink;

/// Pause before a subscription that Redis refused is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// See the module.
pub struct RedisBroker {
    link: RedisLink,
    hub: Arc<Hub>,
    _end: DropGuard,
}

impl RedisBroker {
    /// Connects in the background and keeps connecting until the shutdown begins; then, what is connected serves on.
    pub fn connect(url: &BrokerUrl, shutdown: &Shutdown) -> Self {
        let hub = Hub::unconnected(INBOX_BYTES);
        let heard = Arc::clone(&hub);
        let on_push = Arc::new(move |session, info| hear(&heard, session, info));
        let link = RedisLink::connect_with("broker", url, on_push, shutdown);
        let end = shutdown.token().child_token();
        let (following, ended) = (follow(link.follow(), Arc::clone(&hub)), end.clone());
        shutdown.spawn(async move { ended.run_until_cancelled(following).await });
        Self {
            link,
            hub,
            _end: end.drop_guard(),
        }
    }

    async fn publish_now(&self, publications: &[Publication]) -> Result<(), Error> {
        let mut connection = self.link.connection().map_err(Error::Unavailable)?;
        let mut pipeline = redis::pipe();
        // Each command has an answer of its own: those of extras are nobody's concern.
        pipeline.ignore_errors();
        for publication in publications {
            pipeline.publish(&publication.channel, publication.payload.as_ref());
            if publication.is_extra() {
                pipeline.ignore();
            }
        }
        let answers = pipeline.query_async::<Vec<Result<(), RedisError>>>(&mut connection);
        match tokio::time::timeout(PUBLISH_DEADLINE, answers).await {
            Ok(answers) => answers
                .and_then(|answers| answers.into_iter().collect())
                .map_err(|error| Error::Unavailable(in_words(&error))),
            Err(_) => Err(Error::Unavailable("no answer".to_owned())),
        }
    }
}

/// What Redis pushes becomes events here, in its order, so that a confirmation stands between what was missed and what is
/// delivered.
fn hear(hub: &Hub, session: u64, info: PushInfo) {
    let mut data = info.data.into_iter();
    let mut text = || data.next().and_then(|value| String::from_redis_value(value).ok());
    match info.kind {
        PushKind::PMessage | PushKind::Message => {
            let Some(pattern) = text() else { return };
            let channel = if info.kind == PushKind::PMessage {
                text()
            } else {
                Some(pattern.clone())
            };
            if let (Some(channel), Some(Value::BulkString(payload))) = (channel, data.next()) {
                let publication = Publication {
                    channel,
                    payload: payload.into(),
                };
                hub.deliver_for(session, &pattern, &publication);
            }
        }
        PushKind::PSubscribe | PushKind::Subscribe => {
            if let Some(pattern) = text() {
                hub.confirm(session, pattern);
            }
        }
        _ => {}
    }
}

/// Subscribes in each session to what is wanted, and follows what is wanted while it lasts.
async fn follow(mut link: link::Follower, hub: Arc<Hub>) {
    let mut session = link.session();
    loop {
        session = match session {
            Some(session) => serve(&mut link, &hub, session).await,
            None => link.changed().await,
        };
        hub.lost();
    }
}

/// Returns what comes after `session`.
async fn serve(link: &mut link::Follower, hub: &Hub, session: Session) -> Option<Session> {
    let Session {
        number,
        mut connection,
    } = session;
    let mut asked = BTreeSet::new();
    let (mut refused, mut without) = (false, false);
    hub.begin(number);
    loop {
        let (more, less) = hub.difference(&asked);
        tokio::select! {
            next = link.changed() => return next,
            result = ask(&mut connection, &more, &less, &mut without) => match result {
                Ok(()) => {
                    asked.extend(more);
                    asked.retain(|pattern| !less.contains(pattern));
                }
                Err(error) => {
                    let error = in_words(&error);
                    if !std::mem::replace(&mut refused, true) {
                        tracing::warn!(error, patterns = ?more, "can't subscribe; trying on");
                    }
                    tokio::select! {
                        next = link.changed() => return next,
                        () = tokio::time::sleep(AGAIN) => continue,
                    }
                }
            }
        }
        tokio::select! {
            next = link.changed() => return next,
            () = hub.changed.notified() => {}
        }
    }
}

/// `without` is set once it is told that extras are refused.
async fn ask(
    connection: &mut MultiplexedConnection,
    more: &[String],
    less: &[String],
    without: &mut bool,
) -> Result<(), RedisError> {
    let is_pattern = |name: &&String| name.ends_with('*');
    let (patterns, names): (Vec<&String>, Vec<&String>) = less.iter().partition(is_pattern);
    if !patterns.is_empty() {
        connection.punsubscribe(patterns).await?;
    }
    if !names.is_empty() {
        connection.unsubscribe(names).await?;
    }
    let (extras, needed): (Vec<&String>, Vec<&String>) = more.iter().partition(|name| is_extra(name));
    match subscribe(connection, &extras).await {
        Err(error) if error.code() == Some("NOPERM") => {
            if !std::mem::replace(without, true) {
                let error = in_words(&error);
                tracing::warn!(error, patterns = ?extras, "can't subscribe; going on without");
            }
        }
        result => result?,
    }
    subscribe(connection, &needed).await
}

async fn subscribe(connection: &mut MultiplexedConnection, names: &[&String]) -> Result<(), RedisError> {
    let (patterns, names): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| name.ends_with('*'));
    if !patterns.is_empty() {
        connection.psubscribe(patterns).await?;
    }
    if !names.is_empty() {
        connection.subscribe(names).await?;
    }
    Ok(())
}

impl Drop for RedisBroker {
    fn drop(&mut self) {
        self.hub.close();
    }
}

impl Backend for RedisBroker {
    fn publish(&self, publications: Vec<Publication>) -> BoxFuture<'_, Result<(), Error>> {
        async move { publishing::measured(&publications, self.publish_now(&publications)).await }.boxed()
    }

    fn subscribe(&self, patterns: &[&str]) -> Box<dyn Subscription> {
        self.hub.subscribe(patterns)
    }

    fn connected(&self) -> watch::Receiver<bool> {
        self.hub.connected()
    }
}
