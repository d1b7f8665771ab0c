//! The published cases of the Autobahn test suite, by their numbers, against the echo server over TCP: what the suite itself
//! shows (`make autobahn`), in seconds and without Python. Where a case waits to see that nothing comes, this asks for
//! something that has to come instead.

#![expect(clippy::unwrap_used, reason = "a case that can't go on has failed")]

mod client;
mod closing;
mod compression;
mod fragments;
mod framing;
mod reserved;
#[path = "../../examples/echo/server.rs"]
mod server;
mod sizes;
mod utf8;
