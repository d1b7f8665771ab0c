//! The heartbeats that keep online who is connected to this edge.

mod roster;
mod round;

use std::time::Duration;

use proto::presence::{HeartbeatManyRequest, HeartbeatRequest};
use runtime::Shutdown;

pub(crate) use self::roster::{Named, Roster};
use crate::upstream::{Upstream, whole};

/// How often everybody is beaten for: three beats within the 30 s that one lasts.
const EVERY: Duration = Duration::from_secs(10);

/// How long those who have just come, or have just entered a room, wait for others of their kind.
const GATHER: Duration = Duration::from_millis(100);

/// How long one beat may take.
const DEADLINE: Duration = Duration::from_secs(3);

/// Users in one call. Fewer than the 10,000 that presence-svc takes: what is told of all users would be in memory at once,
/// and allocators keep what was large.
const USERS: usize = 100;

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
            let beats = chunks
                .into_iter()
                .map(|users| beat(upstream.clone(), roster.beats(&users)));
            // Once per outage, not once per beat.
            match round::round(beats).await {
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
    whole::within(DEADLINE, &upstream.budgets.presence, ask).await?;
    Ok(())
}
