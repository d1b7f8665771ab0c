//! Who lives in the town, which rooms they are in, and what they are like: drawn from a seed.

use std::time::Duration;

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use crate::history::{Person, Room};

/// How many people and rooms there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// People. Everybody is in the large rooms.
    pub people: u32,
    /// Rooms with everybody.
    pub large: u32,
    /// Rooms of two.
    pub pairs: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            people: 24,
            large: 2,
            pairs: 8,
        }
    }
}

/// A person's ways.
#[derive(Debug, Clone, PartialEq)]
pub struct Resident {
    /// Who.
    pub person: Person,
    /// One multiplexed socket for all rooms, or a room socket for the only one.
    pub multiplexed: bool,
    /// In which rooms.
    pub rooms: Vec<Room>,
    /// The mean pause between two messages; `None` for those who only read.
    pub writes_every: Option<Duration>,
    /// The mean time after which they drop their connection and come back elsewhere.
    pub leaves_every: Duration,
    /// How they drain their socket.
    pub reads: Reads,
}

/// How somebody drains their socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// As it comes.
    Promptly,
    /// One frame each so often.
    Slowly(Duration),
    /// Not at all for so long, now and then.
    InTurns(Duration),
}

/// Draws a town.
pub fn draw(size: Size, random: &mut ChaCha8Rng) -> Vec<Resident> {
    let mut town: Vec<Resident> = (0..size.people)
        .map(|number| resident(Person(number), size, random))
        .collect();
    for pair in 0..size.pairs {
        let room = Room(size.large + pair);
        // The people of a pair are on multiplexed sockets, which alone can hold more than one room.
        let mut candidates: Vec<usize> = (0..town.len()).filter(|at| town[*at].multiplexed).collect();
        for _ in 0..2 {
            if candidates.is_empty() {
                break;
            }
            let at = candidates.swap_remove(random.random_range(0..candidates.len()));
            town[at].rooms.push(room);
        }
    }
    town
}

/// All rooms of a town of this size.
pub fn rooms(size: Size) -> Vec<Room> {
    (0..size.large + size.pairs).map(Room).collect()
}

fn resident(person: Person, size: Size, random: &mut ChaCha8Rng) -> Resident {
    let multiplexed = random.random_bool(0.7);
    let large: Vec<Room> = (0..size.large).map(Room).collect();
    let rooms = if multiplexed || large.is_empty() {
        large
    } else {
        vec![large[random.random_range(0..large.len())]]
    };
    let writes_every = random
        .random_bool(0.8)
        .then(|| Duration::from_millis(random.random_range(250..1500)));
    let reads = match random.random_range(0..10) {
        0 => Reads::Slowly(Duration::from_millis(random.random_range(2..15))),
        1 => Reads::InTurns(Duration::from_millis(random.random_range(1000..6000))),
        _ => Reads::Promptly,
    };
    Resident {
        person,
        multiplexed,
        rooms,
        writes_every,
        leaves_every: Duration::from_millis(random.random_range(8_000..40_000)),
        reads,
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn the_same_seed_is_the_same_town() {
        let size = Size::default();
        let draw = |seed| draw(size, &mut ChaCha8Rng::seed_from_u64(seed));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn everybody_is_somewhere_and_pairs_are_two() {
        let size = Size::default();
        let town = draw(size, &mut ChaCha8Rng::seed_from_u64(3));
        assert!(town.iter().all(|resident| !resident.rooms.is_empty()));
        assert!(
            town.iter()
                .all(|resident| resident.multiplexed || resident.rooms.len() == 1)
        );
        for room in rooms(size).into_iter().skip(2) {
            let members = town.iter().filter(|resident| resident.rooms.contains(&room));
            assert_eq!(members.count(), 2, "{room:?}");
        }
    }
}
