//! `/api/chat`: rooms, messages, sessions, accounts, read marks.

mod messages;
mod read_marks;
mod rooms;
mod rows;
mod sessions;

use utoipa_axum::{router::OpenApiRouter, routes};

use super::{app::App, health};

/// The routes of this area, with what documents them.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(rooms::list, rooms::create))
        .routes(routes!(rooms::get))
        .routes(routes!(messages::list, messages::send))
        .routes(routes!(messages::edit, messages::delete))
        .routes(routes!(read_marks::list))
        .routes(routes!(sessions::whose, sessions::close))
        .routes(routes!(health::chat))
}

/// The routes that open sessions: they check passwords, so they have a rate limit of their own.
pub fn sign_in_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sessions::open))
        .routes(routes!(sessions::register))
}
