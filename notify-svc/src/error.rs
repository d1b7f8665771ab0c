//! What can go wrong, and what a caller is told of it.

use proto::fields::Invalid;
use tonic::Status;

/// Short for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field breaks its rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// There is no such notification, or it is another user's.
    #[error("there is no such notification")]
    NotFound,
    /// The process ends.
    #[error("the service is stopping")]
    Stopping,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] sql::Error),
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(invalid) => invalid.into(),
            Error::NotFound => Self::not_found("there is no such notification"),
            Error::Stopping => Self::unavailable("the service is stopping: try again"),
            Error::Store(error @ sql::Error::Unavailable(_)) => {
                tracing::warn!(%error, "the store failed");
                Self::unavailable("the notification store does not answer: try again soon")
            }
            Error::Store(error) => {
                tracing::error!(%error, "the store broke a rule of ours");
                Self::internal("the notification store failed")
            }
        }
    }
}
