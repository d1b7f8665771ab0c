//! Which fault comes when: drawn from a seed, every kind once before any comes again.

use std::time::Duration;

use rand::{Rng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use test_support::{
    cluster::{Dependency, Part},
    proxy::{self, Direction},
};

use crate::fault::{Fault, Network, Scheduled};

/// How many replicas there are of each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Edges.
    pub edges: usize,
    /// Replicas of chat-svc.
    pub chats: usize,
    /// Replicas of presence-svc.
    pub presences: usize,
    /// Replicas of notify-svc.
    pub notifies: usize,
    /// Replicas of files-svc.
    pub files: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            edges: 2,
            chats: 2,
            presences: 2,
            notifies: 1,
            files: 1,
        }
    }
}

/// Before the first fault, so that everybody is there.
const WARM_UP: Duration = Duration::from_secs(3);

/// How long faults last, in milliseconds.
const LASTS: std::ops::Range<u64> = 500..6000;

/// How close faults follow each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    /// With a short breath, and now and then two at once: what breaks, breaks here.
    #[default]
    Dense,
    /// One at a time, with so much time between two that each wait has one cause.
    Alone,
}

impl Pace {
    /// How long the cluster has before the next one, in milliseconds.
    fn breath(self) -> std::ops::Range<u64> {
        match self {
            Self::Dense => 1000..3000,
            Self::Alone => 9000..10_000,
        }
    }

    /// How often a second fault begins while the first lasts.
    fn together(self) -> f64 {
        match self {
            Self::Dense => 0.2,
            Self::Alone => 0.0,
        }
    }
}

/// Draws faults that begin and end within `during`.
pub fn draw(shape: Shape, pace: Pace, during: Duration, random: &mut ChaCha8Rng) -> Vec<Scheduled> {
    let (mut schedule, mut bag) = (Vec::new(), Vec::new());
    let mut at = WARM_UP;
    loop {
        let first = next(&mut bag, shape, random);
        let lasts = Duration::from_millis(random.random_range(LASTS));
        if at + lasts > during {
            return schedule;
        }
        let second = random
            .random_bool(pace.together())
            .then(|| next(&mut bag, shape, random));
        let holds = first.holds();
        schedule.push(Scheduled {
            at,
            lasts,
            fault: first,
        });
        match second {
            Some(fault) if fault.holds().iter().all(|held| !holds.contains(held)) => {
                schedule.push(Scheduled {
                    at: at + lasts / 3,
                    lasts: lasts / 3,
                    fault,
                });
            }
            // Its turn comes later.
            Some(fault) => bag.push(fault),
            None => {}
        }
        at += lasts + Duration::from_millis(random.random_range(pace.breath()));
    }
}

fn next(bag: &mut Vec<Fault>, shape: Shape, random: &mut ChaCha8Rng) -> Fault {
    loop {
        if let Some(fault) = bag.pop() {
            return fault;
        }
        *bag = all(shape, random);
        bag.shuffle(random);
    }
}

