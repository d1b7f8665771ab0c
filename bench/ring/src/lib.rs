//! Many sends with one system call, by `io_uring`.
//!
//! A queue entry names memory that the kernel reads later, which the compiler can't follow: hence the one `unsafe` block, and this package
//! of its own. No entry outlives the call that makes it: [`Ring::send_all`] returns when all have completed, and runs nobody else's code before.

use std::{
    io::{Error, ErrorKind, Result},
    os::fd::AsRawFd,
};

use io_uring::{IoUring, opcode, types::Fixed};

/// Entries that are submitted at once.
const ENTRIES: u32 = 1024;

/// `MSG_DONTWAIT` and `MSG_NOSIGNAL`: a full socket is told at once, rather than waited for.
const FLAGS: i32 = 0x40 | 0x4000;

/// A ring for the sockets of one thread, which alone may use it.
pub struct Ring(IoUring);

/// What is to be sent: the place of the socket, and the bytes.
pub type Send<'a> = (u32, &'a [u8]);

impl Ring {
    /// A ring for sockets at places below `places`. Fails where the kernel has no `io_uring`, or does not let this process use it.
    pub fn new(places: u32) -> Result<Self> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_submit_all()
            .build(ENTRIES)?;
        ring.submitter().register_files_sparse(places)?;
        Ok(Self(ring))
    }

    /// Puts a socket at a place, or nothing: the kernel need not look it up then for each send.
    pub fn put(&self, place: u32, socket: Option<&impl AsRawFd>) -> Result<()> {
        let fd = socket.map_or(-1, AsRawFd::as_raw_fd);
        self.0.submitter().register_files_update(place, &[fd]).map(drop)
    }

    /// Sends all, and puts into `short` what was not sent whole: which it is of `sends`, and how many of its bytes went out.
    pub fn send_all(&mut self, sends: &[Send<'_>], short: &mut Vec<(usize, usize)>) {
        let mut under_way = 0;
        for (index, (place, bytes)) in sends.iter().enumerate() {
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let entry = opcode::Send::new(Fixed(*place), bytes.as_ptr(), length)
                .flags(FLAGS)
                .build()
                .user_data((index as u64) << 32 | u64::from(length));
            if self.0.submission().is_full() {
                self.complete(&mut under_way, short);
            }
            // SAFETY: `bytes` are borrowed until this function returns, and it returns only when every entry has completed: nothing in
            // it panics, `complete` waits for as many completions as there are entries, and ends the process where it can't.
            #[expect(unsafe_code, reason = "the kernel reads the bytes after this call")]
            let pushed = unsafe { self.0.submission().push(&entry) };
            under_way += usize::from(pushed.is_ok());
        }
        self.complete(&mut under_way, short);
    }

    /// Submits what is queued and waits until all of it has completed.
    fn complete(&mut self, under_way: &mut usize, short: &mut Vec<(usize, usize)>) {
        while *under_way > 0 {
            match self.0.submit_and_wait(*under_way) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Entries are left that name memory of the caller's.
                Err(_) => std::process::abort(),
            }
            for completion in self.0.completion() {
                let index = usize::try_from(completion.user_data() >> 32).unwrap_or(usize::MAX);
                let length = completion.user_data() & u64::from(u32::MAX);
                let sent = u64::try_from(completion.result()).unwrap_or(0);
                if sent < length {
                    short.push((index, usize::try_from(sent).unwrap_or(0)));
                }
                *under_way -= 1;
            }
        }
    }
}

/// Why there can be no ring here, if so.
#[must_use]
pub fn refused() -> Option<Error> {
    Ring::new(1).err()
}

#[cfg(test)]
mod tests {
    use std::{io::Read, os::unix::net::UnixStream};

    use super::*;

    #[test]
    fn everything_is_sent_in_order_and_what_is_full_says_so() {
        if let Some(error) = refused() {
            eprintln!("no io_uring here: {error}");
            return;
        }
        let mut ring = Ring::new(2).expect("a ring");
        let (near, mut far) = UnixStream::pair().expect("sockets");
        ring.put(1, Some(&near)).expect("a place");
        let texts: Vec<String> = (0..3000).map(|number| format!("{number:05}")).collect();
        let sends: Vec<Send<'_>> = texts.iter().map(|text| (1, text.as_bytes())).collect();
        let mut short = Vec::new();
        // As many as the other end is read in between.
        for part in sends.chunks(100) {
            ring.send_all(part, &mut short);
            let mut read = vec![0; part.len() * 5];
            far.read_exact(&mut read).expect("what was sent");
            assert_eq!(
                read,
                part.iter()
                    .flat_map(|(_, bytes)| *bytes)
                    .copied()
                    .collect::<Vec<_>>()
            );
        }
        assert!(short.is_empty());

        let large = vec![7; 1_000_000];
        ring.send_all(&[(1, &large), (0, b"nobody")], &mut short);
        short.sort_unstable();
        assert_eq!(short.len(), 2);
        assert!(short[0].0 == 0 && short[0].1 < large.len());
        assert_eq!(short[1], (1, 0));
    }
}
