//! The files service on real stores: what callers and operators would notice.
#![expect(clippy::unwrap_used, reason = "a test stops at whatever fails")]

mod broken_off;
mod objects;
mod outages;
mod process;
mod protocol;
mod queries;
mod setup;
mod sweep;
mod transfer;