/// One fault of every kind, at a replica drawn at random.
fn all(shape: Shape, random: &mut ChaCha8Rng) -> Vec<Fault> {
    let lasting = Network::Lasting;
    let mut any = |count: usize| random.random_range(0..count.max(1));
    let mut edge = || Part::Edge(any(shape.edges));
    let edges: [Part; 9] = std::array::from_fn(|_| edge());
    let chats: [Part; 7] = std::array::from_fn(|_| Part::Chat(any(shape.chats)));
    let presences: [Part; 3] = std::array::from_fn(|_| Part::Presence(any(shape.presences)));
    let (notify, files) = (Part::Notify(any(shape.notifies)), Part::Files(any(shape.files)));
    let chat = Dependency::Chat(any(shape.chats));
    let presence = Dependency::Presence(any(shape.presences));
    let doors: [usize; 4] = std::array::from_fn(|_| any(shape.edges));
    let hour = if any(2) == 0 { 3600 } else { -3600 };
    let black_hole = lasting(proxy::Fault::BlackHole(Direction::Both));
    let late = lasting(proxy::Fault::Delay(Duration::from_millis(150)));
    let slow = lasting(proxy::Fault::Throttle {
        bytes_per_second: 40_000,
    });
    let (redis, postgres) = (Dependency::Redis, Dependency::Postgres);
    vec![
        Fault::Kill(edges[0]),
        Fault::Kill(chats[0]),
        Fault::Kill(presences[0]),
        Fault::Kill(notify),
        Fault::Kill(files),
        Fault::Stop(edges[1]),
        Fault::Stop(chats[1]),
        Fault::Stop(presences[1]),
        Fault::Pause(edges[2]),
        Fault::Pause(chats[2]),
        Fault::Pause(presences[2]),
        Fault::Clock(edges[3], hour),
        Fault::Clock(chats[3], -hour),
        Fault::RedisRestartsEmpty,
        Fault::RedisPauses,
        Fault::RedisDropsClients,
        Fault::PostgresStops,
        Fault::PostgresPauses,
        Fault::PostgresIsExhausted,
        Fault::ObjectStoreStops,
        Fault::Link(edges[4], redis, lasting(proxy::Fault::Pushes)),
        Fault::Link(edges[5], redis, black_hole),
        Fault::Link(
            edges[6],
            redis,
            lasting(proxy::Fault::BlackHole(Direction::ToClient)),
        ),
        Fault::Link(edges[7], redis, late),
        Fault::Link(edges[8], chat, black_hole),
        Fault::Link(edges[0], chat, lasting(proxy::Fault::HalfOpen)),
        Fault::Link(
            edges[1],
            chat,
            lasting(proxy::Fault::BlackHole(Direction::ToClient)),
        ),
        Fault::Link(edges[2], chat, late),
        Fault::Link(edges[3], presence, lasting(proxy::Fault::Cut)),
        Fault::Link(chats[4], redis, black_hole),
        Fault::Link(chats[5], postgres, lasting(proxy::Fault::HalfOpen)),
        Fault::Link(
            chats[6],
            postgres,
            lasting(proxy::Fault::BlackHole(Direction::ToClient)),
        ),
        Fault::Link(chats[0], postgres, late),
        Fault::Link(chats[1], postgres, Network::Resets),
        Fault::Link(notify, postgres, lasting(proxy::Fault::Stall)),
        Fault::Link(files, Dependency::S3, slow),
        Fault::Door(doors[0], Network::Resets),
        Fault::Door(doors[1], black_hole),
        Fault::Door(doors[2], slow),
        Fault::Door(doors[3], lasting(proxy::Fault::BlackHole(Direction::ToServer))),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::SeedableRng as _;

    use super::*;

    fn draw_for(seed: u64, minutes: u64) -> Vec<Scheduled> {
        let during = Duration::from_secs(60 * minutes);
        draw(
            Shape::default(),
            Pace::Dense,
            during,
            &mut ChaCha8Rng::seed_from_u64(seed),
        )
    }

    #[test]
    fn the_same_seed_is_the_same_schedule() {
        assert_eq!(draw_for(1, 3), draw_for(1, 3));
        assert_ne!(draw_for(1, 3), draw_for(2, 3));
    }

    #[test]
    fn every_kind_comes_before_any_comes_again() {
        let kinds = all(Shape::default(), &mut ChaCha8Rng::seed_from_u64(1));
        let kinds: HashSet<String> = kinds.iter().map(Fault::kind).collect();
        let drawn = draw_for(7, 10);
        let first: HashSet<String> = drawn
            .iter()
            .take(kinds.len() + 2)
            .map(|scheduled| scheduled.fault.kind())
            .collect();
        assert!(first.len() + 4 >= kinds.len(), "{first:?}");
    }

    #[test]
    fn alone_means_alone() {
        let during = Duration::from_mins(10);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let drawn = draw(Shape::default(), Pace::Alone, during, &mut random);
        for pair in drawn.windows(2) {
            assert!(pair[1].at >= pair[0].at + pair[0].lasts + Duration::from_secs(9));
        }
    }

    #[test]
    fn faults_that_hold_the_same_thing_are_not_drawn_together() {
        for seed in 0..50 {
            let drawn = draw_for(seed, 5);
            for (at, one) in drawn.iter().enumerate() {
                assert!(one.at + one.lasts <= Duration::from_mins(5));
                for other in &drawn[at + 1..] {
                    let together = other.at < one.at + one.lasts;
                    let shared = one
                        .fault
                        .holds()
                        .iter()
                        .any(|held| other.fault.holds().contains(held));
                    assert!(!(together && shared), "{one:?} and {other:?}");
                }
            }
        }
    }
}
