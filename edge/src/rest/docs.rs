//! One OpenAPI 3.1 document per area, and a page for people to read it and try it: all from this server.

use axum::Router;
use utoipa::openapi::{
    Info, License, OpenApi,
    security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// An area of the API, as its documentation names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    title: &'static str,
    about: &'static str,
    page: &'static str,
    document: &'static str,
}

pub(super) const CHAT: Area = Area {
    title: "ChatFlow: chat",
    about: "Rooms, messages, sessions and accounts. What sockets say is in /api/chat/asyncapi.json.",
    page: "/api/chat/docs",
    document: "/api/chat/openapi.json",
};

pub(super) const PRESENCE: Area = Area {
    title: "ChatFlow: presence",
    about: "Who is online and who types. A connected socket keeps its user online by itself.",
    page: "/api/presence/docs",
    document: "/api/presence/openapi.json",
};

pub(super) const NOTIFICATIONS: Area = Area {
    title: "ChatFlow: notifications",
    about: "A user's notifications, which sockets also show live.",
    page: "/api/notifications/docs",
    document: "/api/notifications/openapi.json",
};

pub(super) const FILES: Area = Area {
    title: "ChatFlow: files",
    about: "Upload and download. Bytes are streamed through, never held whole.",
    page: "/api/files/docs",
    document: "/api/files/openapi.json",
};

/// The document and the page of an area.
pub(super) fn routes(area: Area, mut document: OpenApi) -> Router {
    document.info = Info::new(area.title, env!("CARGO_PKG_VERSION"));
    document.info.description = Some(area.about.to_owned());
    document.info.license = Some(License::new("MIT"));
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    // With open access a name alone is enough: hence the alternative without a token.
    let none: [&str; 0] = [];
    document.security = Some(vec![
        SecurityRequirement::new("bearer", none),
        SecurityRequirement::default(),
    ]);
    // The page asks another host to validate the document, unless it is told not to.
    let config = Config::default()
        .validator_url("none")
        .try_it_out_enabled(true)
        .display_request_duration(true);
    SwaggerUi::new(area.page)
        .config(config)
        .url(area.document, document)
        .into()
}
