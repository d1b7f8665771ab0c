//! Which sockets of a shard can be read or written: an epoll instance of the shard's own, awaited through the runtime's.
//!
//! A socket is added once, edge-triggered for both directions, and never changed: an idle one costs nothing here, and a
//! write that fills a socket needs no further call to be told when it drains.

use std::{io, mem::MaybeUninit, os::fd::OwnedFd};

use rustix::event::{
    Timespec,
    epoll::{self, CreateFlags, Event, EventData, EventFlags},
};
use tokio::io::{Interest, unix::AsyncFd};

use super::stream::Stream;

/// Sockets that are told of at once.
const AT_ONCE: usize = 256;

/// See the module.
#[derive(Debug)]
pub(crate) struct Poll(AsyncFd<OwnedFd>);

/// A socket that something happened to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    /// What it was added under.
    pub(crate) key: u64,
    /// Something can be read, if only the end of the stream.
    pub(crate) readable: bool,
    /// Something can be written.
    pub(crate) writable: bool,
    /// The client's end is closed, or the socket failed.
    pub(crate) ended: bool,
}

impl Poll {
    /// # Errors
    /// Where the kernel has no file left, or there is no runtime.
    #[expect(
        deprecated,
        reason = "unsound for who may close what it watches: an OwnedFd inside stays open as long as it is watched"
    )]
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        AsyncFd::with_interest(epoll, Interest::READABLE).map(Self)
    }

    /// Adds a socket. What it is ready for already is told, too.
    ///
    /// # Errors
    /// Where the kernel has no memory for it, or the limit of watches is reached (`fs.epoll.max_user_watches`).
    pub(crate) fn add(&self, stream: &Stream, key: u64) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(self.0.get_ref(), stream, EventData::new_u64(key), flags)?;
        Ok(())
    }

    /// Takes a socket out. Of what was told before, some may still come.
    pub(crate) fn remove(&self, stream: &Stream) {
        if let Err(error) = epoll::delete(self.0.get_ref(), stream) {
            tracing::debug!(%error, "a socket was not watched");
        }
    }

    /// Waits until something happens to sockets, and adds them to `told`. Cancel-safe.
    pub(crate) async fn ready(&self, told: &mut Vec<Ready>) -> io::Result<()> {
        loop {
            let mut guard = self.0.readable().await?;
            let count = self.look(told)?;
            // Fewer than fit: the list was emptied, and whatever is next is told anew.
            if count < AT_ONCE {
                guard.clear_ready();
            }
            if count > 0 {
                return Ok(());
            }
        }
    }

    fn look(&self, told: &mut Vec<Ready>) -> io::Result<usize> {
        let mut events = [const { MaybeUninit::<Event>::uninit() }; AT_ONCE];
        let at_once = Some(&Timespec::default());
        match epoll::wait(self.0.get_ref(), &mut events, at_once) {
            Ok((events, _)) => {
                told.extend(events.iter().map(|event| {
                    let Event { flags, data } = *event;
                    Ready {
                        key: data.u64(),
                        readable: flags.contains(EventFlags::IN),
                        writable: flags.contains(EventFlags::OUT),
                        ended: flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR),
                    }
                }));
                Ok(events.len())
            }
            Err(rustix::io::Errno::INTR) => Ok(AT_ONCE),
            Err(error) => Err(error.into()),
        }
    }
}
