//! What is known about files: one, or a room's.

#![expect(
    unused_qualifications,
    reason = "utoipa writes the paths of parameter types out"
)]

use axum::{
    Json,
    extract::{Path, State},
};
use proto::{
    fields,
    files::{File as Stored, GetFileRequest, ListFilesRequest},
};
use runtime::client::idempotent;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::rest::{
    app::App,
    input::{Bearer, Params},
    page::{self, timestamp},
    problem::{Problem, ProblemBody},
};

/// A file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct File {
    /// UUID v7.
    id: String,
    /// What its uploader calls it.
    original_name: String,
    /// What its bytes look like.
    content_type: String,
    /// In bytes.
    size_bytes: u64,
    /// Where its bytes are.
    url: String,
    /// Its room.
    room_id: String,
    /// Who uploaded it.
    user_id: String,
    /// When (RFC 3339, UTC).
    created_at: Option<String>,
    /// SHA-256 of its bytes, in hexadecimal digits.
    sha256: String,
}

impl From<Stored> for File {
    fn from(stored: Stored) -> Self {
        Self {
            url: format!("/api/files/{}/download", stored.id),
            created_at: timestamp(stored.created_at.as_ref()),
            id: stored.id,
            original_name: stored.original_name,
            content_type: stored.content_type,
            size_bytes: stored.size_bytes,
            room_id: stored.room_id,
            user_id: stored.user_id,
            sha256: stored.sha256,
        }
    }
}

/// Which ones.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// The room's id; without one, all rooms'.
    room_id: Option<String>,
    /// How many; 50 where it is not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Files, newest first.
#[utoipa::path(get, path = "/api/files/files", tag = "files", params(ListQuery),
    responses((status = 200, body = Vec<File>), (status = "default", body = ProblemBody)))]
pub(super) async fn list(
    State(app): State<App>,
    bearer: Bearer,
    Params(query): Params<ListQuery>,
) -> Result<Json<Vec<File>>, Problem> {
    app.visitor(&bearer).await?;
    if let Some(room_id) = &query.room_id {
        fields::id("room_id", room_id)?;
    }
    let request = ListFilesRequest {
        room_id: query.room_id.unwrap_or_default(),
        limit: page::limit(query.limit)?,
    };
    let page = idempotent(&app.upstream.budgets.files, || {
        let (mut files, request) = (app.upstream.files.clone(), request.clone());
        async move { files.list_files(request).await }
    })
    .await?;
    Ok(Json(
        page.into_inner().files.into_iter().map(File::from).collect(),
    ))
}

/// One file's metadata.
#[utoipa::path(get, path = "/api/files/{file_id}", tag = "files",
    params(("file_id" = String, Path, description = "The file's id")),
    responses((status = 200, body = File), (status = 404, description = "no such file", body = ProblemBody),
        (status = "default", body = ProblemBody)))]
pub(super) async fn get(
    State(app): State<App>,
    bearer: Bearer,
    Path(file_id): Path<String>,
) -> Result<Json<File>, Problem> {
    app.visitor(&bearer).await?;
    Ok(Json(stored(&app, file_id).await?.into()))
}

/// A stored file, by its id.
pub(super) async fn stored(app: &App, file_id: String) -> Result<Stored, Problem> {
    fields::uuid("file_id", &file_id)?;
    let request = GetFileRequest { file_id };
    let file = idempotent(&app.upstream.budgets.files, || {
        let (mut files, request) = (app.upstream.files.clone(), request.clone());
        async move { files.get_file(request).await }
    })
    .await?;
    Ok(file.into_inner())
}
