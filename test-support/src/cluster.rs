//! The whole chat as processes: the all-in-one on embedded stores, and the five services on real ones.

mod all_in_one;
mod services;

pub use all_in_one::AllInOne;
pub use services::{Builder, Cluster};
