//! Keeps each user's notifications bounded: the newest [`KEPT_PER_USER`] stay, older ones are swept in the background.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use runtime::Shutdown;
use tokio::sync::Notify;

use crate::store::Store;

/// How many notifications a user keeps; for up to [`SWEEP_EVERY`] there may be more.
pub const KEPT_PER_USER: u32 = 1_000;

/// How often those who got new ones are swept.
pub const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// Users remembered between two sweeps. One more starts a sweep at once; one that does not fit even so is swept after
/// its next notification.
const MAX_TOUCHED: usize = 10_000;

/// Who got notifications since the last sweep: nobody else can have too many.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    users: Mutex<HashSet<String>>,
    full: Notify,
}

impl Touched {
    pub(crate) fn note(&self, user_id: &str) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if users.len() < MAX_TOUCHED {
            users.insert(user_id.to_owned());
        } else {
            self.full.notify_one();
        }
    }

    fn take(&self) -> HashSet<String> {
        std::mem::take(&mut self.users.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Sweeps every [`SWEEP_EVERY`] until the shutdown begins.
pub(crate) fn sweep_until_shutdown(store: Arc<dyn Store>, touched: Arc<Touched>, shutdown: &Shutdown) {
    shutdown.spawn_until_begun(async move {
        loop {
            // Ends early where `full` is told.
            let _ = tokio::time::timeout(SWEEP_EVERY, touched.full.notified()).await;
            sweep(store.as_ref(), &touched, KEPT_PER_USER).await;
        }
    });
}

/// Trims everyone who was touched; who can't be trimmed now is left for the next sweep.
async fn sweep(store: &dyn Store, touched: &Touched, kept: u32) {
    for user_id in touched.take() {
        match store.trim(&user_id, kept).await {
            Ok(0) => {}
            Ok(swept) => metrics::counter!("chatflow_notify_swept_total").increment(swept),
            Err(error) => {
                tracing::debug!(%error, "a sweep is put off");
                touched.note(&user_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use broker::Broker;
    use proto::notify::CreateRequest;
    use runtime::health::Health;

    use super::*;
    use crate::{Draft, Notifications};

    #[tokio::test(flavor = "multi_thread")]
    async fn only_the_newest_of_a_user_survive_a_sweep() {
        let folder = tempfile::tempdir().unwrap();
        let url = sql::DatabaseUrl::Sqlite(folder.path().join("notifications.db"));
        let shutdown = Shutdown::new();
        let part = Health::new().part("notify-store");
        let store = crate::store::open(&url, part, &shutdown).await.unwrap();
        let notifications = Notifications::new(Arc::clone(&store), Broker::memory(), shutdown.clone());
        for user_id in ["alice", "alice", "bob", "alice"] {
            let request = CreateRequest {
                user_id: user_id.to_owned(),
                title: "title".to_owned(),
                ..Default::default()
            };
            notifications
                .create(Draft::check(request).unwrap())
                .await
                .unwrap();
        }
        let newest = notifications.list("alice", false, 2).await.unwrap();
        sweep(store.as_ref(), &notifications.touched(), 2).await;
        assert_eq!(notifications.list("alice", false, 50).await.unwrap(), newest);
        assert_eq!(notifications.list("bob", false, 50).await.unwrap().len(), 1);
        assert!(
            notifications.touched().take().is_empty(),
            "who was swept is forgotten"
        );
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let touched = Touched::default();
        for number in 0..=MAX_TOUCHED {
            touched.note(&format!("user-{number}"));
        }
        assert_eq!(touched.take().len(), MAX_TOUCHED);
    }
}
