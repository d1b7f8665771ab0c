//! Who is who: guests by name, accounts by password, sessions by token.

mod cache;
mod passwords;
mod token;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use proto::fields::{self, Invalid};
use runtime::Shutdown;

use crate::{
    clock::Clock,
    error::{Error, Result},
    store::{self, Account, StoredSession},
};
use cache::Cache;
use passwords::Passwords;
use token::Token;

/// How long a session lasts.
const SESSION: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long an answer about a token or an id is taken from memory: so long may another replica's sign-out go unseen.
const REMEMBERED: Duration = Duration::from_secs(5);

/// Answers kept in memory, of each kind.
const ANSWERS: usize = 16 * 1024;

/// Shortest and longest password, in characters.
const PASSWORD_MIN: usize = 8;
const PASSWORD_MAX: usize = 256;

/// How often ended sessions are removed.
const SWEEP: Duration = Duration::from_mins(10);

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's id.
    pub user_id: String,
    /// The shown name.
    pub username: String,
    /// Whether it is a guest.
    pub guest: bool,
}

/// A session that was just opened.
#[derive(Debug)]
pub struct Opened {
    /// Shown once.
    pub token: String,
    /// Whose it is.
    pub identity: Identity,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Signs people in and out. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Identities<S> {
    store: S,
    clock: Clock,
    passwords: Passwords,
    sessions: Arc<Cache<[u8; 32], Option<StoredSession>>>,
    owned: Arc<Cache<String, bool>>,
}

impl<S: store::Identities> Identities<S> {
    /// Over `store`.
    pub fn new(store: S, clock: Clock) -> Self {
        Self {
            store,
            clock,
            passwords: Passwords::new(),
            sessions: Arc::new(Cache::new(ANSWERS, REMEMBERED)),
            owned: Arc::new(Cache::new(ANSWERS, REMEMBERED)),
        }
    }

    /// Opens a guest's session.
    ///
    /// # Errors
    /// [`Error::Owned`] where an account has the id.
    pub async fn sign_in_guest(&self, user_id: String, username: String) -> Result<Opened> {
        fields::id("user_id", &user_id)?;
        fields::username("username", &username)?;
        if self.store.account(&user_id).await?.is_some() {
            return Err(Error::Owned);
        }
        self.open(Identity {
            user_id,
            username,
            guest: true,
        })
        .await
    }

    /// Makes an account and opens a session.
    ///
    /// # Errors
    /// [`Error::AccountExists`].
    pub async fn register(&self, user_id: String, username: String, password: String) -> Result<Opened> {
        fields::id("user_id", &user_id)?;
        fields::username("username", &username)?;
        fields::length("password", &password, PASSWORD_MIN, PASSWORD_MAX)?;
        if self.store.account(&user_id).await?.is_some() {
            return Err(Error::AccountExists);
        }
        let account = Account {
            user_id: user_id.clone(),
            username: username.clone(),
            password_hash: self.passwords.hash(password).await?,
        };
        self.store.create_account(account, self.clock.now()).await?;
        self.owned.put(user_id.clone(), true);
        self.sessions
            .forget(|session| session.as_ref().is_some_and(|s| s.guest && s.user_id == user_id));
        self.open(Identity {
            user_id,
            username,
            guest: false,
        })
        .await
    }

    /// Opens an account's session.
    ///
    /// # Errors
    /// [`Error::BadCredentials`], after the same time whether it is the id or the password.
    pub async fn sign_in(&self, user_id: &str, password: String) -> Result<Opened> {
        fields::id("user_id", user_id)?;
        // What could not be set can't be right, but a long one would cost time to hash.
        if password.chars().count() > PASSWORD_MAX {
            return Err(
                Invalid::new("password", format!("must have at most {PASSWORD_MAX} characters")).into(),
            );
        }
        let account = self.store.account(user_id).await?;
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        let right = self.passwords.verify(password, hash).await?;
        let account = account.filter(|_| right).ok_or(Error::BadCredentials)?;
        self.open(Identity {
            user_id: account.user_id,
            username: account.username,
            guest: false,
        })
        .await
    }

    async fn open(&self, identity: Identity) -> Result<Opened> {
        let token = Token::random()?;
        let now = self.clock.now();
        let expires_at = now.checked_add(SESSION).unwrap_or(now);
        let session = StoredSession {
            token_hash: token.hash(),
            user_id: identity.user_id.clone(),
            username: identity.username.clone(),
            guest: identity.guest,
            expires_at,
        };
        self.store.open_session(session, now).await?;
        Ok(Opened {
            token: token.into_text(),
            identity,
            expires_at,
        })
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// [`Error::UnknownToken`].
    pub async fn authenticate(&self, token: &str) -> Result<Identity> {
        let found = self.authenticate_all(&[token.to_owned()]).await?;
        found.into_iter().next().flatten().ok_or(Error::UnknownToken)
    }

    /// Whose tokens these are, in their order; nobody's where one is unknown or over.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn authenticate_all(&self, tokens: &[String]) -> Result<Vec<Option<Identity>>> {
        let now = self.clock.now();
        let hashes: Vec<Option<[u8; 32]>> = tokens
            .iter()
            .map(|token| Token::parse(token).map(|token| token.hash()))
            .collect();
        let ask = async |unknown: Vec<[u8; 32]>| {
            let found = self.store.sessions(unknown, now).await?;
            Ok(found
                .into_iter()
                .map(|session| (session.token_hash, Some(session)))
                .collect())
        };
        let known = self
            .sessions
            .get_all(hashes.iter().flatten().copied(), ask)
            .await?;
        let identity = |hash: Option<[u8; 32]>| {
            let session = known.get(&hash?)?.clone();
            let session = session.filter(|session| session.expires_at > now)?;
            Some(Identity {
                user_id: session.user_id,
                username: session.username,
                guest: session.guest,
            })
        };
        Ok(hashes.into_iter().map(identity).collect())
    }

    /// Ends a session, if the token has one.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn sign_out(&self, token: &str) -> Result<()> {
        if let Some(token) = Token::parse(token) {
            self.store.end_session(token.hash()).await?;
            // Stands in the way of an answer that was read before and arrives after.
            self.sessions.put(token.hash(), None);
        }
        Ok(())
    }

    /// Whether an account owns this id.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn is_owned(&self, user_id: &str) -> Result<bool> {
        let owned = self.are_owned(&[user_id.to_owned()]).await?;
        Ok(owned.into_iter().any(|owned| owned))
    }

    /// Whether accounts own these ids, in their order.
    ///
    /// # Errors
    /// Where the store fails, and for what is no id.
    pub async fn are_owned(&self, user_ids: &[String]) -> Result<Vec<bool>> {
        for user_id in user_ids {
            fields::id("user_id", user_id)?;
        }
        let ask = async |unknown| {
            let owned = self.store.owned(unknown).await?;
            Ok(owned.into_iter().map(|user_id| (user_id, true)).collect())
        };
        let known = self.owned.get_all(user_ids.iter().cloned(), ask).await?;
        Ok(user_ids.iter().map(|user_id| known[user_id]).collect())
    }
}

/// Removes ended sessions now and then.
pub fn sweep<S: store::Identities>(store: S, clock: Clock, shutdown: &Shutdown) {
    shutdown.spawn_until_begun(async move {
        loop {
            match store.sweep_sessions(clock.now()).await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, "ended sessions removed"),
                Err(error) => tracing::debug!(?error, "ended sessions stay for now"),
            }
            tokio::time::sleep(SWEEP).await;
        }
    });
}
