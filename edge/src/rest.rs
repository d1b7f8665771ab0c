//! REST: the four areas of the contract below `/api/`, their OpenAPI documents and Swagger UI.

pub mod app;
pub mod chat;
mod docs;
pub mod files;
mod health;
mod input;
mod notifications;
mod page;
mod presence;
pub mod problem;
mod status;

use axum::{Router, extract::DefaultBodyLimit, middleware};
use tower_http::compression::CompressionLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    asyncapi,
    layers::rate::{self, Rate},
};
use app::App;

/// All of REST. `sign_in` limits the calls that check passwords.
pub fn router(app: App, sign_in: Rate) -> Router {
    let sign_in = chat::sign_in_routes().layer(middleware::from_fn_with_state(sign_in, rate::limit));
    let areas: [(docs::Area, OpenApiRouter<App>); 3] = [
        (docs::CHAT, chat::routes().merge(sign_in)),
        (docs::PRESENCE, presence::routes()),
        (docs::NOTIFICATIONS, notifications::routes()),
    ];
    let mut compressed = Router::new().merge(asyncapi::routes());
    for (area, routes) in areas {
        let (routes, document) = routes.split_for_parts();
        compressed = compressed
            .merge(routes.with_state(app.clone()))
            .merge(docs::routes(area, document));
    }
    let (files, mut document) = files::routes().split_for_parts();
    let (download, its_document) = files::download_routes().split_for_parts();
    document.merge(its_document);
    compressed
        .merge(files.with_state(app.clone()))
        .merge(docs::routes(docs::FILES, document))
        .layer(CompressionLayer::new())
        .merge(download.with_state(app))
        .layer(DefaultBodyLimit::max(input::MAX_JSON_BYTES))
}
