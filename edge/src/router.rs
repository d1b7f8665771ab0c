//! Everything that the edge serves, in its layers.

use axum::{Router, middleware};
use runtime::{Shutdown, admin, health::Health};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    config::HttpLimits,
    layers::{errors, linger, origin, rate, rate::Rate, request, security},
    rest::{self, app::App},
    ui,
};

/// The whole. `sockets` are the routes of the two sockets, `all` is the rate of all requests.
pub fn router(
    app: App,
    sockets: Router,
    limits: &HttpLimits,
    all: Rate,
    health: Health,
    shutdown: &Shutdown,
) -> Router {
    let sign_in = Rate::new(limits.sign_ins_per_minute, limits.sign_ins_per_minute, shutdown);
    let layers = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(limits.proxy_hops, request::handle))
        .layer(middleware::from_fn(security::headers))
        .layer(middleware::from_fn(errors::shape))
        .layer(CatchPanicLayer::custom(errors::after_panic))
        .layer(middleware::from_fn_with_state(
            limits.origins.clone(),
            origin::guard,
        ))
        .layer(middleware::from_fn_with_state(shutdown.clone(), linger::linger));
    Router::new()
        .merge(rest::router(app, sign_in))
        .merge(sockets)
        .fallback_service(ui::routes())
        .layer(middleware::from_fn_with_state(all, rate::limit))
        .merge(admin::routes(health, shutdown.clone()))
        .layer(layers)
}
