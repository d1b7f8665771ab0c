//! The way into a room's log: changes are collected, committed in batches, and published in their order.

pub mod appender;
mod batch;
mod publisher;
mod queue;
mod traced;
