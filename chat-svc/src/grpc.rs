//! RPC ↔ domain: fields are checked, calls passed on, answers put into words of the wire.

pub mod chat;
pub mod identity;
mod sends;
