//! Who came to a room and who left: told to all edges through the broker, and forgotten where that is not possible.

use broker::{Broker, Publication};
use proto::frame::{RoomUser, ServerFrame, room_channel};
use runtime::Shutdown;
use tokio::sync::mpsc;

/// Announcements that may wait; more are dropped, as nobody is harmed.
const WAITING: usize = 1024;

/// Announcements in one round trip.
const AT_ONCE: usize = 128;

/// Takes announcements. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Announcer(mpsc::Sender<Publication>);

/// Starts the task that publishes.
pub(super) fn start(broker: Broker, shutdown: &Shutdown) -> Announcer {
    let (sender, mut waiting) = mpsc::channel(WAITING);
    shutdown.spawn_until_begun(async move {
        let mut publications = Vec::with_capacity(AT_ONCE);
        while waiting.recv_many(&mut publications, AT_ONCE).await > 0 {
            if let Err(error) = broker.publish(std::mem::take(&mut publications)).await {
                tracing::debug!(%error, "nobody hears who came and left");
            }
        }
    });
    Announcer(sender)
}

impl Announcer {
    /// A user's first connection to a room on this edge.
    pub(crate) fn joined(&self, who: RoomUser<'_>) {
        let timestamp = proto::time::now();
        self.publish(who.room_id, &ServerFrame::UserJoined { who, timestamp });
    }

    /// A user's last connection to a room on this edge is gone.
    pub(crate) fn left(&self, who: RoomUser<'_>) {
        let timestamp = proto::time::now();
        self.publish(who.room_id, &ServerFrame::UserLeft { who, timestamp });
    }

    fn publish(&self, room_id: &str, frame: &ServerFrame<'_>) {
        let publication = Publication {
            channel: room_channel(room_id),
            payload: frame.encode(),
        };
        if self.0.try_send(publication).is_err() {
            tracing::debug!("too many announcements at once");
        }
    }
}
