//! What has to hold under one fault each, named after it: a real cluster, people on it, the fault, and the checker.

mod ack_durable;
mod chat_killed;
mod clocks_jump;
mod disk_full;
mod edge_killed;
mod edge_stopped;
mod files_killed;
mod notify_down;
mod postgres_stopped;
mod redis_silent;
mod redis_stopped;
mod restored;
mod rolling;
mod slow_reader;
mod support;
