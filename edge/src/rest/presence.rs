//! `/api/presence`: who is online, who types.

#![expect(
    unused_qualifications,
    reason = "utoipa writes the paths of parameter types out"
)]

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use proto::{
    fields,
    presence::{
        GetUserRequest, GoOfflineRequest, HeartbeatRequest, ListOnlineRequest, ListTypingRequest,
        StartTypingRequest, Status, StopTypingRequest, UserPresence,
    },
};
use runtime::client::idempotent;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    app::App,
    health,
    input::{Bearer, Params},
    page::timestamp,
    problem::{Problem, ProblemBody},
};

/// The routes of this area, with what documents them.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, offline))
        .routes(routes!(heartbeat))
        .routes(routes!(start_typing, stop_typing))
        .routes(routes!(list_typing))
        .routes(routes!(health::presence))
}

/// A user's presence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Presence {
    /// Who.
    user_id: String,
    /// The shown name; the id where it is unknown.
    username: String,
    /// `online` or `offline`.
    status: &'static str,
    /// The last beat (RFC 3339, UTC); null where unknown.
    last_seen: Option<String>,
}

impl From<UserPresence> for Presence {
    fn from(user: UserPresence) -> Self {
        let status = if user.status() == Status::Online {
            "online"
        } else {
            "offline"
        };
        Self {
            status,
            last_seen: timestamp(user.last_seen.as_ref()),
            username: if user.username.is_empty() {
                user.user_id.clone()
            } else {
                user.username
            },
            user_id: user.user_id,
        }
    }
}

/// Under which name.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct NameQuery {
    /// The shown name; without one, the id. With a token, its user's.
    username: Option<String>,
}

/// In which room, under which name.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TypingQuery {
    /// The room's id.
    room_id: String,
    /// The shown name; without one, the id. With a token, its user's.
    username: Option<String>,
}

/// In which room.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RoomQuery {
    /// The room's id.
    room_id: String,
}

/// How long something holds without another call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Held {
    /// Who.
    user_id: String,
    /// Always `online` or `typing`.
    status: &'static str,
    /// In milliseconds.
    ttl_ms: u64,
}

/// Somebody who types.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Typing {
    /// Who.
    user_id: String,
    /// The shown name.
    username: String,
}

/// All who are online.
#[utoipa::path(get, path = "/api/presence", tag = "presence",
    responses((status = 200, body = Vec<Presence>), (status = "default", body = ProblemBody)))]
async fn list(State(app): State<App>, bearer: Bearer) -> Result<Json<Vec<Presence>>, Problem> {
    app.visitor(&bearer).await?;
    let online = idempotent(&app.upstream.budgets.presence, || {
        let mut presence = app.upstream.presence.clone();
        async move { presence.list_online(ListOnlineRequest {}).await }
    })
    .await?;
    let users = online.into_inner().users;
    Ok(Json(users.into_iter().map(Presence::from).collect()))
}

/// One user, online or offline.
#[utoipa::path(get, path = "/api/presence/{user_id}", tag = "presence",
    params(("user_id" = String, Path, description = "The user's id")),
    responses((status = 200, body = Presence), (status = "default", body = ProblemBody)))]
async fn get(
    State(app): State<App>,
    bearer: Bearer,
    Path(user_id): Path<String>,
) -> Result<Json<Presence>, Problem> {
    app.visitor(&bearer).await?;
    fields::id("user_id", &user_id)?;
    let request = GetUserRequest { user_id };
    let user = idempotent(&app.upstream.budgets.presence, || {
        let (mut presence, request) = (app.upstream.presence.clone(), request.clone());
        async move { presence.get_user(request).await }
    })
    .await?;
    Ok(Json(user.into_inner().into()))
}

/// Keeps a user online for 30 s.
#[utoipa::path(post, path = "/api/presence/{user_id}/heartbeat", tag = "presence",
    params(("user_id" = String, Path, description = "The user's id"), NameQuery),
    responses((status = 200, body = Held), (status = "default", body = ProblemBody)))]
