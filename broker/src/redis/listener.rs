//! The connection that subscribes: kept apart from the one that publishes, made again for ever, given up when silent, and
//! read in large pieces.

use std::{mem, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    cluster::Changes,
    link::{Doubt, FIRST_PAUSE, LAST_PAUSE, TIMEOUT},
    session::{Lost, Session},
};
use crate::{
    hub::{Hub, Lane},
    url::Server,
};

/// A connection that lived shorter is no reason to begin with the first pause again.
const LASTS: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Listener {
    /// What it is for, in the logs.
    pub(super) name: &'static str,
    pub(super) server: Server,
    pub(super) hub: Arc<Hub>,
    pub(super) lane: Lane,
    /// The connection that publishes.
    pub(super) doubt: Doubt,
    /// Where the server is one of a cluster.
    pub(super) cluster: Option<Changes>,
}

impl Listener {
    /// Connects once anything is wanted, and again whenever the connection is lost, until `last`; what is connected then is
    /// read on.
    pub(super) async fn run(self, last: CancellationToken) {
        let changed = self.hub.changed(self.lane);
        while !self.hub.is_wanted() {
            changed.notified().await;
        }
        let (name, redis) = (self.name, &self.server.shown);
        let mut told_down = false;
        let mut pause = FIRST_PAUSE;
        loop {
            let opened = tokio::select! {
                opened = tokio::time::timeout(TIMEOUT, Session::open(&self.server.info, self.cluster.clone())) => opened,
                () = last.cancelled() => return,
            };
            match opened.unwrap_or(Err(Lost::Silent)) {
                Ok(mut session) => {
                    tracing::info!(connection = name, %redis, "connected to Redis");
                    let began = Instant::now();
                    self.hub.begin(self.lane);
                    let lost = session.serve(&self.hub, self.lane).await;
                    self.hub.lost(self.lane);
                    let reason = lost.to_string();
                    if matches!(lost, Lost::Silent) {
                        self.doubt.doubt();
                    }
                    if let Some(cluster) = &self.cluster {
                        cluster.suspected();
                    }
                    tracing::warn!(connection = name, %redis, reason, "lost Redis; connecting again");
                    told_down = true;
                    if began.elapsed() >= LASTS {
                        pause = FIRST_PAUSE;
                        continue;
                    }
                }
                Err(lost) => {
                    let reason = lost.to_string();
                    if !mem::replace(&mut told_down, true) {
                        tracing::warn!(connection = name, %redis, reason, "Redis can't be reached; trying on");
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LAST_PAUSE),
                () = last.cancelled() => return,
            }
        }
    }
}
