use tokio::net::UnixStream;

use super::*;
use crate::hub::frame::Frame;

const BOUND: usize = 10_000;

/// A socket that takes no more, and its other end.
async fn full() -> (Stream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.writable().await.unwrap();
    while ours.try_write(&[0; 4096]).is_ok() {}
    (ours.into_std().unwrap().into(), theirs)
}

fn queue(outbox: &Outbox) -> &VecDeque<Queued> {
    &outbox.0.as_ref().unwrap().queue
}

fn batch(frames: &[(usize, Class)]) -> Batch {
    let frames: Vec<Frame> = frames
        .iter()
        .map(|(len, class)| Frame::text(&vec![b'x'; *len], *class))
        .collect();
    Batch::of(&frames)
}

#[tokio::test]
async fn ephemeral_frames_go_first_and_the_log_overflows_last() {
    let (stream, _theirs) = full().await;
    let mut outbox = Outbox::default();
    let mixed = batch(&[
        (100, Class::Ephemeral),
        (1000, Class::Logged(1)),
        (100, Class::Ephemeral),
    ]);
    for _ in 0..4 {
        assert_eq!(outbox.send(&stream, &mixed, BOUND), Sent::Queued);
    }
    assert_eq!(outbox.waiting(), 4 * mixed.bytes.len());
    let logged = batch(&[(1000, Class::Logged(2))]);
    let mut sent = 0;
    while outbox.send(&stream, &logged, BOUND) == Sent::Queued {
        sent += 1;
    }
    // 4 + 5 messages of 1,004 bytes fit once the ephemeral frames are gone.
    assert_eq!(sent, 5);
    assert!(queue(&outbox).iter().all(|queued| !queued.ephemeral));
}

#[tokio::test]
async fn new_ephemeral_frames_are_not_queued_behind_half_of_the_bound() {
    let (stream, _theirs) = full().await;
    let mut outbox = Outbox::default();
    outbox.send(&stream, &batch(&[(6000, Class::Kept)]), BOUND);
    let waiting = outbox.waiting();
    assert_eq!(
        outbox.send(&stream, &batch(&[(100, Class::Ephemeral)]), BOUND),
        Sent::Queued
    );
    assert_eq!(outbox.waiting(), waiting);
}

#[tokio::test]
async fn a_frame_that_was_begun_is_finished_before_the_close() {
    let (stream, _theirs) = full().await;
    let mut outbox = Outbox::default();
    let three = batch(&[
        (1000, Class::Ephemeral),
        (1000, Class::Logged(1)),
        (1000, Class::Logged(2)),
    ]);
    outbox.queue_from(&three, 500, BOUND);
    assert_eq!(outbox.waiting(), three.bytes.len() - 500);
    outbox.close(&stream, Bytes::from_static(b"\x88\0"), true);
    let left: Vec<usize> = queue(&outbox).iter().map(|queued| queued.bytes.len()).collect();
    assert_eq!(left, [1004 - 500, 2]);
    assert_eq!(
        outbox.send(&stream, &three, BOUND),
        Sent::Done,
        "nothing follows a close"
    );
    assert_eq!(outbox.waiting(), 1004 - 500 + 2);
}

#[tokio::test]
async fn what_waits_is_written_when_the_socket_is_read() {
    let (stream, theirs) = full().await;
    let mut outbox = Outbox::default();
    outbox.send(&stream, &batch(&[(5000, Class::Kept)]), BOUND);
    let (mut unread, mut bytes) = (vec![0; 65_536], Vec::new());
    let watched = stream.watch().unwrap();
    while outbox.waiting() > 0 || !bytes.ends_with(b"xx") {
        tokio::select! {
            ready = theirs.readable() => {
                ready.unwrap();
                if let Ok(read) = theirs.try_read(&mut unread) {
                    bytes.extend_from_slice(&unread[..read]);
                }
            }
            written = watched.write_out(|| {
                outbox.flush(&stream);
                outbox.waiting() == 0
            }), if outbox.waiting() > 0 => written.unwrap(),
        }
    }
    assert!(bytes.ends_with(&[b"\x81\x7e\x13\x88".as_slice(), &[b'x'; 5000]].concat()));
    assert!(outbox.0.is_none(), "an idle connection owns no queue");
}
