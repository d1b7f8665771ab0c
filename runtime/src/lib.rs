//! What every ChatFlow process does alike: settings, telemetry, health, lifecycle, and both ends of gRPC.

pub mod admin;
pub mod client;
pub mod deadline;
pub mod health;
pub mod metrics;
pub mod process;
pub mod request_id;
pub mod server;
pub mod settings;
pub mod shutdown;
pub mod telemetry;
pub mod trace;

pub use process::{Fatal, Program};
pub use settings::{Problems, Secret};
pub use shutdown::Shutdown;
