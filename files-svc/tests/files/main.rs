//! The files service on real stores: what callers and operators would notice.

mod broken_off;
mod objects;
mod outages;
mod protocol;
mod queries;
mod setup;
mod sweep;
mod transfer;
