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

use std::{collections::HashSet, future::Future};

use broker::{BrokerUrl, RedisLink};
use futures_util::{FutureExt as _, future};
use redis::{RedisError, aio::MultiplexedConnection};
use runtime::{Shutdown, deadline};

use super::{
    Answer, Beat, Change, DEADLINE, Lifetimes, Online, SWEEP_MAX, Store, Swept, Typist, Unavailable, User,
};
use record::{TypingRecord, UserRecord};
use scripts::{CHUNK, Gone, Scripts, Stopped};

/// See the module.
pub struct RedisStore {
    link: RedisLink,
    lifetimes: Lifetimes,
    scripts: Scripts,
}

impl RedisStore {
    /// Connects in the background and stays connected until the shutdown begins.
    pub fn connect(url: &BrokerUrl, lifetimes: Lifetimes, shutdown: &Shutdown) -> Self {
        Self {
            link: RedisLink::connect("presence-store", url, shutdown),
            lifetimes,
            scripts: Scripts::default(),
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
                    match tokio::time::timeout(DEADLINE.min(deadline::remaining()), answer).await {
                        Ok(Ok(answer)) => Ok(answer),
                        Ok(Err(error)) => Err(Unavailable(error.to_string())),
                        Err(_) => Err(Unavailable("no answer".to_owned())),
                    }
                }
                .boxed()
            }
        }
    }
}

fn change((id, name, rooms): Gone) -> Change {
    Change {
        user: User { id, name },
        rooms: record::rooms(&rooms),
    }
}

/// The values of keys, with what has expired left out.
async fn values(
    mut connection: MultiplexedConnection,
    expiries: &str,
    key: impl Fn(&str) -> String,
) -> Result<Vec<String>, RedisError> {
    let members: Vec<String> = redis::cmd("ZRANGE")
        .arg(expiries)
        .arg(0)
        .arg(-1)
        .query_async(&mut connection)
        .await?;
    let chunks = members.chunks(CHUNK).map(|members| {
        let mut connection = connection.clone();
        let mut read = redis::cmd("MGET");
        read.arg(members.iter().map(|member| key(member)).collect::<Vec<_>>());
        async move { read.query_async::<Vec<Option<String>>>(&mut connection).await }
    });
    let values = future::try_join_all(chunks).await?;
    Ok(values.into_iter().flatten().flatten().collect())
}

impl Store for RedisStore {
    fn beat(&self, beats: Vec<Beat>) -> Answer<'_, Vec<Change>> {
        self.ask(|connection| async move {
            // One round trip: the chunks are sent together, and none holds up Redis for long.
            let chunks = beats.chunks(CHUNK).map(|beats| {
                self.scripts
                    .beat(connection.clone(), self.lifetimes.online, beats)
            });
            let came = future::try_join_all(chunks).await?;
            Ok(came.into_iter().flatten().map(change).collect())
        })
    }

    fn online(&self) -> Answer<'_, Vec<Online>> {
        self.ask(|connection| async move {
            let values = values(connection, scripts::EXPIRIES, scripts::user_key).await?;
            let mut users: Vec<Online> = values.iter().filter_map(|json| UserRecord::read(json)).collect();
            users.sort_unstable_by(|one, other| one.user.id.cmp(&other.user.id));
            Ok(users)
        })
    }

    fn user<'a>(&'a self, user_id: &'a str) -> Answer<'a, Option<Online>> {
        self.ask(|mut connection| async move {
            let json: Option<String> = redis::cmd("GET")
                .arg(scripts::user_key(user_id))
                .query_async(&mut connection)
                .await?;
            Ok(json.as_deref().and_then(UserRecord::read))
        })
    }

    fn present<'a>(&'a self, user_ids: &'a [&'a str]) -> Answer<'a, HashSet<String>> {
        self.ask(|mut connection| async move {
            let mut pipeline = redis::pipe();
            for id in user_ids {
                pipeline.cmd("ZSCORE").arg(scripts::EXPIRIES).arg(id);
            }
            let scores: Vec<Option<f64>> = pipeline.query_async(&mut connection).await?;
            let both = user_ids.iter().zip(scores);
            Ok(both
                .filter_map(|(id, score)| score.map(|_| (*id).to_owned()))
                .collect())
        })
    }

    fn leave<'a>(&'a self, user_id: &'a str) -> Answer<'a, Option<Change>> {
        self.ask(|connection| async move {
            let gone = self.scripts.leave(connection, user_id).await?;
            Ok(gone.into_iter().next().map(change))
        })
    }

    fn start_typing<'a>(&'a self, typist: &'a Typist) -> Answer<'a, bool> {
        self.ask(|connection| {
            self.scripts
                .start_typing(connection, self.lifetimes.typing, typist)
        })
    }

    fn stop_typing<'a>(&'a self, room_id: &'a str, user_id: &'a str) -> Answer<'a, Option<Typist>> {
        self.ask(|connection| async move {
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
        self.ask(|connection| async move {
            let expiries = scripts::room_expiries(room_id);
            let values = values(connection, &expiries, |user| scripts::typing_key(room_id, user)).await?;
            let mut users: Vec<User> = values
                .iter()
                .filter_map(|json| TypingRecord::read(json))
                .collect();
            users.sort_unstable();
            Ok(users)
        })
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
        self.ask(|mut connection| async move { redis::cmd("PING").query_async::<()>(&mut connection).await })
    }
}
