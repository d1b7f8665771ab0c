//! What can go wrong in a store, as far as callers treat it differently.

use diesel::result::{DatabaseErrorKind, Error as Diesel};
use diesel_async::pooled_connection::deadpool::PoolError;

/// Short for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A statement that did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such row.
    #[error("no such row")]
    NotFound,
    /// A row with this key is there already; names the constraint or columns, as the backend words it.
    #[error("already there: {0}")]
    Duplicate(String),
    /// A row that this one refers to is missing.
    #[error("refers to a missing row")]
    MissingReference,
    /// A transaction's body ended it: nothing was changed.
    #[error("rolled back")]
    RolledBack,
    /// The store does not answer, or refuses for now; the same call may succeed later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
}

impl From<Diesel> for Error {
    fn from(error: Diesel) -> Self {
        match error {
            Diesel::NotFound => Self::NotFound,
            Diesel::RollbackTransaction => Self::RolledBack,
            Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => Self::Duplicate(
                info.constraint_name()
                    .unwrap_or_else(|| info.message())
                    .to_owned(),
            ),
            Diesel::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => Self::MissingReference,
            other => Self::Unavailable(with_causes(&other)),
        }
    }
}

impl From<PoolError> for Error {
    fn from(error: PoolError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// diesel names the field that can't be read, and leaves the reason to the cause.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !told.ends_with(&words) {
            told = format!("{told}: {words}");
        }
        cause = error.source();
    }
    told
}
