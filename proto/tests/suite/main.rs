//! What the contract promises: it does not break unnoticed, every part of it is explained, and its field rules hold for
//! any input.

mod comments;
mod contract;
mod descriptors;
mod fields;
