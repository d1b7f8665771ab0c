//! Plants in pages of history.

use std::time::Duration;

use chaos::history::{History, Person, Room, What};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use super::places::{new_id, one_of, with_id};

type Messages = Vec<(u64, Uuid)>;

/// A page that somebody read.
#[derive(Debug, Clone)]
struct Page {
    at: usize,
    person: Person,
    room: Room,
    asked: Duration,
    whole: bool,
    messages: Messages,
}

fn pages(history: &History) -> Vec<Page> {
    let events = history.events.iter().enumerate();
    events
        .filter_map(|(at, event)| match &event.what {
            What::Read {
                room,
                asked,
                whole,
                page,
            } => Some(Page {
                at,
                person: event.person,
                room: *room,
                asked: *asked,
                whole: *whole,
                messages: page.clone(),
            }),
            _ => None,
        })
        .collect()
}

impl Page {
    /// The places of the messages that the reader wrote, that were acknowledged before the page was asked for, and that
    /// are not deleted.
    fn own(&self, history: &History) -> Vec<usize> {
        let before = &history.events[..self.at];
        let acked = |id: Uuid| {
            before.iter().any(|event| {
                event.person == self.person
                    && event.at < self.asked
                    && matches!(event.what, What::Acked { id: of, .. } if of == id)
            })
        };
        let is_deleted = |id: Uuid| with_id(history, self.room, id).is_none_or(|message| message.deleted);
        let places = self.messages.iter().enumerate();
        places
            .filter(|(_, (_, id))| acked(*id) && !is_deleted(*id))
            .map(|(at, _)| at)
            .collect()
    }

    fn put_back(self, history: &mut History) -> Option<()> {
        let What::Read { page, .. } = &mut history.events.get_mut(self.at)?.what else {
            return None;
        };
        *page = self.messages;
        Some(())
    }
}

/// Changes a page of at least so many messages.
fn change(
    history: &mut History,
    random: &mut ChaCha8Rng,
    least: usize,
    change: impl FnOnce(&mut Messages, &mut ChaCha8Rng),
) -> Option<()> {
    let mut long = pages(history);
    long.retain(|page| page.messages.len() >= least);
    let mut page = one_of(long, random)?;
    change(&mut page.messages, random);
    page.put_back(history)
}

/// Pages from which an own message can be missed, with its place; those that are not whole have an older message before.
fn with_own(history: &History) -> Vec<(Page, usize)> {
    let pages = pages(history).into_iter();
    pages
        .flat_map(|page| {
            let mut own = page.own(history);
            own.retain(|at| page.whole || *at > 0);
            own.into_iter().map(move |at| (page.clone(), at))
        })
        .collect()
}

pub(super) fn stale(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let (mut page, at) = one_of(with_own(history), random)?;
    page.messages.truncate(at);
    page.put_back(history)
}

pub(super) fn without_own(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let (mut page, at) = one_of(with_own(history), random)?;
    page.messages.remove(at);
    page.put_back(history)
}

pub(super) fn empty(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let (mut page, _) = one_of(with_own(history), random)?;
    page.messages.clear();
    page.put_back(history)
}

pub(super) fn unordered(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    change(history, random, 2, |page, random| {
        let at = random.random_range(1..page.len());
        page.swap(at - 1, at);
    })
}

pub(super) fn repeated(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    change(history, random, 1, |page, random| {
        let at = random.random_range(0..page.len());
        page.insert(at, page[at]);
    })
}

pub(super) fn unstored(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    change(history, random, 1, |page, random| {
        let at = random.random_range(0..page.len());
        page[at].1 = new_id(random);
    })
}

pub(super) fn other_seq(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    change(history, random, 1, |page, _| {
        if let Some(newest) = page.last_mut() {
            newest.0 += 1;
        }
    })
}

pub(super) fn left_out(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let mut long = pages(history);
    long.retain(|page| page.messages.len() > 2);
    let mut page = one_of(long, random)?;
    let at = random.random_range(1..page.messages.len() - 1);
    let (_, id) = page.messages.remove(at);
    if with_id(history, page.room, id).is_none_or(|message| message.deleted) {
        return None;
    }
    page.put_back(history)
}

pub(super) fn without_beginning(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let mut whole = pages(history);
    whole.retain(|page| page.whole && page.messages.len() > 1);
    let mut page = one_of(whole, random)?;
    let (_, id) = page.messages.remove(0);
    if with_id(history, page.room, id).is_none_or(|message| message.deleted) {
        return None;
    }
    page.put_back(history)
}
