//! What the service does: change the store, then tell everybody what changed.

use std::{future::Future, sync::Arc};

use broker::Broker;
use proto::frame::PresenceStatus;
use runtime::Shutdown;

use crate::{
    announce::Announcer,
    store::{Beat, Lifetimes, Online, SWEEP_MAX, Store, Typist, Unavailable, User},
};

/// The service without its wire. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Presence {
    store: Arc<dyn Store>,
    announcer: Announcer,
    lifetimes: Lifetimes,
    shutdown: Shutdown,
}

impl Presence {
    /// On a store and a broker.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        broker: Broker,
        lifetimes: Lifetimes,
        shutdown: Shutdown,
    ) -> Self {
        let announcer = Announcer::new(broker, Arc::clone(&store));
        Self {
            store,
            announcer,
            lifetimes,
            shutdown,
        }
    }

    /// How long things last.
    pub(crate) fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// Keeps users online and announces those who came.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn beat(&self, beats: Vec<Beat>) -> Result<(), Unavailable> {
        let this = self.clone();
        self.whole(async move {
            let came = this.store.beat(beats).await?;
            this.announcer.users(PresenceStatus::Online, came).await;
            Ok(())
        })
        .await
    }

    /// All who are online, by user id.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn online(&self) -> Result<Vec<Online>, Unavailable> {
        self.store.online().await
    }

    /// One user, where online.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn user(&self, user_id: &str) -> Result<Option<Online>, Unavailable> {
        self.store.user(user_id).await
    }

    /// Takes a user offline and announces it; false where they were offline.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn leave(&self, user_id: String) -> Result<bool, Unavailable> {
        let this = self.clone();
        self.whole(async move {
            let gone = this.store.leave(&user_id).await?;
            let changed = gone.is_some();
            this.announcer
                .users(PresenceStatus::Offline, gone.into_iter().collect())
                .await;
            Ok(changed)
        })
        .await
    }

    /// Begins a run of typing, or keeps it alive, and announces it.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn start_typing(&self, typist: Typist) -> Result<(), Unavailable> {
        let this = self.clone();
        self.whole(async move {
            this.store.start_typing(&typist).await?;
            // Renewals too: who watches forgets a typist after a few seconds, and may have come in between.
            this.announcer.typing(&typist).await;
            Ok(())
        })
        .await
    }

    /// Ends a run of typing and announces it; false where there was none.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn stop_typing(&self, room_id: String, user_id: String) -> Result<bool, Unavailable> {
        let this = self.clone();
        self.whole(async move {
            let stopped = this.store.stop_typing(&room_id, &user_id).await?;
            let changed = stopped.is_some();
            this.announcer.stopped(stopped.as_slice()).await;
            Ok(changed)
        })
        .await
    }

    /// Who types in a room, by user id.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn typing(&self, room_id: &str) -> Result<Vec<User>, Unavailable> {
        self.store.typing(room_id).await
    }

    /// Announces what has expired, all of it.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn sweep(&self) -> Result<(), Unavailable> {
        loop {
            let swept = self.store.sweep().await?;
            let more = swept.gone.len() >= SWEEP_MAX || swept.stopped.len() >= SWEEP_MAX;
            metrics::counter!("chatflow_presence_expired_total").increment(swept.gone.len() as u64);
            self.announcer.stopped(&swept.stopped).await;
            self.announcer.users(PresenceStatus::Offline, swept.gone).await;
            if !more {
                return Ok(());
            }
        }
    }

    /// Runs a change to its end, also where its caller goes away: otherwise it could be made and never announced.
    async fn whole<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, Unavailable>> + Send + 'static,
    ) -> Result<T, Unavailable> {
        match self.shutdown.spawn(change).await {
            Ok(Some(result)) => result,
            Ok(None) | Err(_) => Err(Unavailable("the process ends".to_owned())),
        }
    }
}
