//! The one table from gRPC statuses, and from refusals at the door, to problems.

use axum::http::StatusCode;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::problem::{FieldError, Problem};
use crate::door::Refusal;

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        // Texts of these codes are chosen by our services for clients to read; those of all others are not.
        let detail = status.message();
        match status.code() {
            Code::InvalidArgument => of_violations(&status),
            Code::NotFound => Self::not_found(detail),
            Code::AlreadyExists => Self::new(StatusCode::CONFLICT, "already_exists", detail),
            Code::FailedPrecondition => Self::new(StatusCode::CONFLICT, "failed_precondition", detail),
            Code::PermissionDenied => Self::forbidden(detail),
            Code::Unauthenticated => Self::unauthenticated(detail),
            Code::ResourceExhausted => Self::too_many(detail, 1),
            Code::OutOfRange => Self::range_not_satisfiable(None),
            Code::Unavailable => {
                tracing::warn!(detail, "a service is unavailable");
                Self::unavailable()
            }
            Code::DeadlineExceeded => Self::deadline_exceeded(),
            // What tonic makes of a deadline that passed while it waited.
            Code::Cancelled if detail == "Timeout expired" => Self::deadline_exceeded(),
            code => {
                tracing::error!(?code, detail, "a service failed");
                Self::internal()
            }
        }
    }
}

fn of_violations(status: &Status) -> Problem {
    let errors: Vec<FieldError> = status
        .get_details_bad_request()
        .into_iter()
        .flat_map(|request| request.field_violations)
        .map(|violation| FieldError {
            field: violation.field,
            message: violation.description,
        })
        .collect();
    if errors.is_empty() {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_argument",
            status.message(),
        )
    } else {
        Problem::fields(errors)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotSignedIn => Self::unauthenticated("Sign in first."),
            Refusal::NotAllowed => Self::forbidden("This is another user's."),
            Refusal::Invalid(invalid) => invalid.into(),
            Refusal::Unavailable => Self::unavailable(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::fields::Invalid;

    #[test]
    fn every_code_of_a_service_has_its_http_status() {
        let status_of = |code| Problem::from(Status::new(code, "text")).status().as_u16();
        let table = [
            (Code::InvalidArgument, 422),
            (Code::NotFound, 404),
            (Code::AlreadyExists, 409),
            (Code::FailedPrecondition, 409),
            (Code::PermissionDenied, 403),
            (Code::Unauthenticated, 401),
            (Code::ResourceExhausted, 429),
            (Code::Unavailable, 503),
            (Code::DeadlineExceeded, 504),
            (Code::OutOfRange, 416),
            (Code::Internal, 500),
            (Code::Unknown, 500),
        ];
        for (code, expected) in table {
            assert_eq!(status_of(code), expected, "{code:?}");
        }
    }

    #[test]
    fn broken_fields_keep_their_names() {
        let status = Status::from(Invalid::new("room_id", "is odd"));
        assert_eq!(Problem::from(status), Problem::field("room_id", "is odd"));
    }

    #[test]
    fn inner_texts_do_not_leak() {
        let problem = Problem::from(Status::internal("password=hunter2"));
        assert_eq!(problem, Problem::internal());
    }
}
