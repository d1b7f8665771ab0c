//! The all-in-one: the four services and the edge in one process, on stores embedded in one folder.

mod banner;
pub mod config;
mod data_dir;
mod health;
mod ports;
mod run;

pub use config::{Config, Settings};
pub use run::run;
