//! What the databases hold, read with plain SQL as an operator would.

use std::collections::{BTreeMap, HashMap};

use tokio_postgres::{Client, Error, NoTls};
use uuid::Uuid;

use crate::history::{Content, Name, Person, Room, StoredMessage, StoredRoom};

/// A connection to one database.
pub struct Stored(Client);

impl Stored {
    /// Connects.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        Ok(Self(client))
    }

    /// The heads of the town's rooms.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn heads(&self) -> Result<BTreeMap<Room, u64>, Error> {
        let rows = self.0.query("SELECT id, last_seq FROM rooms", &[]).await?;
        let heads = rows.iter().filter_map(|row| {
            let room = Room::from_id(row.get(0))?;
            Some((room, number(row.get(1))))
        });
        Ok(heads.collect())
    }

    /// The logs of the town's rooms. A row that nobody of the town can have written is told as trouble.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn logs(&self, troubles: &mut Vec<String>) -> Result<BTreeMap<Room, StoredRoom>, Error> {
        let mut logs: BTreeMap<Room, StoredRoom> = BTreeMap::new();
        for (room, last_seq) in self.heads().await? {
            let messages = Vec::new();
            logs.insert(room, StoredRoom { last_seq, messages });
        }
        let query = "SELECT room_id, id, user_id, client_msg_id, content, seq, change_seq, deleted_at IS NOT NULL \
                     FROM messages ORDER BY room_id, seq";
        for row in self.0.query(query, &[]).await? {
            let Some(room) = Room::from_id(row.get(0)) else {
                continue;
            };
            let (id, user, name): (&str, &str, Option<&str>) = (row.get(1), row.get(2), row.get(3));
            let read = || {
                Some(StoredMessage {
                    id: id.parse().ok()?,
                    author: Person::from_user_id(user)?,
                    name: Name::from_client_msg_id(name?)?,
                    content: Content::of(row.get(4)),
                    seq: number(row.get(5)),
                    change_seq: number(row.get(6)),
                    deleted: row.get(7),
                })
            };
            match (read(), logs.get_mut(&room)) {
                (Some(message), Some(log)) => log.messages.push(message),
                _ => troubles.push(format!("nobody wrote {id} of {user} ({name:?}) in {}", room.id())),
            }
        }
        Ok(logs)
    }

    /// How many notifications there are of each message for each user.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn notifications(&self) -> Result<HashMap<(Uuid, Person), u64>, Error> {
        let rows = self.0.query("SELECT source FROM notifications", &[]).await?;
        let mut counts = HashMap::new();
        for row in rows {
            let source: Option<&str> = row.get(0);
            let of = || {
                let (id, user) = source?.strip_prefix("mention:")?.split_once(':')?;
                Some((id.parse().ok()?, Person::from_user_id(user)?))
            };
            if let Some(key) = of() {
                *counts.entry(key).or_default() += 1;
            }
        }
        Ok(counts)
    }
}

fn number(column: i64) -> u64 {
    u64::try_from(column).unwrap_or(0)
}
