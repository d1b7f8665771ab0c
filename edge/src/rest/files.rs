//! `/api/files`: upload, list, metadata, download.

mod disposition;
mod download;
mod intake;
mod metadata;
mod part_stream;
mod range;
mod spool;
mod transfer;
mod upload;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{app::App, health};

/// The routes of this area, with what documents them, except the download.
pub fn routes() -> OpenApiRouter<App> {
    let upload = OpenApiRouter::new()
        .routes(routes!(upload::upload))
        // It counts for itself: a file may be far larger than any other body.
        .layer(DefaultBodyLimit::disable());
    OpenApiRouter::new()
        .merge(upload)
        .routes(routes!(metadata::list))
        .routes(routes!(metadata::get))
        .routes(routes!(health::files))
}

/// The download: its bytes are never compressed on the way, so that ranges mean what they say.
pub fn download_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(download::download))
}
