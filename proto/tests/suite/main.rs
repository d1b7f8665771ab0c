//! What the contract promises: it does not break unnoticed, every part of it is explained, and its field rules hold for
//! any input.

#![expect(clippy::unwrap_used, reason = "what a test can't do, it fails at")]

mod comments;
mod contract;
mod descriptors;
mod fields;
