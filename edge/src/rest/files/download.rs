//! Download: the bytes, whole or in part, streamed through from files-svc.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use proto::files::{DownloadRequest, DownloadResponse, File as Stored, download_response::Part};
use tonic::Streaming;

use super::{
    disposition::disposition,
    metadata,
    range::{Wanted, wanted},
};
use crate::rest::{
    app::App,
    input::Bearer,
    problem::{Problem, ProblemBody},
};

/// How long files-svc may take for the next bytes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a downloaded file may do where a browser shows it: nothing.
const POLICY: &str = "default-src 'none'; sandbox";

/// The bytes of a file. Takes `Range` (one range) and `If-None-Match`; everything but harmless images is an attachment.
#[utoipa::path(get, path = "/api/files/{file_id}/download", tag = "files",
    params(("file_id" = String, Path, description = "The file's id"),
        ("range" = Option<String>, Header, description = "Such as bytes=0-1023")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "the range", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "not changed"),
        (status = 404, description = "no such file", body = ProblemBody),
        (status = 416, description = "the range starts past the end", body = ProblemBody),
        (status = "default", body = ProblemBody)))]
pub(super) async fn download(
    State(app): State<App>,
    bearer: Bearer,
    Path(file_id): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    app.visitor(&bearer).await?;
    let file = metadata::stored(&app, file_id).await?;
    let tag = format!("\"{}\"", file.sha256);
    if matches_any(headers.get(header::IF_NONE_MATCH), &tag) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        describe(response.headers_mut(), &file, &tag);
        return Ok(response);
    }
    let range = text(headers.get(header::RANGE)).filter(|_| {
        // A range of an earlier version is no use with this one's.
        text(headers.get(header::IF_RANGE)).is_none_or(|seen| seen == tag)
    });
    let (status, offset, length) = match wanted(range, file.size_bytes) {
        Wanted::Whole => (StatusCode::OK, 0, file.size_bytes),
        Wanted::Part { offset, length } => (StatusCode::PARTIAL_CONTENT, offset, length),
        Wanted::PastTheEnd => return Err(Problem::range_not_satisfiable(Some(file.size_bytes))),
    };
    let body = if method == Method::HEAD || length == 0 {
        Body::empty()
    } else {
        bytes(&app, &file.id, offset, length).await?
    };
    let mut response = (status, body).into_response();
    let answer = response.headers_mut();
    describe(answer, &file, &tag);
    answer.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    insert(answer, header::CONTENT_TYPE, &file.content_type);
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {offset}-{}/{}", offset + length - 1, file.size_bytes);
        insert(answer, header::CONTENT_RANGE, &range);
    }
    Ok(response)
}

fn describe(headers: &mut HeaderMap, file: &Stored, tag: &str) {
    insert(headers, header::ETAG, tag);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(
        header::CONTENT_DISPOSITION,
        disposition(&file.content_type, &file.original_name),
    );
}

fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn text(value: Option<&HeaderValue>) -> Option<&str> {
    value.and_then(|value| value.to_str().ok()).map(str::trim)
}

/// `If-None-Match` compares weakly.
fn matches_any(header: Option<&HeaderValue>, tag: &str) -> bool {
    text(header).is_some_and(|tags| {
        tags == "*"
            || tags
                .split(',')
                .any(|one| one.trim().trim_start_matches("W/") == tag)
    })
}

async fn bytes(app: &App, file_id: &str, offset: u64, length: u64) -> Result<Body, Problem> {
    let request = DownloadRequest {
        file_id: file_id.to_owned(),
        offset,
        length: Some(length),
    };
    let mut answer = app.upstream.files.clone().download(request).await?.into_inner();
    // The first message before the status: what can fail early is still told with a status of its own.
    match next(&mut answer).await.map_err(|_| Problem::unavailable())? {
        Some(Part::Start(_)) => {}
        _ => return Err(Problem::internal()),
    }
    let chunks = stream::try_unfold(answer, async |mut answer| match next(&mut answer).await? {
        Some(Part::Chunk(chunk)) => Ok(Some((chunk, answer))),
        Some(Part::Start(_)) => Err(std::io::Error::other("a second start")),
        None => Ok(None),
    });
    Ok(Body::from_stream(chunks))
}

/// An error cuts the connection: the client sees fewer bytes than it was promised.
async fn next(answer: &mut Streaming<DownloadResponse>) -> Result<Option<Part>, std::io::Error> {
    match tokio::time::timeout(PATIENCE, answer.message()).await {
        Ok(Ok(Some(message))) => message
            .part
            .map(Some)
            .ok_or_else(|| std::io::Error::other("an empty part")),
        Ok(Ok(None)) => Ok(None),
        Ok(Err(status)) => {
            tracing::warn!(code = ?status.code(), detail = status.message(), "a download broke off");
            Err(std::io::Error::other("files-svc broke off"))
        }
        Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
    }
}
