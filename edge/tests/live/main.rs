//! The live half of the edge, with chat-svc and presence-svc behind it in this process, and real sockets.

mod chatting;
mod compressed;
mod doors;
mod hintless;
mod limits;
mod lossy;
mod multiplexed;
mod outages;
mod recovery;
mod restored;
mod rooms;
mod slow;
mod support;
