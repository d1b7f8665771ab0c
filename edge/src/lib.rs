//! The edge: the only part that talks to strangers. It terminates WebSocket and REST, authenticates, limits and
//! validates, calls the services over gRPC, and fans out what the broker announces.

pub mod door;
pub mod upstream;
