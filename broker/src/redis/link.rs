//! One connection to Redis that is watched: made again for ever, given up when silent, and refused at once while down.

use std::{sync::Arc, time::Duration};

use redis::{
    AsyncConnectionConfig, IntoConnectionInfo as _, ProtocolVersion, PushInfo, PushKind, RedisError,
    aio::{MultiplexedConnection, SendError},
};
use runtime::Shutdown;
use tokio::sync::{Notify, watch};
use tokio_util::sync::DropGuard;

use crate::BrokerUrl;

/// How often a connection is asked whether it is alive.
const PING_EVERY: Duration = Duration::from_secs(2);

/// How long connecting, and any answer, may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Pauses between attempts to connect: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_millis(500);

/// When the kernel gives up on a peer that does not even acknowledge.
const USER_TIMEOUT: Duration = Duration::from_secs(5);

/// Requests that may wait for the connection's task; the client's default of 50 stalls concurrent callers.
const PIPELINE: usize = 4096;

/// Told of what Redis pushes, with the session that it belongs to. Runs on the connection's task: it must not block.
pub(crate) type OnPush = Arc<dyn Fn(u64, PushInfo) + Send + Sync>;

/// A connection while it works.
#[derive(Clone)]
pub(crate) struct Session {
    /// Counts the connections that were made, from 1.
    pub(crate) number: u64,
    /// The connection.
    pub(crate) connection: MultiplexedConnection,
}

/// A connection to Redis that is made again whenever it is lost. Cheap to clone; it ends with its last clone, or, for
/// new connections, when the shutdown begins: what is open then serves until the process ends.
#[derive(Clone)]
pub struct RedisLink {
    state: watch::Receiver<State>,
    _end: Arc<DropGuard>,
}

#[derive(Clone)]
enum State {
    Up(Session),
    /// Why, in words that hold no secret.
    Down(String),
}

impl RedisLink {
    /// Connects in the background. `name` says in the logs what the connection is for.
    pub fn connect(name: &'static str, url: &BrokerUrl, shutdown: &Shutdown) -> Self {
        Self::connect_with(name, url, Arc::new(|_, _| {}), shutdown)
    }

    pub(crate) fn connect_with(
        name: &'static str,
        url: &BrokerUrl,
        on_push: OnPush,
        shutdown: &Shutdown,
    ) -> Self {
        let (state, following) = watch::channel(State::Down("connecting".to_owned()));
        let end = shutdown.token().child_token();
        let keeper = Keeper {
            name,
            url: url.clone(),
            on_push,
            state,
        };
        let ended = end.clone();
        shutdown.spawn(async move { ended.run_until_cancelled(keeper.keep()).await });
        Self {
            state: following,
            _end: Arc::new(end.drop_guard()),
        }
    }

    /// The connection, or why there is none, at once. Its answers come or fail within 2 s.
    ///
    /// # Errors
    /// Why Redis can't be reached, without secrets.
    pub fn connection(&self) -> Result<MultiplexedConnection, String> {
        match &*self.state.borrow() {
            State::Up(session) => Ok(session.connection.clone()),
            State::Down(reason) => Err(reason.clone()),
        }
    }

    /// Follows the sessions, without keeping the link alive.
    pub(crate) fn follow(&self) -> Follower {
        Follower(self.state.clone())
    }
}

/// Follows the sessions of a link.
pub(crate) struct Follower(watch::Receiver<State>);

impl Follower {
    /// The session now, if there is one; what changes later wakes [`Self::changed`].
    pub(crate) fn session(&mut self) -> Option<Session> {
        match &*self.0.borrow_and_update() {
            State::Up(session) => Some(session.clone()),
            State::Down(_) => None,
        }
    }

    /// Waits for the next change and returns the session then, if there is one. Never resolves once the link has ended.
    pub(crate) async fn changed(&mut self) -> Option<Session> {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.session()
    }
}

struct Keeper {
    name: &'static str,
    url: BrokerUrl,
    on_push: OnPush,
    state: watch::Sender<State>,
}

impl Keeper {
    async fn keep(self) {
        let (name, redis) = (self.name, &self.url);
        let mut told_down = false;
        for number in 1.. {
            let lost = Arc::new(Notify::new());
            let mut pause = FIRST_PAUSE;
            let connection = loop {
                match self.open(number, Arc::clone(&lost)).await {
                    Ok(connection) => break connection,
                    Err(reason) => {
                        if !told_down {
                            tracing::warn!(connection = name, %redis, reason, "Redis can't be reached; trying on");
                            told_down = true;
                        }
                        self.state.send_replace(State::Down(reason));
                    }
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LAST_PAUSE);
            };
            tracing::info!(connection = name, %redis, "connected to Redis");
            self.state.send_replace(State::Up(Session {
                number,
                connection: connection.clone(),
            }));
            let reason = watch_over(connection, &lost).await;
            tracing::warn!(connection = name, %redis, reason, "lost Redis; connecting again");
            told_down = true;
            self.state.send_replace(State::Down(reason));
        }
    }

    async fn open(&self, number: u64, lost: Arc<Notify>) -> Result<MultiplexedConnection, String> {
        let on_push = Arc::clone(&self.on_push);
        let push = move |info: PushInfo| -> Result<(), SendError> {
            if info.kind == PushKind::Disconnection {
                lost.notify_one();
            }
            on_push(number, info);
            Ok(())
        };
        let config = AsyncConnectionConfig::new()
            .set_push_sender(push)
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT))
            .set_pipeline_buffer_size(PIPELINE);
        let attempt = async {
            let info = self.url.expose().into_connection_info()?;
            // Pushes, and so the news that the connection is lost, need RESP3.
            let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
            let tcp = redis::io::tcp::TcpSettings::default()
                .set_nodelay(true)
                .set_user_timeout(USER_TIMEOUT);
            let client = redis::Client::open(info.set_tcp_settings(tcp).set_redis_settings(settings))?;
            client.get_multiplexed_async_connection_with_config(&config).await
        };
        match tokio::time::timeout(TIMEOUT, attempt).await {
            Ok(result) => result.map_err(|error| in_words(&error)),
            Err(_) => Err("no answer".to_owned()),
        }
    }
}

/// Returns why the connection no longer works. A server that is frozen, or behind a network that drops everything, keeps
/// its connection open: only the missing answer tells.
async fn watch_over(mut connection: MultiplexedConnection, lost: &Notify) -> String {
    let mut tick = tokio::time::interval(PING_EVERY);
    loop {
        tokio::select! {
            () = lost.notified() => return "the connection was closed".to_owned(),
            _ = tick.tick() => {}
        }
        let ping = redis::cmd("PING");
        tokio::select! {
            () = lost.notified() => return "the connection was closed".to_owned(),
            answer = ping.query_async::<()>(&mut connection) => match answer {
                Err(error) if error.is_timeout() => return "no answer".to_owned(),
                Err(error) => return in_words(&error),
                Ok(()) => {}
            }
        }
    }
}

/// What went wrong, in words for operators. A server that doesn't know a command repeats its arguments, and those of the
/// first one hold the password.
pub(crate) fn in_words(error: &RedisError) -> String {
    let told = error.to_string();
    told.split(", with args").next().unwrap_or_default().to_owned()
}
