//! What is kept for each of somebody's rooms: mostly of one, which then needs no memory of its own, seldom of many.

use std::sync::Arc;

use crate::hub::RoomId;

/// A map from rooms. See the module. A value that is never zero, or has another niche, tells which it is.
#[derive(Debug)]
pub(crate) enum ByRoom<V> {
    /// Of one.
    One((RoomId, V)),
    /// Of none, or of more, sorted by room.
    #[expect(
        clippy::box_collection,
        reason = "a list's own 24 bytes would lie there for every one"
    )]
    Others(Option<Box<Vec<(RoomId, V)>>>),
}

impl<V> Default for ByRoom<V> {
    fn default() -> Self {
        Self::Others(None)
    }
}

impl<V> ByRoom<V> {
    /// All of them, sorted by room.
    pub(crate) fn as_slice(&self) -> &[(RoomId, V)] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Others(others) => others.as_ref().map_or(&[], |others| others.as_slice()),
        }
    }

    fn as_mut_slice(&mut self) -> &mut [(RoomId, V)] {
        match self {
            Self::One(one) => std::slice::from_mut(one),
            Self::Others(others) => others.as_mut().map_or(&mut [], |others| others.as_mut_slice()),
        }
    }

    /// How many rooms there are.
    pub(crate) fn len(&self) -> usize {
        self.as_slice().len()
    }

    pub(crate) fn get(&self, room: &str) -> Option<&V> {
        let at = self.find(room).ok()?;
        Some(&self.as_slice()[at].1)
    }

    pub(crate) fn get_mut(&mut self, room: &str) -> Option<&mut V> {
        self.entry_mut(room).map(|(_, value)| value)
    }

    /// With the room's name, which may be replaced by an equal one.
    pub(crate) fn entry_mut(&mut self, room: &str) -> Option<&mut (RoomId, V)> {
        let at = self.find(room).ok()?;
        Some(&mut self.as_mut_slice()[at])
    }

    /// Puts in what is kept for a room, instead of what was.
    pub(crate) fn insert(&mut self, room: &RoomId, value: V) {
        let new = (Arc::clone(room), value);
        let at = match self.find(room) {
            Ok(at) => return self.as_mut_slice()[at] = new,
            Err(at) => at,
        };
        let mut others = match std::mem::take(self) {
            Self::Others(None) => return *self = Self::One(new),
            Self::Others(Some(others)) => others,
            Self::One(one) => Box::new(vec![one]),
        };
        others.insert(at, new);
        *self = Self::Others(Some(others));
    }

    pub(crate) fn remove(&mut self, room: &str) {
        let Ok(at) = self.find(room) else {
            return;
        };
        match self {
            Self::Others(Some(others)) if others.len() > 1 => {
                others.remove(at);
            }
            _ => *self = Self::default(),
        }
    }

    fn find(&self, room: &str) -> Result<usize, usize> {
        self.as_slice().binary_search_by(|(id, _)| (**id).cmp(room))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn one_is_kept_for_each_room() {
        let mut kept = ByRoom::default();
        for (room, number) in ["b", "c", "a", "b"].into_iter().zip(1..) {
            kept.insert(&room.into(), number);
        }
        assert_eq!(kept.len(), 3);
        let known = |room: &str| kept.get(room).copied();
        assert_eq!(["a", "b", "c", "d"].map(known), [Some(3), Some(4), Some(2), None]);
        kept.remove("b");
        kept.remove("d");
        assert!(kept.get_mut("b").is_none());
        let rooms = |kept: &ByRoom<_>| {
            kept.as_slice()
                .iter()
                .map(|(room, _)| room.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(rooms(&kept), ["a", "c"]);
        kept.remove("a");
        kept.remove("c");
        assert!(matches!(kept, ByRoom::Others(None)), "nothing is left of many");
        kept.insert(&"a".into(), 5);
        assert_eq!(rooms(&kept), ["a"]);
        kept.remove("a");
        assert!(matches!(kept, ByRoom::Others(None)));
    }

    #[test]
    fn one_room_is_kept_in_place() {
        assert_eq!(size_of::<ByRoom<NonZeroU32>>(), 24);
    }
}
