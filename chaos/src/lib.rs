//! Faults under load: simulated people on a real cluster, a seeded schedule of faults, and a checker that holds what
//! everybody saw against what the architecture promises.

pub mod board;
pub mod check;
pub mod cli;
mod errands;
pub mod fault;
pub mod filer;
pub mod history;
mod holds;
pub mod inject;
pub mod person;
pub mod recorder;
pub mod rolling;
pub mod run;
pub mod running;
pub mod schedule;
pub mod stored;
pub mod town;
