//! The whole chat as processes: the all-in-one on embedded stores, and the five services on real ones.
//!
//! With [`Builder::links`] a [`Proxy`](crate::proxy::Proxy) is on every arrow, so that a fault concerns exactly one:
//!
//! ```text
//! people ──door(0)──▶ edge-0 ──link(Edge(0), Chat(1))──▶ chat-1 ──link(Chat(1), Postgres)──▶ PostgreSQL
//! ```

mod all_in_one;
mod builder;
mod layout;
mod part;
mod services;

pub use all_in_one::AllInOne;
pub use builder::Builder;
pub use part::{Dependency, Part};
pub use services::Cluster;
