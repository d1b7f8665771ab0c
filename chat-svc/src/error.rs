//! What can go wrong, and the one place that says it to callers.

use proto::fields::Invalid;
use tonic::Status;

/// Short for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field breaks its rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// There is no such room.
    #[error("there is no such room")]
    NoSuchRoom,
    /// There is no such message, or it was deleted.
    #[error("there is no such message")]
    NoSuchMessage,
    /// The room id is taken.
    #[error("a room with this id exists already")]
    RoomExists,
    /// The user id is taken.
    #[error("this user id is taken")]
    AccountExists,
    /// The message is somebody else's.
    #[error("only its sender may change a message")]
    NotYours,
    /// A guest wants an id that an account owns.
    #[error("an account owns this user id: sign in with its password")]
    Owned,
    /// Unknown user or wrong password: which of the two is not told.
    #[error("wrong user id or password")]
    BadCredentials,
    /// A token that opens nothing.
    #[error("unknown or expired token")]
    UnknownToken,
    /// A queue is full.
    #[error("too much at once: try again soon")]
    Busy,
    /// The process is about to end.
    #[error("stopping: try again at another replica")]
    Stopping,
    /// The store failed; whether it did the work is not known. Its own words are for the log.
    #[error("the store is unavailable: try again soon")]
    Store(#[source] sql::Error),
    /// This process can't hash passwords or draw random numbers.
    #[error("this replica can't do that now: try again soon")]
    Crypto,
}

impl From<sql::Error> for Error {
    fn from(error: sql::Error) -> Self {
        Self::Store(error)
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Invalid(invalid) => invalid.into(),
            Error::NoSuchRoom | Error::NoSuchMessage => Self::not_found(text),
            Error::RoomExists | Error::AccountExists => Self::already_exists(text),
            Error::NotYours => Self::permission_denied(text),
            Error::Owned => Self::failed_precondition(text),
            Error::BadCredentials | Error::UnknownToken => Self::unauthenticated(text),
            Error::Busy => Self::resource_exhausted(text),
            Error::Stopping | Error::Crypto => Self::unavailable(text),
            Error::Store(cause) => {
                tracing::warn!(%cause, "the store failed");
                Self::unavailable(text)
            }
        }
    }
}
