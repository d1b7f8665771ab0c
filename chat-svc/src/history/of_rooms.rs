//! Pages of many rooms for one caller: none waits for another longer than it has to, and none fails with another.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use runtime::Shutdown;
use tokio::time::timeout;

use super::{Answer, Since, answer};
use crate::{
    error::{Error, Result},
    store::{Head, Log, Rooms},
};

/// Rooms whose pages are read at once for one caller.
const AT_ONCE: usize = 4;

/// Reads what changed since in many rooms. Answers stand in the order of what was asked; an `Err` among them concerns that
/// room alone. Pages are begun in the first half of `time`; those that were not come to by then are left out at the end. One
/// is always come to.
///
/// # Errors
/// Where the store fails for all of them.
pub async fn changes_of_rooms<S: Rooms + Log>(
    store: &S,
    tasks: &Shutdown,
    asked: Vec<(String, Since)>,
    time: Duration,
) -> Result<Vec<Result<Answer>>> {
    let began = Instant::now();
    let rooms: HashSet<String> = asked.iter().map(|(room_id, _)| room_id.clone()).collect();
    let heads = store.heads(rooms.into_iter().collect()).await?.into_iter();
    let heads: HashMap<String, Head> = heads.map(|head| (head.room_id.clone(), head)).collect();
    let begun = asked
        .into_iter()
        .enumerate()
        .take_while(|(place, _)| *place == 0 || began.elapsed() < time / 2);
    let pages = begun.map(|(place, (room_id, since))| {
        let limit = if place == 0 {
            // Most of it: so that something is read, however slow the store is.
            (time * 5 / 6).saturating_sub(began.elapsed())
        } else {
            time / 3
        };
        let page = page(store, tasks, heads.get(&room_id).cloned(), since, limit);
        async move { (place, page.await) }
    });
    // As they come: a slow one keeps one of these places, not those behind it.
    let mut pages: Vec<_> = stream::iter(pages).buffer_unordered(AT_ONCE).collect().await;
    pages.sort_unstable_by_key(|(place, _)| *place);
    Ok(pages.into_iter().map(|(_, page)| page).collect())
}

/// One page, if it comes in time.
async fn page<S: Log>(
    store: &S,
    tasks: &Shutdown,
    head: Option<Head>,
    since: Since,
    limit: Duration,
) -> Result<Answer> {
    let head = head.ok_or(Error::NoSuchRoom)?;
    let store = store.clone();
    // Whether or not somebody still waits, it is read to its end: broken off, it would cost the store its connection, and
    // save it no work.
    let read = tasks.spawn_beside(async move { answer(&store, &head, since).await });
    let failed = |why: String| Err(Error::Store(sql::Error::Unavailable(why)));
    match timeout(limit, read).await {
        Ok(Ok(Some(answer))) => answer,
        Ok(Ok(None)) => Err(Error::Stopping),
        Ok(Err(broken)) => failed(broken.to_string()),
        Err(_) => failed("a page takes too long".to_owned()),
    }
}

#[cfg(test)]
#[path = "of_rooms_tests.rs"]
mod tests;
