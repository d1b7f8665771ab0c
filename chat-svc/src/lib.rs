//! Rooms, messages, the room log, identities, sessions and the outbox.

pub mod clock;
mod config;
pub mod error;
mod gauges;
pub mod grpc;
pub mod history;
pub mod identity;
pub mod log;
pub mod mentions;
pub mod message;
pub mod outbox;
mod partitioning;
pub mod room;
mod serve;
pub mod store;

pub use config::{Config, Settings};
pub use serve::{run, serve, serve_on};
