//! `/api/chat/asyncapi.json`: every WebSocket frame in both directions, as AsyncAPI 3.0.

use axum::{Router, http::header, routing::get};

/// The document.
pub const DOCUMENT: &str = include_str!("asyncapi.json");

/// Serves it.
pub fn routes() -> Router {
    let answer = || async { ([(header::CONTENT_TYPE, "application/json")], DOCUMENT) };
    Router::new().route("/api/chat/asyncapi.json", get(answer))
}
