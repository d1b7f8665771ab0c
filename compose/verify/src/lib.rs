//! Starts the stack of `compose/` as its guide says, walks the guide, holds the stack to what it promises, and takes all
//! of it down.

pub mod chatter;
pub mod checkout;
pub mod checks;
pub mod guide;
pub mod report;
pub mod run;
pub mod shell;
pub mod stack;
pub mod walk;
