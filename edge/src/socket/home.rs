//! What the connections of one shard share: who watches their sockets, and who is told that one of them has changed.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

use super::{connection::Connection, poll::Poll};
use crate::beat::Roster;

/// See the module.
#[derive(Debug)]
pub(crate) struct Home {
    /// Watches the sockets.
    pub(crate) poll: Poll,
    /// Most that waits for one connection's socket, in bytes.
    pub(super) queue_bytes: usize,
    pub(super) roster: Roster,
    /// Each connection at most once.
    notices: Mutex<Vec<Arc<Connection>>>,
    noticed: Notify,
}

impl Home {
    /// # Errors
    /// Where the kernel has no file left.
    pub(crate) fn new(queue_bytes: usize, roster: Roster) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            queue_bytes,
            roster,
            notices: Mutex::default(),
            noticed: Notify::new(),
        })
    }

    /// The shard has to look at a connection.
    pub(super) fn notice(&self, connection: Arc<Connection>) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        notices.push(connection);
        // One wake-up brings all of them.
        if notices.len() == 1 {
            drop(notices);
            self.noticed.notify_one();
        }
    }

    /// Resolves when there are connections to look at. Cancel-safe.
    pub(crate) async fn noticed(&self) {
        self.noticed.notified().await;
    }

    /// Takes them.
    pub(crate) fn take_noticed(&self, into: &mut Vec<Arc<Connection>>) {
        into.append(&mut self.notices.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
