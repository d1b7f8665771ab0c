//! Sessions and accounts: sign in by name or password, register, who am I, sign out.

use axum::{Json, extract::State, http::StatusCode};
use proto::chat::{
    AuthenticateRequest, Identity, RegisterRequest, Session as Opened, SignInGuestRequest, SignInRequest,
    SignOutRequest,
};
use runtime::client::idempotent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rest::{
    app::App,
    input::{self, Bearer},
    page::timestamp,
    problem::{Problem, ProblemBody},
};

/// An open session.
#[derive(Serialize, ToSchema)]
pub(crate) struct Session {
    /// For `Authorization: Bearer`; shown this once.
    token: String,
    /// Whose it is.
    user_id: String,
    /// The shown name.
    username: String,
    /// Whether it is a guest's, known by a name alone.
    guest: bool,
    /// When it ends (RFC 3339, UTC).
    expires_at: Option<String>,
}

impl Session {
    fn of(opened: Opened) -> Result<(StatusCode, Json<Self>), Problem> {
        let identity = opened.identity.ok_or_else(Problem::internal)?;
        let session = Self {
            token: opened.token,
            user_id: identity.user_id,
            username: identity.username,
            guest: identity.guest,
            expires_at: timestamp(opened.expires_at.as_ref()),
        };
        Ok((StatusCode::CREATED, Json(session)))
    }
}

/// Who wants to sign in: with a password, an account; without one, a guest.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SignIn {
    /// The user id.
    #[schema(example = "alice")]
    user_id: String,
    /// A guest's shown name; without one, the id.
    #[serde(default)]
    username: Option<String>,
    /// An account's password.
    #[serde(default)]
    password: Option<String>,
}

/// Opens a session.
#[utoipa::path(post, path = "/api/chat/sessions", tag = "sessions", request_body = SignIn,
    responses((status = 201, body = Session), (status = 401, description = "wrong password", body = ProblemBody),
        (status = 409, description = "an account owns the id", body = ProblemBody),
        (status = "default", body = ProblemBody)))]
pub(super) async fn open(
    State(app): State<App>,
    input::Json(who): input::Json<SignIn>,
) -> Result<(StatusCode, Json<Session>), Problem> {
    let mut identity = app.upstream.identity.clone();
    let opened = if let Some(password) = who.password {
        let request = SignInRequest {
            user_id: who.user_id,
            password,
        };
        identity.sign_in(request).await?
    } else {
        let name = who.username.filter(|name| !name.is_empty());
        let request = SignInGuestRequest {
            username: name.unwrap_or_else(|| who.user_id.clone()),
            user_id: who.user_id,
        };
        identity.sign_in_guest(request).await?
    };
    Session::of(opened.into_inner())
}

/// An account to make.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewAccount {
    /// The user id to own.
    #[schema(example = "alice")]
    user_id: String,
    /// The shown name; without one, the id.
    #[serde(default)]
    username: Option<String>,
    /// 8 to 256 characters.
    password: String,
}

/// Makes an account and opens a session.
#[utoipa::path(post, path = "/api/chat/accounts", tag = "sessions", request_body = NewAccount,
    responses((status = 201, body = Session), (status = 409, description = "the id is taken", body = ProblemBody),
        (status = "default", body = ProblemBody)))]
pub(super) async fn register(
    State(app): State<App>,
    input::Json(new): input::Json<NewAccount>,
) -> Result<(StatusCode, Json<Session>), Problem> {
    let name = new.username.filter(|name| !name.is_empty());
    let request = RegisterRequest {
        username: name.unwrap_or_else(|| new.user_id.clone()),
        user_id: new.user_id,
        password: new.password,
    };
    let opened = app.upstream.identity.clone().register(request).await?;
    Session::of(opened.into_inner())
}

/// Whose session it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Whose {
    /// The user id.
    user_id: String,
    /// The shown name.
    username: String,
    /// Whether it is a guest's.
    guest: bool,
}

/// Whose token this is.
#[utoipa::path(get, path = "/api/chat/session", tag = "sessions",
    responses((status = 200, body = Whose), (status = 401, description = "unknown or over", body = ProblemBody),
        (status = "default", body = ProblemBody)))]
pub(super) async fn whose(State(app): State<App>, bearer: Bearer) -> Result<Json<Whose>, Problem> {
    let request = AuthenticateRequest {
        token: token_of(bearer)?,
    };
    let Identity {
        user_id,
        username,
        guest,
    } = idempotent(&app.upstream.budgets.chat, || {
        let (mut identity, request) = (app.upstream.identity.clone(), request.clone());
        async move { identity.authenticate(request).await }
    })
    .await
    .map_err(not_a_session)?
    .into_inner();
    Ok(Json(Whose {
        user_id,
        username,
        guest,
    }))
}

/// Ends the session.
#[utoipa::path(delete, path = "/api/chat/session", tag = "sessions",
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(super) async fn close(State(app): State<App>, bearer: Bearer) -> Result<StatusCode, Problem> {
    let request = SignOutRequest {
        token: token_of(bearer)?,
    };
    app.upstream
        .identity
        .clone()
        .sign_out(request)
        .await
        .map_err(not_a_session)?;
    Ok(StatusCode::NO_CONTENT)
}

fn token_of(Bearer(token): Bearer) -> Result<String, Problem> {
    token.ok_or_else(|| Problem::unauthenticated("Sign in first."))
}

/// A token that can't be one is an unknown one, not a broken field.
fn not_a_session(status: tonic::Status) -> Problem {
    match status.code() {
        tonic::Code::InvalidArgument => Problem::unauthenticated("The session is unknown or over."),
        _ => status.into(),
    }
}
