//! How hints become a gapless stream: the tail of a room, the log behind it, heads to compare, replays.

pub(crate) mod doubt;
pub(crate) mod heads;
pub(crate) mod log;
pub(crate) mod passed;
pub(crate) mod replay;
pub(crate) mod seen;
pub(crate) mod tail;
