//! The heartbeats that keep online who is connected to this edge.

mod roster;

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};
use proto::presence::{HeartbeatManyRequest, HeartbeatRequest};
use runtime::{Shutdown, client::idempotent, deadline};

pub(crate) use self::roster::{Named, Roster};
use crate::upstream::Upstream;

/// How often everybody is beaten for: three beats within the 30 s that one lasts.
const EVERY: Duration = Duration::from_secs(10);

/// How long those who have just come, or have just entered a room, wait for others of their kind.
const GATHER: Duration = Duration::from_millis(100);

/// How long one beat may take.
const DEADLINE: Duration = Duration::from_secs(3);

/// Users in one call. Fewer than the 10,000 that presence-svc takes: what is told of all users would be in memory at once,
/// and allocators keep what was large.
const USERS: usize = 100;

/// Calls at once.
const CALLS: usize = 4;

/// Starts the task that beats.
pub(crate) fn start(roster: Roster, upstream: Upstream, shutdown: &Shutdown) {
    shutdown.spawn_until_begun(async move {
        let mut every = tokio::time::interval(EVERY);
        let mut silent = false;
        loop {
            let users = tokio::select! {
                _ = every.tick() => roster.all(),
                () = roster.changed() => {
                    tokio::time::sleep(GATHER).await;
                    roster.take_fresh()
                }
            };
            let chunks: Vec<_> = users.chunks(USERS).map(<[_]>::to_vec).collect();
            // Where one does not get through, the others would not, either: not in time for the next round.
            let beaten = stream::iter(chunks)
                .map(|users| beat(upstream.clone(), roster.beats(&users)))
                .buffer_unordered(CALLS)
                .try_for_each(future::ok)
                .await;
            // Once per outage, not once per beat.
            match beaten {
                Err(status) if !silent => {
                    tracing::warn!(code = ?status.code(), "heartbeats don't get through");
                    silent = true;
                }
                Err(_) => {}
                Ok(()) => silent = false,
            }
        }
    });
}

async fn beat(upstream: Upstream, users: Vec<HeartbeatRequest>) -> Result<(), tonic::Status> {
    let ask = || {
        let (mut presence, users) = (upstream.presence.clone(), users.clone());
        async move { presence.heartbeat_many(HeartbeatManyRequest { users }).await }
    };
    deadline::within(DEADLINE, idempotent(&upstream.budgets.presence, ask)).await?;
    Ok(())
}
