//! The metrics of publishing, the same for both members of the pair.

use std::{future::Future, time::Instant};

use crate::{Error, Publication};

/// Runs `publish`, which publishes those, and counts and times it.
pub(crate) async fn measured(
    publications: &[Publication],
    publish: impl Future<Output = Result<(), Error>>,
) -> Result<(), Error> {
    let count = publications.iter().filter(|one| !one.is_extra()).count();
    let began = Instant::now();
    let result = publish.await;
    let outcome = if result.is_ok() { "published" } else { "lost" };
    metrics::counter!("chatflow_broker_publications_total", "outcome" => outcome).increment(count as u64);
    metrics::histogram!("chatflow_broker_publish_seconds").record(began.elapsed().as_secs_f64());
    result
}
