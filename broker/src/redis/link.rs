//! One connection to Redis that is watched: made again for ever, given up when silent, and refused at once while down.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use redis::{
    AsyncConnectionConfig, ProtocolVersion, PushInfo, PushKind, RedisError,
    aio::{MultiplexedConnection, SendError},
};
use runtime::Shutdown;
use tokio::sync::{Notify, watch};
use tokio_util::sync::DropGuard;

use crate::{BrokerUrl, url::Server};

/// How often a connection is asked whether it is alive.
pub(super) const PING_EVERY: Duration = Duration::from_secs(2);

/// How long connecting, and any answer, may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);

/// Pauses between attempts to connect: doubled from the first to the last.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(50);
pub(super) const LAST_PAUSE: Duration = Duration::from_millis(500);

/// When the kernel gives up on a peer that does not even acknowledge.
pub(super) const USER_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) const NO_ANSWER: &str = "no answer";
const CLOSED: &str = "the connection was closed";

/// Requests that may wait for the connection's task; the client's default of 50 stalls concurrent callers.
const PIPELINE: usize = 4096;

/// A connection to Redis that is made again whenever it is lost. Cheap to clone; it ends with its last clone, or, for
/// new connections, when the shutdown begins: what is open then serves until the process ends.
#[derive(Clone)]
pub struct RedisLink {
    state: watch::Receiver<State>,
    doubted: Arc<Notify>,
    _end: Arc<DropGuard>,
}

#[derive(Clone)]
enum State {
    Up(MultiplexedConnection),
    /// Why, in words that hold no secret.
    Down(String),
}

impl RedisLink {
    /// Connects in the background. `name` says in the logs what the connection is for.
    pub fn connect(name: &'static str, url: &BrokerUrl, shutdown: &Shutdown) -> Self {
        Self::to(name, url.server(), shutdown)
    }

    pub(crate) fn to(name: &'static str, server: Server, shutdown: &Shutdown) -> Self {
        let (state, following) = watch::channel(State::Down("connecting".to_owned()));
        let end = shutdown.token().child_token();
        let doubted = Arc::new(Notify::new());
        let keeper = Keeper {
            name,
            server,
            doubted: Arc::clone(&doubted),
            state,
        };
        let ended = end.clone();
        shutdown.spawn(async move { ended.run_until_cancelled(keeper.keep()).await });
        Self {
            state: following,
            doubted,
            _end: Arc::new(end.drop_guard()),
        }
    }

    /// The connection, or why there is none, at once. Its answers come or fail within 2 s.
    ///
    /// # Errors
    /// Why Redis can't be reached, without secrets.
    pub fn connection(&self) -> Result<MultiplexedConnection, String> {
        match &*self.state.borrow() {
            State::Up(connection) => Ok(connection.clone()),
            State::Down(reason) => Err(reason.clone()),
        }
    }

    /// For who learns that the server seems not to answer. Does not keep the link alive.
    pub(crate) fn doubt(&self) -> Doubt {
        Doubt(Arc::clone(&self.doubted))
    }

    /// Calls `told` with whether the link works, now and whenever that changes, until the link has ended. Does not keep it
    /// alive.
    pub(crate) fn follow<F: Fn(bool)>(&self, told: F) -> impl Future<Output = ()> + use<F> {
        let mut state = self.state.clone();
        async move {
            loop {
                let works = matches!(&*state.borrow_and_update(), State::Up(_));
                told(works);
                if state.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

/// See [`RedisLink::doubt`].
pub(crate) struct Doubt(Arc<Notify>);

impl Doubt {
    /// The server seems not to answer: until it does, callers are refused at once.
    pub(crate) fn doubt(&self) {
        self.0.notify_one();
    }
}

struct Keeper {
    name: &'static str,
    server: Server,
    doubted: Arc<Notify>,
    state: watch::Sender<State>,
}

impl Keeper {
    async fn keep(self) {
        let (name, redis) = (self.name, &self.server.shown);
        let mut told_down = false;
        loop {
            let lost = Arc::new(Notify::new());
            let mut pause = FIRST_PAUSE;
            let connection = loop {
                match self.open(Arc::clone(&lost)).await {
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
            // What was doubted was the connection before.
            let _ = self.doubted.notified().now_or_never();
            self.state.send_replace(State::Up(connection.clone()));
            let reason = self.watch_over(connection, &lost).await;
            tracing::warn!(connection = name, %redis, reason, "lost Redis; connecting again");
            told_down = true;
            self.state.send_replace(State::Down(reason));
        }
    }

    async fn open(&self, lost: Arc<Notify>) -> Result<MultiplexedConnection, String> {
        let push = move |info: PushInfo| -> Result<(), SendError> {
            if info.kind == PushKind::Disconnection {
                lost.notify_one();
            }
            Ok(())
        };
        let config = AsyncConnectionConfig::new()
            .set_push_sender(push)
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT))
            .set_pipeline_buffer_size(PIPELINE);
        let attempt = async {
            let info = self.server.info.clone();
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
            Err(_) => Err(NO_ANSWER.to_owned()),
        }
    }

    /// Returns why the connection no longer works. A server that is frozen, or behind a network that drops everything,
    /// keeps its connection open: only the missing answer tells.
    async fn watch_over(&self, connection: MultiplexedConnection, lost: &Notify) -> String {
        let mut tick = tokio::time::interval(PING_EVERY);
        loop {
            tokio::select! {
                () = lost.notified() => return CLOSED.to_owned(),
                () = self.doubted.notified() => self.suspend(),
                _ = tick.tick() => {}
            }
            let (ping, mut asked) = (redis::cmd("PING"), connection.clone());
            let mut answer = pin!(ping.query_async::<()>(&mut asked));
            loop {
                tokio::select! {
                    () = lost.notified() => return CLOSED.to_owned(),
                    () = self.doubted.notified() => self.suspend(),
                    answer = &mut answer => match answer {
                        Err(error) if error.is_timeout() => return NO_ANSWER.to_owned(),
                        Err(error) => return in_words(&error),
                        Ok(()) => break,
                    }
                }
            }
            self.state.send_if_modified(|state| {
                let was_down = matches!(state, State::Down(_));
                if was_down {
                    *state = State::Up(connection.clone());
                }
                was_down
            });
        }
    }

    /// Refuses callers until the server answers.
    fn suspend(&self) {
        self.state.send_replace(State::Down(NO_ANSWER.to_owned()));
    }
}

/// What went wrong, in words for operators.
pub(crate) fn in_words(error: &RedisError) -> String {
    without_arguments(&error.to_string())
}

/// A server that doesn't know a command repeats its arguments, and those of the first one hold the password.
pub(crate) fn without_arguments(told: &str) -> String {
    told.split(", with args").next().unwrap_or_default().to_owned()
}
