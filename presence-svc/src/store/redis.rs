//! Presence in Redis, shared by all replicas: keys that expire, sorted sets of expiries to list and sweep by, and scripts
//! that go by Redis' own clock, so that a clock that jumps on one machine does not matter.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `presence:user:{user_id}` | string, 30 s | JSON: `user_id`, `username`, `status`, `last_seen` |
//! | `presence:expiries` | sorted set | users by the end of their presence (ms since 1970) |
//! | `presence:names`, `presence:rooms` | hashes | what is told of a user whose key has expired |
//! | `presence:typing:{room_id}:{user_id}` | string, 5 s | JSON: `user_id`, `username`, `room_id` |
//! | `presence:typing-expiries` | sorted set | `{room_id}:{user_id}` by the end of the run |
//! | `presence:typing-expiries:{room_id}` | sorted set | the same for one room, to list by |
//! | `presence:typing-names` | hash | what is told of a run whose key has expired |

mod record;
mod scripts;

use std::{
    collections::HashSet,
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use broker::{BrokerUrl, RedisLink};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, future, stream};
use redis::{RedisError, aio::MultiplexedConnection};
use runtime::{Shutdown, deadline};

use super::{
    Answer, Beat, Change, DEADLINE, Lifetimes, Online, SWEEP_MAX, Store, Swept, Typist, Unavailable, User,
};
use record::{TypingRecord, UserRecord};
use scripts::{Gone, Scripts, Stopped};

/// Users in one question: Redis serves nobody else meanwhile.
const CHUNK: usize = 500;

/// Questions about chunks that are under way at once.
const CHUNKS_AT_ONCE: usize = 4;

/// See the module.
pub struct RedisStore {
    link: RedisLink,
    lifetimes: Lifetimes,
    scripts: Scripts,
    /// Whether the last answer was an error: what Redis refuses is logged once, not once a call.
    refused: AtomicBool,
}

impl RedisStore {
    /// Connects in the background and stays connected until the shutdown begins.
    pub fn connect(url: &BrokerUrl, lifetimes: Lifetimes, shutdown: &Shutdown) -> Self {
        Self {
            link: RedisLink::connect("presence-store", url, shutdown),
            lifetimes,
            scripts: Scripts::default(),
            refused: AtomicBool::new(false),
        }
    }

    /// Asks Redis within the deadline; at once refused while it is known to be down.
    fn ask<'a, T, F>(&'a self, question: impl FnOnce(MultiplexedConnection) -> F) -> Answer<'a, T>
    where
        T: Send + 'a,
        F: Future<Output = Result<T, RedisError>> + Send + 'a,
    {
        match self.link.connection() {
            Err(reason) => future::ready(Err(Unavailable(reason))).boxed(),
            Ok(connection) => {
                let answer = question(connection);
                async move {
                    let began = Instant::now();
                    let answer = in_time(answer).await;
                    metrics::histogram!("chatflow_store_seconds").record(began.elapsed().as_secs_f64());
                    let answer = answer?;
                    let was_refused = self.refused.swap(answer.is_err(), Ordering::Relaxed);
                    if let Err(error) = &answer
                        && !was_refused
                    {
                        tracing::warn!(%error, "Redis fails the presence store");
                    }
                    answer.map_err(|error| Unavailable(error.to_string()))
                }
                .boxed()
            }
        }
    }

    /// The values of keys; what has expired is left out.
    async fn values(&self, keys: Vec<String>) -> Result<Vec<String>, Unavailable> {
        let chunks = keys.chunks(CHUNK).map(|keys| {
            self.ask(async move |mut connection: MultiplexedConnection| {
                let mut read = redis::cmd("MGET");
                read.arg(keys);
                read.query_async::<Vec<Option<String>>>(&mut connection).await
            })
        });
        let values = in_turn(chunks.collect()).await?;
        Ok(values.into_iter().flatten().collect())
    }

    /// The members of a sorted set.
    fn members<'a>(&'a self, set: &str) -> Answer<'a, Vec<String>> {
        let mut range = redis::cmd("ZRANGE");
        range.arg(set).arg(0).arg(-1);
        self.ask(async move |mut connection: MultiplexedConnection| range.query_async(&mut connection).await)
    }
}

/// Asks about many in chunks, a few of them under way at once; each has its own deadline, so that a large call takes its
/// time and a dead Redis is told soon all the same.
async fn in_turn<T>(chunks: Vec<Answer<'_, Vec<T>>>) -> Result<Vec<T>, Unavailable> {
    stream::iter(chunks).buffered(CHUNKS_AT_ONCE).try_concat().await
}

async fn in_time<T>(
    answer: impl Future<Output = Result<T, RedisError>>,
) -> Result<Result<T, RedisError>, Unavailable> {
    tokio::time::timeout(DEADLINE.min(deadline::remaining()), answer)
        .await
        .map_err(|_| Unavailable("no answer".to_owned()))
}

