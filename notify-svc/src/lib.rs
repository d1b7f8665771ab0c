//! Notifications of users: stored, listed, and published live on `user:{user_id}`.

mod config;
mod delivery;
mod error;
mod grpc;
mod notification;
mod notifications;
mod retention;
mod serve;
pub mod store;

pub use config::{Config, Settings};
pub use error::{Error, Result};
pub use notification::{Draft, Notification};
pub use notifications::{Created, Notifications};
pub use retention::{KEPT_PER_USER, SWEEP_EVERY};
pub use serve::{run, serve, serve_on};
