//! One direction of a connection: what comes is passed on as the fault has it.

use std::{
    collections::VecDeque,
    io,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::AsyncWriteExt,
    net::tcp::{ReadHalf, WriteHalf},
    time::{Instant, sleep_until},
};

use super::{
    fault::{Course, Direction, Fault},
    network::Network,
    pushes::Pushes,
};

/// How many bytes are carried at a time.
const CHUNK: usize = 16 * 1024;

/// How many bytes may be under way in one direction.
const UNDER_WAY: usize = 4 * 1024 * 1024;

/// A throttled direction passes on what it may carry in this time, so that it trickles.
const TRICKLE: Duration = Duration::from_millis(50);

pub(super) struct Way<'a> {
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    direction: Direction,
    network: Network,
    /// In which era the connection has lost bytes; 0 for none.
    lost: &'a AtomicU64,
    /// What is under way. An empty piece is the end of the stream.
    queue: VecDeque<Piece>,
    /// How many bytes `queue` holds.
    queued: usize,
    /// Whether the end of the stream has come.
    ended: bool,
    /// When a throttled direction may carry on.
    free_at: Instant,
    /// Follows the frames, where they may have to be told apart.
    pushes: Option<Pushes>,
}

struct Piece {
    arrived: Instant,
    bytes: Bytes,
}

impl<'a> Way<'a> {
    pub(super) fn new(
        (from, to): (ReadHalf<'a>, WriteHalf<'a>),
        direction: Direction,
        network: Network,
        lost: &'a AtomicU64,
    ) -> Self {
        Self {
            from,
            to,
            direction,
            network,
            lost,
            queue: VecDeque::new(),
            queued: 0,
            ended: false,
            free_at: Instant::now(),
            pushes: None,
        }
    }

    /// Tells the frames of a Redis apart, so that its pushes can be lost.
    pub(super) fn with_pushes(mut self, frames: bool) -> Self {
        self.pushes = frames.then(Pushes::default);
        self
    }

    /// Carries until the end of the stream is passed on. Fails where one of the peers has broken off.
    pub(super) async fn carry(mut self) -> io::Result<()> {
        loop {
            let course = self.network.course(self.direction);
            // Most of the time nothing is wrong: then a chunk costs one read and one write.
            if course == Course::Pass && self.queue.is_empty() {
                self.from.readable().await?;
                if self.network.course(self.direction) == Course::Pass {
                    self.read(course)?;
                }
                continue;
            }
            let due = self.due(course);
            if due.is_some_and(|due| due <= Instant::now()) {
                if self.deliver(course).await? {
                    return Ok(());
                }
                continue;
            }
            let timer = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let reads = self.has_room(course);
            tokio::select! {
                biased;
                () = self.network.changed() => {}
                () = timer => {}
                readable = self.from.readable(), if reads => {
                    readable?;
                    self.read(course)?;
                }
            }
        }
    }

    /// When the next piece is to be passed on; `None` for not as things are.
    fn due(&self, course: Course) -> Option<Instant> {
        let next = self.queue.front()?;
        match course {
            Course::Pass => Some(next.arrived),
            Course::Delay(delay) => Some(next.arrived + delay),
            Course::Throttle(_) => Some(self.free_at),
            // What was under way when the direction broke is forgotten at once, but not the end.
            Course::Swallow => (!next.bytes.is_empty()).then_some(next.arrived),
            Course::Hold => None,
        }
    }

    fn has_room(&self, course: Course) -> bool {
        !self.ended
            && match course {
                Course::Pass | Course::Delay(_) => self.queued < UNDER_WAY,
                // More would only wait here instead of at the sender.
                Course::Throttle(_) => self.queue.is_empty(),
                Course::Swallow => true,
                Course::Hold => false,
            }
    }

    /// Takes a chunk that has come, and passes on at once what may be.
    fn read(&mut self, course: Course) -> io::Result<()> {
        // On the stack, so that a connection on which nothing happens costs no memory.
        let mut chunk = [0; CHUNK];
        let length = match self.from.try_read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            length => length?,
        };
        self.ended = length == 0;
        let chunk = &chunk[..length];
        if self.ended {
            self.push(Bytes::new());
        } else if course == Course::Swallow {
            self.lose();
        } else if let Some(pushes) = &mut self.pushes {
            let mut kept = Vec::with_capacity(length);
            pushes.feed(chunk, self.network.fault() == Fault::Pushes, &mut kept);
            self.accept(&kept, course)?;
        } else {
            self.accept(chunk, course)?;
        }
        Ok(())
    }

    fn accept(&mut self, bytes: &[u8], course: Course) -> io::Result<()> {
        let sent = if course == Course::Pass && self.queue.is_empty() {
            match self.to.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                sent => sent?,
            }
        } else {
            0
        };
        if sent < bytes.len() {
            self.push(Bytes::copy_from_slice(&bytes[sent..]));
        }
        Ok(())
    }

    fn push(&mut self, bytes: Bytes) {
        self.queued += bytes.len();
        self.queue.push_back(Piece {
            arrived: Instant::now(),
            bytes,
        });
    }

    fn lose(&self) {
        self.lost.store(self.network.era(), Ordering::Relaxed);
    }

    /// Passes on the next piece, or a part of it. Returns whether that was the end of the stream.
    async fn deliver(&mut self, course: Course) -> io::Result<bool> {
        let Some(mut piece) = self.queue.pop_front() else {
            return Ok(false);
        };
        if piece.bytes.is_empty() {
            self.to.shutdown().await?;
            return Ok(true);
        }
        if course == Course::Swallow {
            self.lose();
            self.queued -= piece.bytes.len();
            return Ok(false);
        }
        if let Course::Throttle(bytes_per_second) = course {
            let trickle = (u128::from(bytes_per_second) * TRICKLE.as_millis() / 1000).max(1);
            let length = piece
                .bytes
                .len()
                .min(usize::try_from(trickle).unwrap_or(usize::MAX));
            let bytes = piece.bytes.split_to(length);
            if !piece.bytes.is_empty() {
                self.queue.push_front(Piece {
                    arrived: piece.arrived,
                    bytes: std::mem::take(&mut piece.bytes),
                });
            }
            let nanos = length as u128 * 1_000_000_000 / u128::from(bytes_per_second);
            let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
            self.free_at = self.free_at.max(Instant::now()) + takes;
            piece.bytes = bytes;
        }
        self.queued -= piece.bytes.len();
        self.to.write_all(&piece.bytes).await?;
        Ok(false)
    }
}
