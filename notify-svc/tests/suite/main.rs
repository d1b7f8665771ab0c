//! notify-svc on real parts: the rules of its store on both backends, and the service as its callers see it.

#![expect(clippy::unwrap_used, reason = "what a test can't do, it fails at")]

#[macro_use]
mod support;
mod service;
mod store;
