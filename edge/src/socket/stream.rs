//! The raw byte stream under a WebSocket: read and written through `&self`, without buffers of its own.

use std::{io, net::Shutdown, os::fd::AsFd as _};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::{rt::TokioIo, server::conn::auto};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpStream, UnixStream},
};

/// A stream whose socket the kernel tells us about.
#[derive(Debug)]
pub(crate) enum Stream {
    /// The client's own connection.
    Tcp(TcpStream),
    /// Our end of a pair whose other end is pumped to whatever the client's connection is (TLS in process, tests).
    Bridged(UnixStream),
}

macro_rules! either {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self {
            Self::Tcp($stream) => $call,
            Self::Bridged($stream) => $call,
        }
    };
}

impl Stream {
    /// Takes an upgraded connection out of the HTTP server, with the bytes that were read behind the request.
    ///
    /// # Errors
    /// Where the kernel has no socket pair left for a connection that is not plain TCP.
    pub(crate) fn take(upgraded: Upgraded) -> io::Result<(Self, Bytes)> {
        let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => return Ok((Self::tcp(parts.io), parts.read_buf)),
            Err(upgraded) => upgraded,
        };
        match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
            Ok(parts) => Ok((Self::tcp(parts.io), parts.read_buf)),
            Err(upgraded) => Ok((Self::bridged(upgraded)?, Bytes::new())),
        }
    }

    fn tcp(io: TokioIo<TcpStream>) -> Self {
        let stream = io.into_inner();
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        Self::Tcp(stream)
    }

    fn bridged(upgraded: Upgraded) -> io::Result<Self> {
        let (ours, mut theirs) = UnixStream::pair()?;
        // Ends with either side: the connection's task closes ours.
        tokio::spawn(async move {
            let mut client = TokioIo::new(upgraded);
            let _ = tokio::io::copy_bidirectional(&mut client, &mut theirs).await;
            let _ = client.shutdown().await;
        });
        Ok(Self::Bridged(ours))
    }

    /// Resolves when something can be read. Cancel-safe.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        either!(self, stream => stream.readable().await)
    }

    /// Resolves when something can be written. Cancel-safe.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        either!(self, stream => stream.writable().await)
    }

    /// Reads what is there; 0 at the end of the stream.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(self, stream => stream.try_read(buffer))
    }

    /// Writes what fits.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, stream => stream.try_write(bytes))
    }

    /// Ends the stream both ways, also for those who still hold it.
    pub(crate) fn end(&self) {
        let duplicate = either!(self, stream => stream.as_fd().try_clone_to_owned());
        let ended = duplicate.and_then(|fd| std::net::TcpStream::from(fd).shutdown(Shutdown::Both));
        if let Err(error) = ended {
            tracing::trace!(%error, "the stream had ended already");
        }
    }
}
