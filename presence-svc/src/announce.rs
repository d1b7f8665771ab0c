//! Publishes changes: presence on the channel `presence`, typing on the channel of its room.

use std::sync::Arc;

use broker::{Broker, Publication};
use proto::frame::{PRESENCE_CHANNEL, PresenceEvent, PresenceStatus, RoomUser, ServerFrame, room_channel};

use crate::store::{Change, Store, Typist};

/// How often an announcement is compared with the store and corrected, should others keep changing it.
const CORRECTIONS: u32 = 4;

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Announcer {
    broker: Broker,
    store: Arc<dyn Store>,
}

impl Announcer {
    pub(crate) fn new(broker: Broker, store: Arc<dyn Store>) -> Self {
        Self { broker, store }
    }

    /// Says that users came or went. A change and its announcement are two steps: between them another replica may have
    /// made and announced the opposite one, and ours would be the last word, and wrong. So the store is asked again
    /// afterwards, and who differs is announced anew.
    pub(crate) async fn users(&self, status: PresenceStatus, changes: Vec<Change>) {
        let mut said: Vec<(PresenceStatus, Change)> =
            changes.into_iter().map(|change| (status, change)).collect();
        for _ in 0..CORRECTIONS {
            if said.is_empty() {
                return;
            }
            self.publish(
                said.iter()
                    .map(|(status, change)| event(*status, change))
                    .collect(),
            )
            .await;
            let ids: Vec<&str> = said.iter().map(|(_, change)| change.user.id.as_str()).collect();
            // Where the store went away, who beats next comes online anew.
            let Ok(present) = self.store.present(&ids).await else {
                return;
            };
            said = said
                .into_iter()
                .filter_map(|(status, change)| {
                    let now = if present.contains(&change.user.id) {
                        PresenceStatus::Online
                    } else {
                        PresenceStatus::Offline
                    };
                    (now != status).then_some((now, change))
                })
                .collect();
        }
    }

    pub(crate) async fn typing(&self, typist: &Typist) {
        self.publish(vec![in_room(typist, ServerFrame::Typing)]).await;
    }

    pub(crate) async fn stopped(&self, typists: &[Typist]) {
        let stopped = typists
            .iter()
            .map(|typist| in_room(typist, ServerFrame::StopTyping));
        self.publish(stopped.collect()).await;
    }

    /// A broker that is down fails no call, and says so itself, once per outage.
    async fn publish(&self, publications: Vec<Publication>) {
        if publications.is_empty() {
            return;
        }
        let count = publications.len();
        let result = self.broker.publish(publications).await;
        let lost = result.err().map_or(0, |error| error.lost(count));
        for (outcome, count) in [("published", count - lost), ("lost", lost)] {
            metrics::counter!("chatflow_presence_announcements_total", "outcome" => outcome)
                .increment(count as u64);
        }
    }
}

fn event(status: PresenceStatus, change: &Change) -> Publication {
    let event = PresenceEvent {
        user_id: change.user.id.clone(),
        username: change.user.name.clone(),
        status,
        rooms: change.rooms.clone(),
    };
    #[expect(clippy::expect_used, reason = "a plain struct of strings always serialises")]
    let payload = serde_json::to_vec(&event).expect("events serialise").into();
    Publication {
        channel: PRESENCE_CHANNEL.to_owned(),
        payload,
    }
}

fn in_room<'a>(typist: &'a Typist, frame: impl FnOnce(RoomUser<'a>) -> ServerFrame<'a>) -> Publication {
    let who = RoomUser {
        user_id: &typist.user.id,
        username: &typist.user.name,
        room_id: &typist.room_id,
    };
    Publication {
        channel: room_channel(&typist.room_id),
        payload: frame(who).encode(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Beat, Lifetimes, MemoryStore, User};
    use broker::Event;

    fn alice() -> Change {
        let (id, name) = ("alice".to_owned(), "Alice".to_owned());
        Change {
            user: User { id, name },
            rooms: vec!["general".to_owned()],
        }
    }

    /// What is published where `status` is said of Alice, up to the end.
    async fn said(store: MemoryStore, status: PresenceStatus) -> Vec<PresenceStatus> {
        let broker = Broker::memory();
        let mut heard = broker.subscribe(&[PRESENCE_CHANNEL]);
        let announcer = Announcer::new(broker, Arc::new(store));
        announcer.users(status, vec![alice()]).await;
        drop(announcer);
        let mut said = Vec::new();
        while let Some(event) = heard.recv().await {
            if let Event::Message(message) = event {
                let event: PresenceEvent = serde_json::from_slice(message.payload()).unwrap();
                assert_eq!(event.rooms, ["general"]);
                said.push(event.status);
            }
        }
        said
    }

    #[tokio::test]
    async fn the_last_word_is_what_the_store_says() {
        use PresenceStatus::{Offline, Online};
        let present = async || {
            let store = MemoryStore::new(Lifetimes::default());
            let Change { user, rooms } = alice();
            let at = proto::time::now();
            store.beat(vec![Beat { user, rooms, at }]).await.unwrap();
            store
        };
        let absent = || MemoryStore::new(Lifetimes::default());
        assert_eq!(said(present().await, Online).await, [Online]);
        assert_eq!(said(absent(), Offline).await, [Offline]);
        // Another replica was faster with the opposite.
        assert_eq!(said(present().await, Offline).await, [Offline, Online]);
        assert_eq!(said(absent(), Online).await, [Online, Offline]);
    }
}
