//! Pages of rooms that the store reads slowly, or not at all, among others.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use jiff::Timestamp;

use super::*;
use crate::{
    clock::Clock,
    message::{Change, Committed, Message},
    room::{NewRoom, Room},
    store::Span,
};

/// How long a page of a room takes whose name begins with `slow`.
const SLOW: Duration = Duration::from_millis(600);

/// Every room has one change. Rooms whose name begins with `bad` can't be read.
#[derive(Clone, Default)]
struct Store {
    begun: Arc<AtomicUsize>,
    read: Arc<AtomicUsize>,
}

impl Rooms for Store {
    async fn create_room(&self, _: NewRoom, _: Timestamp) -> Result<Room> {
        unreachable!("rooms are there")
    }
    async fn room(&self, _: &str) -> Result<Option<Room>> {
        unreachable!("only heads are asked for")
    }
    async fn rooms(&self, _: Option<&Room>, _: u32) -> Result<Vec<Room>> {
        unreachable!("only heads are asked for")
    }
    async fn heads(&self, ids: Vec<String>) -> Result<Vec<Head>> {
        let there = ids.into_iter().filter(|id| id != "nowhere");
        let head = |room_id| Head {
            room_id,
            last_seq: 1,
            last_id: None,
        };
        Ok(there.map(head).collect())
    }
}

impl Log for Store {
    async fn commit(&self, _: Vec<Change>, _: &Clock) -> Result<Vec<Result<Committed>>> {
        unreachable!("nobody writes")
    }
    async fn history(&self, _: &str, _: Span, _: &Head, _: u32) -> Result<Vec<Message>> {
        unreachable!("only changes are asked for")
    }
    async fn changes(&self, room_id: &str, _: (u64, u64), _: &Head, _: u32) -> Result<Vec<Message>> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        if room_id.starts_with("bad") {
            return Err(Error::Store(sql::Error::Unavailable("bad".to_owned())));
        }
        if room_id.starts_with("slow") {
            tokio::time::sleep(SLOW).await;
        }
        self.read.fetch_add(1, Ordering::Relaxed);
        Ok(Vec::new())
    }
    async fn was_of(&self, _: &str, _: u64, _: &str) -> Result<bool> {
        unreachable!("nobody names a message")
    }
}

/// How each page ends that comes.
async fn ends(store: &Store, rooms: &[&str], time: Duration) -> Vec<&'static str> {
    let since = Since {
        seq: 0,
        id: None,
        up_to: None,
        limit: 10,
        max_bytes: 1000,
    };
    let asked = rooms.iter().map(|room| ((*room).to_owned(), since.clone()));
    let pages = changes_of_rooms(store, &Shutdown::new(), asked.collect(), time)
        .await
        .unwrap();
    let end = |page: &Result<Answer>| match page {
        Ok(_) => "read",
        Err(Error::NoSuchRoom) => "no such room",
        Err(_) => "failed",
    };
    pages.iter().map(end).collect()
}

#[tokio::test]
async fn a_page_that_fails_takes_no_other_with_it() {
    let rooms = ["bad-1", "a", "nowhere", "bad-2", "b", "c", "d"];
    let told = ends(&Store::default(), &rooms, Duration::from_secs(30)).await;
    let expected = ["failed", "read", "no such room", "failed", "read", "read", "read"];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_slow_page_is_given_up_and_those_behind_it_come() {
    let (store, rooms) = (Store::default(), ["a", "slow", "b", "c", "d", "e"]);
    let told = ends(&store, &rooms, SLOW).await;
    assert_eq!(told, ["read", "failed", "read", "read", "read", "read"]);
    // Nobody waits for it any more, but it is read to its end.
    tokio::time::sleep(SLOW).await;
    let (begun, read) = (&store.begun, &store.read);
    assert_eq!(begun.load(Ordering::Relaxed), read.load(Ordering::Relaxed));
}

#[tokio::test]
async fn the_first_page_has_the_time_that_it_needs() {
    let told = ends(&Store::default(), &["slow", "slow"], SLOW * 5 / 3).await;
    assert_eq!(told, ["read", "failed"]);
}

#[tokio::test]
async fn what_was_begun_is_awaited_and_nothing_more_is_begun() {
    let (store, rooms) = (Store::default(), ["slow"; 12]);
    let told = ends(&store, &rooms, SLOW * 23 / 6).await;
    assert_eq!(told, ["read"; 8], "the second four begin in the first half");
    assert_eq!(store.begun.load(Ordering::Relaxed), 8);
    let no_time = ends(&store, &["a", "b"], Duration::ZERO).await;
    assert_eq!(no_time.len(), 1, "one is always come to");
}
