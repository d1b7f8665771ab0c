//! One shape for errors below `/api/`, whoever made them: the router, a layer, an extractor, a panic.

use std::any::Any;

use axum::{
    extract::Request,
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::rest::problem::Problem;

/// Gives an error without a JSON body one, and keeps its other headers (such as `Allow`).
pub async fn shape(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let api = path == "/api" || path.starts_with("/api/");
    let response = next.run(request).await;
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    if !api || !failed || is_json(response.headers()) {
        return response;
    }
    let mut shaped = Problem::of_status(status).into_response();
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            shaped.headers_mut().insert(name, value.clone());
        }
    }
    shaped
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
        kind.starts_with("application/json") || kind.starts_with("application/problem+json")
    })
}

/// What a request gets whose handler panicked: the panic ends this request alone.
#[expect(clippy::needless_pass_by_value, reason = "the signature of a panic handler")]
pub fn after_panic(payload: Box<dyn Any + Send + 'static>) -> Response {
    let said = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied());
    tracing::error!(panic = said.unwrap_or("no text"), "a handler panicked");
    Problem::internal().into_response()
}
