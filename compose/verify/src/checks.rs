//! What the stack is held to beside its guide, one file for each concern.

pub mod browsers;
pub mod config;
pub mod containers;
pub mod gateway;
pub mod images;
pub mod kills;
pub mod observability;
pub mod redis;
pub mod single;
pub mod spread;
pub mod tls;
pub mod traces;