fn change((id, name, rooms): Gone) -> Change {
    Change {
        user: User { id, name },
        rooms: record::rooms(&rooms),
    }
}

impl Store for RedisStore {
    fn beat(&self, beats: Vec<Beat>) -> Answer<'_, Vec<Change>> {
        async move {
            let lifetime = self.lifetimes.online;
            let chunks = beats
                .chunks(CHUNK)
                .map(|beats| self.ask(|connection| self.scripts.beat(connection, lifetime, beats)));
            let came = in_turn(chunks.collect()).await?;
            Ok(came.into_iter().map(change).collect())
        }
        .boxed()
    }

    fn online(&self) -> Answer<'_, Vec<Online>> {
        async move {
            let ids = self.members(scripts::EXPIRIES).await?;
            let keys = ids.iter().map(|id| scripts::user_key(id)).collect();
            let values = self.values(keys).await?;
            let mut users: Vec<Online> = values.iter().filter_map(|json| UserRecord::read(json)).collect();
            users.sort_unstable_by(|one, other| one.user.id.cmp(&other.user.id));
            Ok(users)
        }
        .boxed()
    }

    fn user<'a>(&'a self, user_id: &'a str) -> Answer<'a, Option<Online>> {
        async move {
            let found = self.values(vec![scripts::user_key(user_id)]).await?;
            Ok(found.iter().find_map(|json| UserRecord::read(json)))
        }
        .boxed()
    }

    fn present<'a>(&'a self, user_ids: &'a [&'a str]) -> Answer<'a, HashSet<String>> {
        async move {
            let chunks = user_ids.chunks(CHUNK).map(|ids| {
                self.ask(async move |mut connection: MultiplexedConnection| {
                    let mut read = redis::cmd("ZMSCORE");
                    read.arg(scripts::EXPIRIES).arg(ids);
                    read.query_async::<Vec<Option<f64>>>(&mut connection).await
                })
            });
            let scores = in_turn(chunks.collect()).await?;
            let present = user_ids.iter().zip(scores).filter(|(_, score)| score.is_some());
            Ok(present.map(|(id, _)| (*id).to_owned()).collect())
        }
        .boxed()
    }

    fn leave<'a>(&'a self, user_id: &'a str) -> Answer<'a, Option<Change>> {
        self.ask(async move |connection| {
            let gone = self.scripts.leave(connection, user_id).await?;
            Ok(gone.into_iter().next().map(change))
        })
    }

    fn start_typing<'a>(&'a self, typist: &'a Typist) -> Answer<'a, ()> {
        self.ask(|connection| {
            self.scripts
                .start_typing(connection, self.lifetimes.typing, typist)
        })
    }

    fn stop_typing<'a>(&'a self, room_id: &'a str, user_id: &'a str) -> Answer<'a, Option<Typist>> {
        self.ask(async move |connection| {
            let name = self.scripts.stop_typing(connection, room_id, user_id).await?;
            Ok(name.map(|name| Typist {
                user: User {
                    id: user_id.to_owned(),
                    name,
                },
                room_id: room_id.to_owned(),
            }))
        })
    }

    fn typing<'a>(&'a self, room_id: &'a str) -> Answer<'a, Vec<User>> {
        async move {
            let ids = self.members(&scripts::room_expiries(room_id)).await?;
            let keys = ids.iter().map(|id| scripts::typing_key(room_id, id)).collect();
            let values = self.values(keys).await?;
            let mut users: Vec<User> = values
                .iter()
                .filter_map(|json| TypingRecord::read(json))
                .collect();
            users.sort_unstable();
            Ok(users)
        }
        .boxed()
    }

    fn sweep(&self) -> Answer<'_, Swept> {
        let gone = self.ask(|connection| self.scripts.sweep(connection, SWEEP_MAX));
        let stopped = self.ask(|connection| self.scripts.sweep_typing(connection, SWEEP_MAX));
        async move {
            let (gone, stopped) = future::join(gone, stopped).await;
            // What one of them removed must be announced, also where the other failed: that one comes again.
            if let (Err(unavailable), Err(_)) = (&gone, &stopped) {
                return Err(unavailable.clone());
            }
            let typist = |(room_id, id, name): Stopped| Typist {
                user: User { id, name },
                room_id,
            };
            Ok(Swept {
                gone: gone.unwrap_or_default().into_iter().map(change).collect(),
                stopped: stopped.unwrap_or_default().into_iter().map(typist).collect(),
            })
        }
        .boxed()
    }

    fn ping(&self) -> Answer<'_, ()> {
        // Not a call that Redis could refuse: its success must not make the next refusal look new.
        async {
            let mut connection = self.link.connection().map_err(Unavailable)?;
            let ping = redis::cmd("PING");
            in_time(ping.query_async::<()>(&mut connection))
                .await?
                .map_err(|error| Unavailable(error.to_string()))
        }
        .boxed()
    }
}
