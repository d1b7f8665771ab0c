//! Requests per client address: a generous limit for all, a tight one where passwords are checked.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
};
use runtime::Shutdown;

use super::address::ClientAddress;
use crate::rest::problem::Problem;

/// How often addresses that were quiet are forgotten.
const FORGET_EVERY: Duration = Duration::from_mins(1);

/// A limit of requests per minute and address. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rate(Option<Arc<DefaultKeyedRateLimiter<IpAddr>>>);

impl Rate {
    /// At most `per_minute`, of which `burst` at once; 0 for no limit.
    pub fn new(per_minute: u32, burst: u32, shutdown: &Shutdown) -> Self {
        let quota = NonZeroU32::new(per_minute)
            .map(|rate| Quota::per_minute(rate).allow_burst(NonZeroU32::new(burst).unwrap_or(rate)));
        let limiter = quota.map(|quota| Arc::new(DefaultKeyedRateLimiter::keyed(quota)));
        if let Some(limiter) = limiter.clone() {
            shutdown.spawn_until_begun(async move {
                let mut tick = tokio::time::interval(FORGET_EVERY);
                loop {
                    tick.tick().await;
                    limiter.retain_recent();
                }
            });
        }
        Self(limiter)
    }

    /// How many seconds this address has to wait, if it does; else this was one of its requests.
    pub(crate) fn wait(&self, address: ClientAddress) -> Option<u64> {
        let over = self.0.as_ref()?.check_key(&address.key()).err()?;
        Some(over.wait_time_from(DefaultClock::default().now()).as_secs() + 1)
    }
}

/// Lets through what is below the limit.
pub async fn limit(State(rate): State<Rate>, request: Request, next: Next) -> Response {
    let address = request.extensions().get::<ClientAddress>().copied();
    match address.and_then(|address| rate.wait(address)) {
        Some(seconds) => {
            metrics::counter!("chatflow_http_rate_limited_total").increment(1);
            Problem::too_many("Too many requests from your address.", seconds).into_response()
        }
        None => next.run(request).await,
    }
}
