//! One connection on loan from a pool: within a bounded time, and given back only where nothing is left open on it.

use std::{
    ops::{Deref, DerefMut},
    time::{Duration, Instant},
};

use diesel_async::pooled_connection::{
    PoolableConnection as _,
    deadpool::{Object, Pool, PoolError},
};

use crate::{Error, Lite, Postgres, Result};

/// How long a call waits for a connection.
pub(crate) const CHECKOUT: Duration = Duration::from_secs(2);

/// How long a call waits for PostgreSQL's answer to one statement: a little longer than the server lets it run, so that
/// this ends only calls to a server that hangs.
#[doc(hidden)]
pub const STATEMENT: Duration = Duration::from_secs(6);

/// How long a transaction at PostgreSQL may take as a whole. No caller waits longer, and others wait behind it.
#[doc(hidden)]
pub const TRANSACTION: Duration = Duration::from_secs(6);

/// A pooled connection of either backend.
#[doc(hidden)]
pub trait Pooled: DerefMut {
    /// Whether something is left open on it, or it is closed.
    fn is_broken(&mut self) -> bool;
    /// Takes it out of its pool and closes it.
    fn close(self);
}

impl Pooled for Object<Postgres> {
    fn is_broken(&mut self) -> bool {
        (**self).is_broken()
    }
    fn close(self) {
        drop(Self::take(self));
    }
}

impl Pooled for Object<Lite> {
    fn is_broken(&mut self) -> bool {
        (**self).is_broken()
    }
    fn close(self) {
        drop(Self::take(self));
    }
}

/// A connection on loan. Dropped without [`Checkout::give_back`] (its caller went away, a statement got no answer) it is
/// closed: a transaction that is half done ends at once, with all its locks, instead of lying in the pool until somebody
/// takes it out.
#[doc(hidden)]
pub struct Checkout<C: Pooled> {
    connection: Option<C>,
    since: Instant,
}

impl<C: Pooled> Checkout<C> {
    fn new(connection: C) -> Self {
        Self {
            connection: Some(connection),
            since: Instant::now(),
        }
    }

    /// Everything asked of it was answered: somebody else may have it.
    pub fn give_back(mut self) {
        // Where a rollback failed, it is closed after all.
        self.connection.take_if(|connection| !connection.is_broken());
    }
}

impl<C: Pooled> Drop for Checkout<C> {
    fn drop(&mut self) {
        metrics::histogram!("chatflow_store_seconds").record(self.since.elapsed().as_secs_f64());
        if let Some(connection) = self.connection.take() {
            connection.close();
        }
    }
}

impl<C: Pooled> Deref for Checkout<C> {
    type Target = C::Target;
    fn deref(&self) -> &C::Target {
        self.connection.as_ref().expect("only give_back takes it")
    }
}

impl<C: Pooled> DerefMut for Checkout<C> {
    fn deref_mut(&mut self) -> &mut C::Target {
        self.connection.as_mut().expect("only give_back takes it")
    }
}

/// A PostgreSQL connection, within [`CHECKOUT`].
///
/// # Errors
/// Where none comes free, or the server refuses one.
#[doc(hidden)]
pub async fn checkout_postgres(pool: &Pool<Postgres>) -> Result<Checkout<Object<Postgres>>> {
    timed(pool.get()).await.map(Checkout::new)
}

/// A SQLite connection, within [`CHECKOUT`].
///
/// # Errors
/// Where none comes free.
#[doc(hidden)]
pub async fn checkout_lite(pool: &Pool<Lite>) -> Result<Checkout<Object<Lite>>> {
    timed(pool.get()).await.map(Checkout::new)
}

async fn timed<T>(checkout: impl Future<Output = Result<T, PoolError>>) -> Result<T> {
    let began = Instant::now();
    let got = tokio::time::timeout(CHECKOUT, checkout).await;
    metrics::histogram!("chatflow_store_checkout_seconds").record(began.elapsed().as_secs_f64());
    match got {
        Ok(result) => Ok(result?),
        Err(_) => Err(Error::Unavailable("no connection came free".to_owned())),
    }
}

/// What `work` comes to, unless the server hangs.
///
/// # Errors
/// Where `limit` passes first.
#[doc(hidden)]
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(limit, work)
        .await
        .map_err(|_| Error::Unavailable("it does not answer".to_owned()))
}
