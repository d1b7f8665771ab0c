//! Pages that many ask for at the same time: each is read once, and whoever asked has it as soon as it is there.

use std::{collections::HashMap, future::Future, sync::Arc};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use proto::chat::{ChangesOfRoomsRequest, ChangesSinceRequest, ChangesSinceResponse};
use runtime::Shutdown;

use super::{DEADLINE, Unread, request};
use crate::{
    gather::{Askers, Bounds, Gather},
    hub::RoomId,
    recovery::{seen::Seen, tail::Page},
    upstream::{Upstream, whole},
};

/// Those who are asked for together. Most of a crowd miss the same pages of their rooms, so that many of them are a few
/// calls; more wait, so that a storm of reconnects does not drown chat-svc. At worst each of those who do not wait asks for
/// another page: 1,024 of them may be in memory.
const BOUNDS: Bounds = Bounds {
    together: 256,
    calls: 4,
    waiting: 4096,
};

/// Pages in one call, as the contract with chat-svc bounds it.
const PAGES: usize = 64;

/// Bytes of frames after which a page of a replay ends, about what a client drains at once: each replay holds its page
/// in memory for as long as its client takes.
const BYTES: u32 = 64 * 1024;

/// What became of a page.
type Read = Result<Arc<Page>, Unread>;

/// Reads pages for many.
#[derive(Debug)]
pub(super) struct Together(Gather<Behind, Option<Read>>);

/// From where on a page is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Behind {
    pub(super) room: RoomId,
    pub(super) after: Seen,
}

impl Together {
    pub(super) fn start(upstream: &Upstream, shutdown: &Shutdown) -> Self {
        let upstream = upstream.clone();
        Self(Gather::start(BOUNDS, shutdown, move |wanted, askers| {
            let upstream = upstream.clone();
            async move { read(wanted, askers, |pages| call(&upstream, pages)).await }
        }))
    }

    /// A page, read after it was asked for.
    pub(super) async fn page(&self, behind: Behind) -> Read {
        loop {
            match self.0.ask(behind.clone()).await {
                Some(Some(read)) => return read,
                // chat-svc was too slow to come to it, but not with all of that call: it comes to this one, too.
                Some(None) => {}
                None => return Err(Unread::Unavailable),
            }
        }
    }
}

/// Reads what is wanted by calls that do not wait for each other.
async fn read<C>(
    wanted: Vec<Behind>,
    mut askers: Askers<Option<Read>>,
    call: impl Fn(Vec<ChangesSinceRequest>) -> C,
) where
    C: Future<Output = Vec<Option<Read>>>,
{
    let distinct = distinct(wanted);
    let calls = distinct.chunks(PAGES).map(|pages| {
        let asked = pages.iter();
        let asked = asked.map(|(behind, _)| request(&behind.room, behind.after, BYTES));
        let reads = call(asked.collect());
        async move { (pages, reads.await) }
    });
    let mut calls: FuturesUnordered<_> = calls.collect();
    while let Some((pages, reads)) = calls.next().await {
        for ((_, places), read) in pages.iter().zip(reads) {
            for place in places {
                askers.answer(*place, read.clone());
            }
        }
    }
}

/// Each page once, with the places of those who ask for it.
fn distinct(wanted: Vec<Behind>) -> Vec<(Behind, Vec<usize>)> {
    let mut known = HashMap::with_capacity(wanted.len());
    let mut distinct: Vec<(Behind, Vec<usize>)> = Vec::with_capacity(wanted.len());
    for (place, behind) in wanted.into_iter().enumerate() {
        let at = *known.entry(behind.clone()).or_insert(distinct.len());
        match distinct.get_mut(at) {
            Some((_, places)) => places.push(place),
            None => distinct.push((behind, vec![place])),
        }
    }
    distinct
}

/// One call for pages.
async fn call(upstream: &Upstream, asked: Vec<ChangesSinceRequest>) -> Vec<Option<Read>> {
    let ask = || {
        let (mut chat, pages) = (upstream.chat.clone(), asked.clone());
        async move { chat.changes_of_rooms(ChangesOfRoomsRequest { pages }).await }
    };
    let pages = match whole::within(DEADLINE, &upstream.budgets.chat, ask).await {
        Ok(answer) => answer.into_inner().pages,
        Err(status) => {
            upstream.older.failed("ChangesOfRooms", &status);
            tracing::debug!(code = ?status.code(), message = status.message(), "logs can't be read");
            Vec::new()
        }
    };
    reads(&asked, pages)
}

/// What became of each page that was asked for; nothing of those that chat-svc did not come to.
fn reads(asked: &[ChangesSinceRequest], pages: Vec<ChangesSinceResponse>) -> Vec<Option<Read>> {
    // It comes to one at least, or something is wrong.
    let rest = if pages.is_empty() {
        Some(Err(Unread::Unavailable))
    } else {
        None
    };
    let read = asked.iter().zip(pages).map(|(asked, page)| {
        Some(if page.no_such_room {
            Err(Unread::NoSuchRoom)
        } else if page.failed {
            Err(Unread::Unavailable)
        } else {
            Ok(Arc::new(Page::read(Seen::at(asked.after_seq), page)))
        })
    });
    let mut reads: Vec<_> = read.collect();
    reads.resize(asked.len(), rest);
    reads
}

#[cfg(test)]
#[path = "together_tests.rs"]
mod tests;
