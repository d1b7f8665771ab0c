//! What the process-level tests share: a running stack of either topology, the runners of contract lines and of
//! `grpcurl-examples/`, and the shapes that answers must have.

pub mod browser;
pub mod grpcurl_examples;
pub mod lines;
pub mod raw_http;
pub mod schema;
pub mod shape;
pub mod stack;

pub use lines::walk;
pub use stack::Stack;
