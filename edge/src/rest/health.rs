//! `/api/*/health`: whether the service behind an area answers and has what it needs.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::app::App;

/// How long a service may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// An area's health.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AreaHealth {
    /// `ok` or `unavailable`.
    status: &'static str,
    /// Which service.
    service: &'static str,
    /// `ok` or `unavailable`: files only, whether files can be stored and read.
    #[serde(skip_serializing_if = "Option::is_none")]
    object_store: Option<&'static str>,
}

async fn ask(app: &App, service: &'static str) -> (StatusCode, Json<AreaHealth>) {
    let answer = tokio::time::timeout(PATIENCE, app.upstream.serving(service)).await;
    let (code, status) = if matches!(answer, Ok(true)) {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    };
    let health = AreaHealth {
        status,
        service,
        object_store: None,
    };
    (code, Json(health))
}

/// Whether rooms and messages work.
#[utoipa::path(get, path = "/api/chat/health", tag = "health", security(()),
    responses((status = 200, body = AreaHealth), (status = 503, body = AreaHealth)))]
pub(super) async fn chat(State(app): State<App>) -> (StatusCode, Json<AreaHealth>) {
    ask(&app, "chat").await
}

/// Whether presence works.
#[utoipa::path(get, path = "/api/presence/health", tag = "health", security(()),
    responses((status = 200, body = AreaHealth), (status = 503, body = AreaHealth)))]
pub(super) async fn presence(State(app): State<App>) -> (StatusCode, Json<AreaHealth>) {
    ask(&app, "presence").await
}

/// Whether notifications work.
#[utoipa::path(get, path = "/api/notifications/health", tag = "health", security(()),
    responses((status = 200, body = AreaHealth), (status = 503, body = AreaHealth)))]
pub(super) async fn notifications(State(app): State<App>) -> (StatusCode, Json<AreaHealth>) {
    ask(&app, "notify").await
}

/// Whether files work, their object store included.
#[utoipa::path(get, path = "/api/files/health", tag = "health", security(()),
    responses((status = 200, body = AreaHealth), (status = 503, body = AreaHealth)))]
pub(super) async fn files(State(app): State<App>) -> (StatusCode, Json<AreaHealth>) {
    let (code, Json(health)) = ask(&app, "files").await;
    // files-svc says that it serves only while its object store answers.
    let object_store = Some(health.status);
    (
        code,
        Json(AreaHealth {
            object_store,
            ..health
        }),
    )
}