async fn heartbeat(
    State(app): State<App>,
    bearer: Bearer,
    Path(user_id): Path<String>,
    Params(name): Params<NameQuery>,
) -> Result<Json<Held>, Problem> {
    fields::id("user_id", &user_id)?;
    let caller = app
        .actor(&bearer, Some(&user_id), name.username.as_deref())
        .await?;
    let request = HeartbeatRequest {
        user_id: caller.user_id,
        username: caller.username,
        room_ids: Vec::new(),
    };
    let held = idempotent(&app.upstream.budgets.presence, || {
        let (mut presence, request) = (app.upstream.presence.clone(), request.clone());
        async move { presence.heartbeat(request).await }
    })
    .await?;
    Ok(Json(Held {
        user_id,
        status: "online",
        ttl_ms: held.into_inner().ttl_ms,
    }))
}

/// Takes a user offline now.
#[utoipa::path(delete, path = "/api/presence/{user_id}", tag = "presence",
    params(("user_id" = String, Path, description = "The user's id")),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn offline(
    State(app): State<App>,
    bearer: Bearer,
    Path(user_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let caller = app.owner(&bearer, &user_id).await?;
    let request = GoOfflineRequest {
        user_id: caller.user_id,
    };
    app.upstream.presence.clone().go_offline(request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows a user as typing in a room for the next 5 s.
#[utoipa::path(post, path = "/api/presence/{user_id}/typing", tag = "typing",
    params(("user_id" = String, Path, description = "The user's id"), TypingQuery),
    responses((status = 200, body = Held), (status = "default", body = ProblemBody)))]
async fn start_typing(
    State(app): State<App>,
    bearer: Bearer,
    Path(user_id): Path<String>,
    Params(typing): Params<TypingQuery>,
) -> Result<Json<Held>, Problem> {
    fields::id("user_id", &user_id)?;
    fields::id("room_id", &typing.room_id)?;
    let caller = app
        .actor(&bearer, Some(&user_id), typing.username.as_deref())
        .await?;
    let request = StartTypingRequest {
        room_id: typing.room_id,
        user_id: caller.user_id,
        username: caller.username,
    };
    let held = app.upstream.presence.clone().start_typing(request).await?;
    Ok(Json(Held {
        user_id,
        status: "typing",
        ttl_ms: held.into_inner().ttl_ms,
    }))
}

/// Shows a user as not typing any more.
#[utoipa::path(delete, path = "/api/presence/{user_id}/typing", tag = "typing",
    params(("user_id" = String, Path, description = "The user's id"), RoomQuery),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn stop_typing(
    State(app): State<App>,
    bearer: Bearer,
    Path(user_id): Path<String>,
    Params(RoomQuery { room_id }): Params<RoomQuery>,
) -> Result<StatusCode, Problem> {
    fields::id("room_id", &room_id)?;
    let caller = app.owner(&bearer, &user_id).await?;
    let request = StopTypingRequest {
        room_id,
        user_id: caller.user_id,
    };
    app.upstream.presence.clone().stop_typing(request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who types in a room.
#[utoipa::path(get, path = "/api/presence/rooms/{room_id}/typing", tag = "typing",
    params(("room_id" = String, Path, description = "The room's id")),
    responses((status = 200, body = Vec<Typing>), (status = "default", body = ProblemBody)))]
async fn list_typing(
    State(app): State<App>,
    bearer: Bearer,
    Path(room_id): Path<String>,
) -> Result<Json<Vec<Typing>>, Problem> {
    app.visitor(&bearer).await?;
    fields::id("room_id", &room_id)?;
    let request = ListTypingRequest { room_id };
    let typing = idempotent(&app.upstream.budgets.presence, || {
        let (mut presence, request) = (app.upstream.presence.clone(), request.clone());
        async move { presence.list_typing(request).await }
    })
    .await?;
    let users = typing.into_inner().users.into_iter().map(|user| Typing {
        user_id: user.user_id,
        username: user.username,
    });
    Ok(Json(users.collect()))
}
