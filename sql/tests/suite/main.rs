//! One diesel code base on two real databases: what services rely on.

#![expect(clippy::unwrap_used, reason = "what a test can't do, it fails at")]

#[macro_use]
mod support;
mod errors;
mod migrations;
mod outages;
mod transactions;
mod values;
