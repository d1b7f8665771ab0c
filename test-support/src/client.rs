//! Clients as strangers would write them: a WebSocket and plain REST.

mod rest;
mod socket;

pub use rest::{Answer, Rest};
pub use socket::{Frame, Socket};
