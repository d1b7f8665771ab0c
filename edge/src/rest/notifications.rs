//! `/api/notifications`: a user's notifications.

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
    notify::{
        CreateRequest, DeleteRequest, ListRequest, MarkAllReadRequest, MarkReadRequest,
        Notification as Stored, UnreadCountRequest,
    },
};
use runtime::client::idempotent;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    app::App,
    health,
    input::{self, Bearer, Params},
    page::{self, timestamp},
    problem::{Problem, ProblemBody},
};

/// The routes of this area, with what documents them.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(list, delete))
        .routes(routes!(unread_count))
        .routes(routes!(mark_read))
        .routes(routes!(mark_all_read))
        .routes(routes!(health::notifications))
}

/// A notification.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Notification {
    /// UUID v7.
    id: String,
    /// Whose.
    user_id: String,
    /// Its title.
    title: String,
    /// Its text.
    body: String,
    /// Its kind, such as `mention` or `info`.
    notif_type: String,
    /// The room it is about.
    room_id: Option<String>,
    /// Whether it was read.
    is_read: bool,
    /// When it was stored (RFC 3339, UTC).
    created_at: Option<String>,
}

impl From<Stored> for Notification {
    fn from(stored: Stored) -> Self {
        Self {
            created_at: timestamp(stored.created_at.as_ref()),
            id: stored.id,
            user_id: stored.user_id,
            title: stored.title,
            body: stored.body,
            notif_type: stored.notif_type,
            room_id: stored.room_id,
            is_read: stored.is_read,
        }
    }
}

/// A notification to create.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewNotification {
    /// Whose.
    user_id: String,
    /// 1 to 200 characters.
    title: String,
    /// Up to 2,000 characters.
    #[serde(default)]
    body: Option<String>,
    /// 1 to 32 characters of `[a-z0-9_-]`; without one, `info`.
    #[serde(default)]
    notif_type: Option<String>,
    /// The room it is about.
    #[serde(default)]
    room_id: Option<String>,
}

/// Stores a notification and shows it live.
#[utoipa::path(post, path = "/api/notifications", tag = "notifications", request_body = NewNotification,
    responses((status = 201, body = Notification), (status = "default", body = ProblemBody)))]
async fn create(
    State(app): State<App>,
    bearer: Bearer,
    input::Json(new): input::Json<NewNotification>,
) -> Result<(StatusCode, Json<Notification>), Problem> {
    let caller = app.owner(&bearer, &new.user_id).await?;
    let request = CreateRequest {
        user_id: caller.user_id,
        title: new.title,
        body: new.body.unwrap_or_default(),
        notif_type: new.notif_type.unwrap_or_default(),
        room_id: new.room_id,
        source: None,
    };
    let answer = app.upstream.notify.clone().create(request).await?.into_inner();
    let stored = answer.notification.ok_or_else(Problem::internal)?;
    Ok((StatusCode::CREATED, Json(stored.into())))
}

/// Which ones.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only unread ones; false where it is not said.
    unread_only: Option<bool>,
    /// How many; 50 where it is not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A user's notifications, newest first.
#[utoipa::path(get, path = "/api/notifications/{id}", tag = "notifications",
    params(("id" = String, Path, description = "The user's id"), ListQuery),
    responses((status = 200, body = Vec<Notification>), (status = "default", body = ProblemBody)))]
async fn list(
    State(app): State<App>,
    bearer: Bearer,
    Path(user_id): Path<String>,
    Params(query): Params<ListQuery>,
) -> Result<Json<Vec<Notification>>, Problem> {
    let limit = page::limit(query.limit)?;
    let caller = app.owner(&bearer, &user_id).await?;
    let request = ListRequest {
        user_id: caller.user_id,
        unread_only: query.unread_only.unwrap_or_default(),
        limit,
    };
    let page = idempotent(&app.upstream.budgets.notify, || {
        let (mut notify, request) = (app.upstream.notify.clone(), request.clone());
        async move { notify.list(request).await }
    })
    .await?;
    let stored = page.into_inner().notifications;
    Ok(Json(stored.into_iter().map(Notification::from).collect()))
}

/// How many are unread.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Unread {
    /// Whose.
    user_id: String,
    /// How many.
    unread_count: u64,
}

/// How many of a user's notifications are unread.
#[utoipa::path(get, path = "/api/notifications/{id}/unread-count", tag = "notifications",
    params(("id" = String, Path, description = "The user's id")),
    responses((status = 200, body = Unread), (status = "default", body = ProblemBody)))]
async fn unread_count(
    State(app): State<App>,
    bearer: Bearer,
    Path(user_id): Path<String>,
) -> Result<Json<Unread>, Problem> {
    let caller = app.owner(&bearer, &user_id).await?;
    let request = UnreadCountRequest {
        user_id: caller.user_id,
    };
    let count = idempotent(&app.upstream.budgets.notify, || {
        let (mut notify, request) = (app.upstream.notify.clone(), request.clone());
        async move { notify.unread_count(request).await }
    })
    .await?;
    Ok(Json(Unread {
        user_id,
        unread_count: count.into_inner().unread_count,
    }))
}

/// Marks one as read.
#[utoipa::path(patch, path = "/api/notifications/{id}/read", tag = "notifications",
    params(("id" = String, Path, description = "The notification's id")),
    responses((status = 200, body = Notification), (status = 404, description = "none of one's own", body = ProblemBody),
        (status = "default", body = ProblemBody)))]
async fn mark_read(
    State(app): State<App>,
    bearer: Bearer,
    Path(id): Path<String>,
) -> Result<Json<Notification>, Problem> {
    let user_id = own(&app, &bearer).await?;
    fields::uuid("id", &id)?;
    let request = MarkReadRequest { id, user_id };
    let stored = app.upstream.notify.clone().mark_read(request).await?;
    Ok(Json(stored.into_inner().into()))
}

/// How many changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Changed {
    /// Whose.
    user_id: String,
    /// How many.
    changed: u64,
}

/// Marks all of a user's as read.
#[utoipa::path(patch, path = "/api/notifications/{id}/read-all", tag = "notifications",
    params(("id" = String, Path, description = "The user's id")),
    responses((status = 200, body = Changed), (status = "default", body = ProblemBody)))]
async fn mark_all_read(
    State(app): State<App>,
    bearer: Bearer,
    Path(user_id): Path<String>,
) -> Result<Json<Changed>, Problem> {
    let caller = app.owner(&bearer, &user_id).await?;
    let request = MarkAllReadRequest {
        user_id: caller.user_id,
    };
    let answer = app.upstream.notify.clone().mark_all_read(request).await?;
    Ok(Json(Changed {
        user_id,
        changed: answer.into_inner().changed,
    }))
}

/// Deletes one.
#[utoipa::path(delete, path = "/api/notifications/{id}", tag = "notifications",
    params(("id" = String, Path, description = "The notification's id")),
    responses((status = 204), (status = 404, description = "none of one's own", body = ProblemBody),
        (status = "default", body = ProblemBody)))]
async fn delete(
    State(app): State<App>,
    bearer: Bearer,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let user_id = own(&app, &bearer).await?;
    fields::uuid("id", &id)?;
    app.upstream
        .notify
        .clone()
        .delete(DeleteRequest { id, user_id })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whose a notification has to be: the token's user's; without a token, with open access, anyone's.
async fn own(app: &App, bearer: &Bearer) -> Result<String, Problem> {
    let caller = app.visitor(bearer).await?;
    Ok(caller.map(|caller| caller.user_id).unwrap_or_default())
}
