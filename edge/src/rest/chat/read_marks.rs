//! How far a user has read, room by room.

use axum::{
    Json,
    extract::{Path, State},
};
use proto::chat::ListReadMarksRequest;
use runtime::client::idempotent;
use serde::Serialize;
use utoipa::ToSchema;

use crate::rest::{
    app::App,
    input::Bearer,
    problem::{Problem, ProblemBody},
};

/// A user's mark in a room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadMark {
    /// The room.
    room_id: String,
    /// Everything up to this seq is read.
    seq: u64,
}

/// A user's read marks, one per room that has one.
#[utoipa::path(get, path = "/api/chat/users/{user_id}/read-marks", tag = "messages",
    params(("user_id" = String, Path, description = "The user's id")),
    responses((status = 200, body = Vec<ReadMark>), (status = "default", body = ProblemBody)))]
pub(super) async fn list(
    State(app): State<App>,
    bearer: Bearer,
    Path(user_id): Path<String>,
) -> Result<Json<Vec<ReadMark>>, Problem> {
    let caller = app.owner(&bearer, &user_id).await?;
    let request = ListReadMarksRequest {
        user_id: caller.user_id,
    };
    let answer = idempotent(&app.upstream.budgets.chat, || {
        let (mut chat, request) = (app.upstream.chat.clone(), request.clone());
        async move { chat.list_read_marks(request).await }
    })
    .await?;
    let marks = answer.into_inner().marks.into_iter().map(|mark| ReadMark {
        room_id: mark.room_id,
        seq: mark.last_seq,
    });
    Ok(Json(marks.collect()))
}
