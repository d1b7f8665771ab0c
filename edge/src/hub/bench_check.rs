//! One message after the other to all members of a room, through what a shard does for it: for `bench/check` to count.

use std::{io, os::unix::net::UnixStream, sync::Arc};

use tokio::runtime;
use wire::deflate;

use super::{
    RoomId,
    frame::{Batch, Class, Frame},
    room::Room,
};
use crate::{
    beat::{Named, Roster},
    meters,
    recovery::seen::Seen,
    socket::{
        connection::{Connection, Kind},
        home::Home,
    },
};

/// Far more than is written to one member: nothing is queued, and nobody is too slow.
const QUEUE_BYTES: usize = 1024 * 1024;

/// Publishes each of some messages to so many members of a room. `compressed` of them agreed on compression.
///
/// Nobody reads on the other side: what a member is sent has to fit into its socket, about 100 messages of 250 bytes.
///
/// # Errors
/// Where the kernel gives no sockets: each member takes two files.
pub fn publish<'a>(
    members: usize,
    compressed: usize,
    messages: impl Iterator<Item = &'a [u8]>,
) -> io::Result<()> {
    meters::unrecorded();
    runtime::Builder::new_current_thread()
        .enable_io()
        .build()?
        .block_on(async {
            let home = Arc::new(Home::new(QUEUE_BYTES, Roster::default())?);
            let id: RoomId = "general".into();
            let mut room = Room::new(id, Seen::at(0));
            let agreed = deflate::negotiate(["permessage-deflate"].into_iter()).map(|(agreed, _)| agreed);
            let mut others = Vec::with_capacity(members);
            for nth in 0..members {
                let (ours, other) = UnixStream::pair()?;
                others.push(other);
                let name = format!("member-{nth}");
                room.join(Arc::new(Connection::new(
                    nth as u64,
                    Kind::Room,
                    Arc::new(Named::new(&name, &name)),
                    ours.into(),
                    agreed.filter(|_| nth < compressed),
                    Arc::clone(&home),
                )));
            }
            for (message, seq) in messages.zip(1..) {
                let batch = Batch::of(&[Frame::text(message, Class::Logged(seq))]);
                room.push(Arc::new(batch), Seen::at(seq), None, None);
                room.flush(QUEUE_BYTES).await;
            }
            Ok(())
        })
}
