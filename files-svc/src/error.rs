//! What a call can fail with, and what its caller hears of it.

use proto::fields::Invalid;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::objects;

/// Short for results of this service.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A field, or a message of the upload, breaks its rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// The upload is larger than this many bytes.
    #[error("the file is larger than {}", in_words(*.0))]
    TooLarge(u64),
    /// Too many transfers at once.
    #[error("too many files are on their way at once: try again soon")]
    Busy,
    /// The range starts past the end of a file of this many bytes.
    #[error("the range starts past the end: the file has {0} bytes")]
    PastTheEnd(u64),
    /// The client went away.
    #[error("the upload broke off")]
    BrokenOff,
    /// The client sent nothing for too long.
    #[error("the upload was given up: nothing came for {} s", .0.as_secs())]
    Stalled(std::time::Duration),
    /// The whole upload took too long.
    #[error("the upload was given up: it took longer than {} s", .0.as_secs())]
    TooSlow(std::time::Duration),
    /// The process stops, or the client took nothing for too long.
    #[error("the transfer was cut off: try again")]
    CutOff,
    /// There is a row, but no object, or one that is too short.
    #[error("the bytes of this file are lost")]
    Lost,
    /// The table does not answer.
    #[error("the files database is unavailable")]
    Store(#[from] sql::Error),
    /// The object store does not answer.
    #[error("the object store is unavailable")]
    Objects(#[from] objects::Error),
}

impl Error {
    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::InvalidArgument,
            Self::NotFound => Code::NotFound,
            Self::TooLarge(_) | Self::Busy => Code::ResourceExhausted,
            Self::PastTheEnd(_) => Code::OutOfRange,
            Self::BrokenOff => Code::Cancelled,
            Self::Stalled(_) | Self::TooSlow(_) => Code::DeadlineExceeded,
            Self::Lost => Code::DataLoss,
            Self::CutOff | Self::Store(_) | Self::Objects(_) => Code::Unavailable,
        }
    }

    /// The label of an upload that ended so.
    pub(crate) fn result(&self) -> &'static str {
        match self {
            Self::Invalid(_) | Self::NotFound | Self::PastTheEnd(_) => "invalid",
            Self::TooLarge(_) => "too_large",
            Self::Busy => "busy",
            Self::BrokenOff => "broken_off",
            Self::Stalled(_) | Self::TooSlow(_) => "too_slow",
            Self::CutOff => "cut_off",
            Self::Lost | Self::Store(_) | Self::Objects(_) => "unavailable",
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(invalid) => return invalid.into(),
            Error::Store(ref inner) => tracing::warn!(error = %inner, "the files database failed"),
            Error::Objects(ref inner) => tracing::warn!(error = %inner, "the object store failed"),
            // Waiting does not help here, as it does where the service is busy: the details tell the two apart.
            Error::TooLarge(_) => {
                let details = ErrorDetails::with_quota_failure_violation("file", error.to_string());
                return Self::with_error_details(error.code(), error.to_string(), details);
            }
            _ => {}
        }
        Self::new(error.code(), error.to_string())
    }
}

fn in_words(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("{} {name}", bytes / unit);
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_say_them() {
        assert_eq!(
            Error::TooLarge(104_857_600).to_string(),
            "the file is larger than 100 MiB"
        );
        assert_eq!(in_words(2 << 30), "2 GiB");
        assert_eq!(in_words(1536), "1536 bytes");
    }

    #[test]
    fn no_inner_text_reaches_a_caller() {
        let status = Status::from(Error::Store(sql::Error::Unavailable(
            "password=hunter2".to_owned(),
        )));
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(status.message(), "the files database is unavailable");
    }
}
