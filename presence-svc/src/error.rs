//! What can go wrong with a call, and what its caller is told.

use proto::fields::Invalid;
use tonic::Status;

use crate::store::Unavailable;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A field breaks its rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(invalid) => invalid.into(),
            Error::Store(unavailable) => {
                tracing::debug!(%unavailable, "a call failed");
                Self::unavailable("presence can't be reached: try again soon")
            }
        }
    }
}
