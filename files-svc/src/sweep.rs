//! The sweep: removes what killed processes left, old objects without a row and uploads that nobody will finish.
//!
//! Any number of replicas may sweep at once: only what is older than an upload can live is touched, and removing twice
//! is removing once.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use runtime::Shutdown;

use crate::{
    error::Result,
    limits::Limits,
    objects::{Key, ObjectStore},
    store::FileStore,
};

/// Pause before a sweep that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Keys that one query looks up.
const LOOKED_UP: usize = 1000;

/// See the module.
pub(crate) struct Sweep {
    files: Arc<dyn FileStore>,
    objects: Arc<dyn ObjectStore>,
    limits: Limits,
}

impl Sweep {
    pub(crate) fn new(files: &Arc<dyn FileStore>, objects: &Arc<dyn ObjectStore>, limits: Limits) -> Self {
        Self {
            files: Arc::clone(files),
            objects: Arc::clone(objects),
            limits,
        }
    }

    /// Sweeps now and again and again, until the shutdown begins.
    pub(crate) fn start(self, shutdown: &Shutdown) {
        shutdown.spawn_until_begun(async move {
            let mut failed = false;
            loop {
                let swept = self.once().await;
                match &swept {
                    Ok(0) => {}
                    Ok(removed) => tracing::info!(removed, "swept what broken uploads had left"),
                    Err(error) if !failed => tracing::warn!(%error, "can't sweep yet"),
                    Err(_) => {}
                }
                failed = swept.is_err();
                let pause = self.limits.sweep_every;
                tokio::time::sleep(if failed { pause.min(AGAIN) } else { pause }).await;
            }
        });
    }

    /// One round; tells how much was removed.
    async fn once(&self) -> Result<usize> {
        let now = SystemTime::now();
        let before = now
            .checked_sub(self.limits.sweep_age)
            .unwrap_or(SystemTime::UNIX_EPOCH);
        let mut removed = 0;
        let mut from = None;
        loop {
            let page = self.objects.older_than(before, from.take()).await?;
            let mut orphans = self.orphans(page.keys).await?;
            if !orphans.is_empty() {
                tokio::time::sleep(self.limits.sweep_doubt).await;
                orphans = self.orphans(orphans).await?;
            }
            for key in orphans {
                self.objects.delete(key).await?;
                removed += 1;
            }
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        removed += self.objects.remove_unfinished(before).await?;
        metrics::counter!("chatflow_files_swept_total").increment(removed as u64);
        Ok(removed)
    }

    /// Those of the keys that no row names.
    async fn orphans(&self, keys: Vec<Key>) -> Result<Vec<Key>> {
        let mut orphans = Vec::new();
        for keys in keys.chunks(LOOKED_UP) {
            let known: HashSet<Key> = self.files.known(keys).await?.into_iter().collect();
            orphans.extend(keys.iter().copied().filter(|key| !known.contains(key)));
        }
        Ok(orphans)
    }
}
