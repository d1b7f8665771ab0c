//! The rooms of one of the floor's threads: who is in them, and what they have to be written.

use std::collections::HashMap;

#[derive(Default)]
pub(super) struct Rooms {
    by_name: HashMap<Vec<u8>, u32>,
    by_number: Vec<Room>,
    /// Rooms that have something to be written.
    pub(super) dirty: Vec<u32>,
}

#[derive(Default)]
pub(super) struct Room {
    pub(super) members: Vec<u32>,
    pub(super) batch: Vec<u8>,
}

impl Rooms {
    /// A room that has something to be written, if so.
    pub(super) fn to_write(&self, room: u32) -> Option<&Room> {
        let room = self.by_number.get(room as usize)?;
        (!room.batch.is_empty()).then_some(room)
    }

    /// Forgets what a room had to be written.
    pub(super) fn written(&mut self, room: u32) {
        if let Some(room) = self.by_number.get_mut(room as usize) {
            room.batch.clear();
        }
    }

    pub(super) fn join(&mut self, name: Vec<u8>, place: u32) -> u32 {
        let next = u32::try_from(self.by_number.len()).unwrap_or(0);
        let number = *self.by_name.entry(name).or_insert(next);
        if number == next {
            self.by_number.push(Room::default());
        }
        if let Some(room) = self.by_number.get_mut(number as usize) {
            room.members.push(place);
        }
        number
    }

    pub(super) fn leave(&mut self, room: u32, place: u32) {
        if let Some(room) = self.by_number.get_mut(room as usize) {
            room.members.retain(|member| *member != place);
        }
    }

    /// Puts a message behind what its room has to write. `None` where nobody is in that room.
    pub(super) fn append(&mut self, name: &[u8], payload: &[u8]) -> Option<u32> {
        let number = *self.by_name.get(name)?;
        let room = self.by_number.get_mut(number as usize)?;
        if room.batch.is_empty() {
            self.dirty.push(number);
        }
        room.batch.push(0x81);
        match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
            (Ok(short @ 0..=125), _) => room.batch.push(short),
            (_, Ok(medium)) => {
                room.batch.push(126);
                room.batch.extend_from_slice(&medium.to_be_bytes());
            }
            _ => {
                room.batch.push(127);
                room.batch
                    .extend_from_slice(&(payload.len() as u64).to_be_bytes());
            }
        }
        room.batch.extend_from_slice(payload);
        Some(number)
    }
}
