//! What a client missed: pages of the log to one connection, at the pace at which it reads, until it meets the live
//! stream.

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot};

use super::{
    log::{Log, Unread},
    seen::Seen,
    tail::Page,
};
use crate::{
    hub::{
        RoomId,
        frame::{Batch, Frame},
        shard::{Brought, Command, Meeting},
        shards::Queued,
    },
    meters,
    socket::connection::Connection,
};

/// How much of a page is sent before the socket has to drain, in bytes.
const CHUNK: usize = 64 * 1024;

/// How long to wait before asking a log again that did not answer.
const AGAIN: Duration = Duration::from_millis(500);

/// A replay to one connection.
pub(crate) struct Replay {
    /// To whom.
    pub(crate) connection: Arc<Connection>,
    /// Of which room.
    pub(crate) room: RoomId,
    /// For which of the connection's subscriptions to it.
    pub(crate) generation: u32,
    /// The last change that the client has.
    pub(crate) after: Seen,
    /// The shard holds back everything after this seq.
    pub(crate) held_from: u64,
    /// Where the shard takes commands.
    pub(crate) shard: mpsc::Sender<Queued>,
    /// What is replayed.
    pub(crate) log: Log,
}

impl Replay {
    /// Runs until the connection is live, or its subscription is over.
    pub(crate) async fn run(mut self) {
        let connection = Arc::clone(&self.connection);
        let mut pages = 0;
        while self.feed(&[]) {
            let from = self.after;
            // A page is in memory from here until the socket has taken it: only few of one socket's replays have one, and
            // none has while other things wait for the socket.
            let read = async {
                let turn = connection.turn().await;
                connection.drained(0).await;
                (turn, self.log.replay(&self.room, from).await)
            };
            // Whoever does not wait any more is not asked for.
            let (turn, read) = tokio::select! {
                read = read => read,
                () = connection.unfed(&self.room, self.generation) => return,
            };
            let page = match read {
                Ok(page) => page,
                // A log that was restored to before the room was made.
                Err(Unread::NoSuchRoom) => Arc::new(Page::of_nothing(from)),
                Err(Unread::Unavailable) => {
                    drop(turn);
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            };
            pages += 1;
            if page.forked {
                self.feed_batch(&Batch::reset(&self.room, page.head));
                self.after = page.head;
            }
            // Each page is asked for by the last change of the one before: the log may be set back in between.
            self.after = page.frames.last().map_or(self.after, |(last, _)| *last);
            if page.complete_to > self.after.seq {
                self.after = Seen::at(page.complete_to);
            }
            let frames: Vec<Frame> = page.frames.iter().map(|(_, frame)| frame.clone()).collect();
            if !self.send(&frames).await {
                return;
            }
            let at_end = self.after.seq >= page.head.seq;
            if at_end && self.after.seq >= self.held_from {
                let brought = (pages == 1 && !page.forked).then_some(Brought { from, page });
                if !self.meet(brought).await {
                    return;
                }
            } else if at_end {
                // The log is behind what was fanned out: it was set back, and the hub is about to notice.
                self.held_from = self.after.seq;
            }
        }
    }

    /// Joins the live stream; tells whether the replay has to go on.
    async fn meet(&mut self, brought: Option<Brought>) -> bool {
        let (reply, answer) = oneshot::channel();
        let meeting = Meeting {
            room: Arc::clone(&self.room),
            connection: self.connection.id,
            generation: self.generation,
            after: self.after.seq,
            brought,
            reply,
        };
        if self.shard.send(Command::Meet(meeting).into()).await.is_err() {
            return false;
        }
        match answer.await {
            Ok(Some(held_from)) => {
                self.held_from = held_from;
                true
            }
            Ok(None) | Err(_) => false,
        }
    }

    /// Sends frames as the socket takes them; tells whether the subscription still holds.
    async fn send(&self, mut frames: &[Frame]) -> bool {
        meters::replayed(frames.len());
        meters::frames_out(frames.len());
        while !frames.is_empty() {
            let mut bytes = 0;
            let count = frames
                .iter()
                .take_while(|frame| {
                    let fits = bytes == 0 || bytes + frame.bytes.len() <= CHUNK;
                    bytes += frame.bytes.len();
                    fits
                })
                .count();
            let (chunk, rest) = frames.split_at(count);
            self.connection.drained(0).await;
            if !self.feed(chunk) {
                return false;
            }
            frames = rest;
        }
        self.connection.drained(0).await;
        self.feed(&[])
    }

    fn feed(&self, frames: &[Frame]) -> bool {
        self.feed_batch(&Batch::of(frames))
    }

    fn feed_batch(&self, batch: &Batch) -> bool {
        self.connection.feed(&self.room, self.generation, batch)
    }
}
