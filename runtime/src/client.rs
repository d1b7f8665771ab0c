//! The gRPC client stack: DNS discovery, health-checked members, least-loaded choice, deadlines, budgeted retries.

mod balance;
mod discovery;
mod retry;
mod url;
mod watcher;

pub use balance::Channel;
pub use retry::{Budget, idempotent};
pub use url::{ServiceUrl, service_url};

use crate::Shutdown;

/// The largest message that our services send each other, in bytes: a page of 1,000 changes of 16,000 characters each
/// does not have to fit, because pages are cut by bytes before; 16 MiB is far above a page.
pub const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// Opens a channel to all replicas behind `url`. Returns at once; members come as they are found healthy.
pub fn connect(name: &'static str, url: &ServiceUrl, shutdown: &Shutdown) -> Channel {
    let channel = Channel::new(name);
    discovery::start(name, url.clone(), channel.members(), shutdown);
    channel
}
