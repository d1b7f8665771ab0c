//! Connections, found by whose they are.

use std::{collections::hash_map::RandomState, hash::BuildHasher as _, sync::Arc};

use hashbrown::{
    HashTable,
    hash_table::{Entry, OccupiedEntry},
};

use crate::socket::connection::Connection;

/// See the module. An entry is one pointer: what it is found by lies in the connection.
#[derive(Debug, Default)]
pub(super) struct ByUser {
    connections: HashTable<Arc<Connection>>,
    hasher: RandomState,
}

impl ByUser {
    /// How many connections there are.
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    /// All connections.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.connections.iter()
    }

    /// A user's connections.
    pub(super) fn of<'a>(&'a self, user_id: &'a str) -> impl Iterator<Item = &'a Arc<Connection>> {
        let same_hash = self.connections.iter_hash(self.hasher.hash_one(user_id));
        same_hash.filter(move |connection| connection.user_id() == user_id)
    }

    /// Puts a connection in; tells whether it was not there.
    pub(super) fn insert(&mut self, connection: &Arc<Connection>) -> bool {
        let hash = |user_id: &str| self.hasher.hash_one(user_id);
        let entry = self.connections.entry(
            hash(connection.user_id()),
            |other| other.id == connection.id,
            |other| hash(other.user_id()),
        );
        let is_new = matches!(entry, Entry::Vacant(_));
        entry.or_insert_with(|| Arc::clone(connection));
        is_new
    }

    /// Takes a connection out; tells whether it was there.
    pub(super) fn remove(&mut self, connection: &Connection) -> bool {
        let hash = self.hasher.hash_one(connection.user_id());
        let found = self
            .connections
            .find_entry(hash, |other| other.id == connection.id);
        found.map(OccupiedEntry::remove).is_ok()
    }
}
