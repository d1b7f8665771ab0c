//! What can be done with notifications: each change is stored first, then told.

use std::sync::Arc;

use broker::Broker;
use runtime::Shutdown;
use uuid::Uuid;

use crate::{
    Draft, Error, Notification, Result,
    delivery::Delivery,
    retention::Touched,
    store::{Insertion, Store},
};

/// All users' notifications. Safe to use from any number of replicas on one store.
pub struct Notifications {
    store: Arc<dyn Store>,
    delivery: Arc<Delivery>,
    touched: Arc<Touched>,
    shutdown: Shutdown,
}

/// The answer to a creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The stored one.
    pub notification: Notification,
    /// Whether its source was known: then nothing was stored or published.
    pub repeated: bool,
}

impl Notifications {
    /// On a store and a broker.
    pub fn new(store: Arc<dyn Store>, broker: Broker, shutdown: Shutdown) -> Self {
        Self {
            store,
            delivery: Arc::new(Delivery::new(broker)),
            touched: Arc::default(),
            shutdown,
        }
    }

    /// The users who got notifications, for the sweeper.
    pub(crate) fn touched(&self) -> Arc<Touched> {
        Arc::clone(&self.touched)
    }

    /// Stores a notification and publishes it after the commit, exactly where it is new. A caller who goes away in
    /// between does not keep it from being published.
    pub async fn create(&self, draft: Draft) -> Result<Created> {
        let (notification, source) = draft.into_notification(Uuid::now_v7().to_string(), proto::time::now());
        let (store, delivery, touched) = (
            Arc::clone(&self.store),
            Arc::clone(&self.delivery),
            Arc::clone(&self.touched),
        );
        let work = self.shutdown.spawn(async move {
            match store.insert(notification, source).await? {
                Insertion::Known(notification) => Ok(Created {
                    notification,
                    repeated: true,
                }),
                Insertion::New(notification) => {
                    metrics::counter!("chatflow_notify_created_total").increment(1);
                    touched.note(&notification.user_id);
                    delivery.publish(&notification).await;
                    Ok(Created {
                        notification,
                        repeated: false,
                    })
                }
            }
        });
        // The task is dropped only when the process has no time left.
        work.await.ok().flatten().unwrap_or(Err(Error::Stopping))
    }

    /// A user's notifications, newest first.
    pub async fn list(&self, user_id: &str, unread_only: bool, limit: u32) -> Result<Vec<Notification>> {
        Ok(self.store.list(user_id, unread_only, limit).await?)
    }

    /// How many of a user's are unread.
    pub async fn unread_count(&self, user_id: &str) -> Result<u64> {
        Ok(self.store.unread_count(user_id).await?)
    }

    /// Marks one as read and returns it; `owner` is whose it has to be, `None` for anyone's.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none, or it is another's.
    pub async fn mark_read(&self, id: &str, owner: Option<&str>) -> Result<Notification> {
        self.store.mark_read(id, owner).await?.ok_or(Error::NotFound)
    }

    /// Marks all of a user's as read; how many changed.
    pub async fn mark_all_read(&self, user_id: &str) -> Result<u64> {
        Ok(self.store.mark_all_read(user_id).await?)
    }

    /// Deletes one; `owner` is whose it has to be, `None` for anyone's.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none, or it is another's.
    pub async fn delete(&self, id: &str, owner: Option<&str>) -> Result<()> {
        if self.store.delete(id, owner).await? {
            Ok(())
        } else {
            Err(Error::NotFound)
        }
    }
}
