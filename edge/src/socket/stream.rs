//! The raw byte stream under a WebSocket: a non-blocking socket, read and written through `&self`, without buffers.

use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix,
    },
};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use tokio::{io::unix::AsyncFd, net::TcpStream};

use crate::preread::Preread;

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Stream(OwnedFd);

impl Stream {
    /// Takes an upgraded connection out of the HTTP server, with the bytes that were read behind the request.
    ///
    /// # Errors
    /// Where it is not one that our listener accepted, or the runtime can't let go of it.
    pub(crate) fn take(upgraded: Upgraded) -> io::Result<(Self, Bytes)> {
        let parts = upgraded
            .downcast::<Preread>()
            .map_err(|_| io::ErrorKind::Unsupported)?;
        let (stream, unread) = parts.io.into_parts();
        let early = match (parts.read_buf, unread) {
            (early, unread) if unread.is_empty() => early,
            (early, unread) => [early, unread].concat().into(),
        };
        Ok((Self::from_tcp(stream)?, early))
    }

    /// The client's own connection.
    ///
    /// # Errors
    /// Where the runtime can't let go of it.
    pub(super) fn from_tcp(stream: TcpStream) -> io::Result<Self> {
        Ok(Self(stream.into_std()?.into()))
    }

    /// Reads what is there; 0 at the end of the stream.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let (read, _) = rustix::net::recv(&self.0, buffer, RecvFlags::DONTWAIT)?;
        Ok(read)
    }

    /// Writes what fits.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        Ok(rustix::net::send(&self.0, bytes, flags)?)
    }

    /// To be awaited, by one who is no shard.
    ///
    /// # Errors
    /// Where the runtime can't watch it.
    #[expect(
        deprecated,
        reason = "unsound for who may close what it watches: a borrowed socket stays open as long as it is watched"
    )]
    pub(crate) fn watch(&self) -> io::Result<Watched<'_>> {
        AsyncFd::new(self.0.as_fd()).map(|fd| Watched { stream: self, fd })
    }

    /// Ends the stream both ways, also for those who still hold it.
    pub(crate) fn end(&self) {
        if let Err(error) = rustix::net::shutdown(&self.0, Shutdown::Both) {
            tracing::trace!(%error, "the stream had ended already");
        }
    }
}

/// For tests and measurements, which have no network.
impl From<unix::net::UnixStream> for Stream {
    fn from(stream: unix::net::UnixStream) -> Self {
        Self(stream.into())
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A stream that the runtime watches.
#[derive(Debug)]
pub(crate) struct Watched<'a> {
    stream: &'a Stream,
    fd: AsyncFd<BorrowedFd<'a>>,
}

impl Watched<'_> {
    /// Reads what is there, once something is; 0 at the end of the stream.
    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut guard = self.fd.readable().await?;
            if let Ok(read) = guard.try_io(|_| self.stream.try_read(buffer)) {
                return read;
            }
        }
    }

    /// Writes what fits, once something does.
    pub(crate) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let mut guard = self.fd.writable().await?;
            if let Ok(written) = guard.try_io(|_| self.stream.try_write(bytes)) {
                return written;
            }
        }
    }

    /// Has `write` write all it can, until it says that nothing is left.
    pub(crate) async fn write_out(&self, mut write: impl FnMut() -> bool) -> io::Result<()> {
        while !write() {
            let mut guard = self.fd.writable().await?;
            if write() {
                return Ok(());
            }
            guard.clear_ready();
        }
        Ok(())
    }
}
