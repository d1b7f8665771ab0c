//! The checker finds nothing in good histories, and in bad ones what was planted there: [`operators`] has the table.

mod by_hand;
mod display;
mod good;
mod model;
mod operators;
mod planted;
mod stalls;
