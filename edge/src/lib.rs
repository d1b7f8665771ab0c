//! The edge: the only part that talks to strangers. It terminates WebSocket and REST, authenticates, limits and
//! validates, calls the services over gRPC, and fans out what the broker announces.

pub mod asyncapi;
mod beat;
mod by_room;
mod canary;
pub mod config;
pub mod door;
mod gather;
mod hub;
#[cfg(feature = "bench-check")]
#[doc(hidden)]
pub use hub::bench_check;
pub mod layers;
mod meters;
mod preread;
mod recovery;
pub mod rest;
pub mod router;
pub mod run;
pub mod serve;
pub mod socket;
pub mod ui;
pub mod upstream;
