//! Passwords as argon2id hashes (PHC strings), computed off the async threads, a few at a time.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::sync::{OnceCell, Semaphore};

use crate::error::{Error, Result};

/// Hashes computed at once: each takes 19 MiB and some ten milliseconds of a core.
const AT_ONCE: usize = 2;

/// Calls that may wait for their turn; more are refused.
const WAITING: usize = 64;

/// Computes and compares hashes. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Passwords {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    /// Compared with where there is no account, so that it takes the same time.
    nobody: Arc<OnceCell<String>>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            nobody: Arc::default(),
        }
    }

    /// A password's hash, with a new salt.
    ///
    /// # Errors
    /// [`Error::Busy`] where too many wait.
    pub(super) async fn hash(&self, password: String) -> Result<String> {
        self.compute(move || {
            Argon2::default()
                .hash_password(password.as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|error| {
                    tracing::error!(%error, "a password can't be hashed");
                    Error::Crypto
                })
        })
        .await?
    }

    /// Whether a password is the one behind `hash`; without one it is not, after the same time.
    ///
    /// # Errors
    /// [`Error::Busy`] where too many wait.
    pub(super) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        let known = hash.is_some();
        // Made for whoever comes first, so that its making tells nothing either.
        let nobody = self
            .nobody
            .get_or_try_init(|| self.hash("nobody has this password".to_owned()))
            .await?;
        let hash = hash.unwrap_or_else(|| nobody.clone());
        let same = self
            .compute(move || match PasswordHash::new(&hash) {
                Ok(parsed) => Argon2::default()
                    .verify_password(password.as_bytes(), &parsed)
                    .is_ok(),
                Err(error) => {
                    tracing::error!(%error, "a stored password hash can't be read");
                    false
                }
            })
            .await?;
        Ok(same && known)
    }

    async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let _place = self.places.try_acquire().map_err(|_| Error::Busy)?;
        // Goes with the work: a caller who gives up does not make it stop.
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|_| Error::Stopping)?;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(|_| Error::Crypto)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn only_the_right_password_fits_and_nobody_has_none() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        let fits = async |password: &str, hash: Option<String>| {
            passwords.verify(password.to_owned(), hash).await.unwrap()
        };
        assert!(fits("correct horse", Some(hash.clone())).await);
        assert!(!fits("wrong horse", Some(hash)).await);
        assert!(!fits("nobody has this password", None).await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_crowd_is_refused_rather_than_queued_without_end() {
        let passwords = Passwords::new();
        let _all = passwords.places.acquire_many(66).await.unwrap();
        let refused = passwords.hash("correct horse".to_owned()).await;
        assert!(matches!(refused, Err(Error::Busy)));
    }
}
