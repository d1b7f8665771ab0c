//! What clients ask the services for, in the order in which they asked: one at a time per connection, room and service,
//! so that a slow one holds up neither other rooms nor other services.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use proto::{
    chat::{MarkReadRequest, SendMessageRequest},
    frame::{ErrorCode, ServerFrame},
    presence::{StartTypingRequest, StopTypingRequest},
};
use runtime::{
    client::idempotent,
    deadline, request_id,
    trace::{Span, key},
};
use tonic::{Code, Response, Status};

use super::{
    client_frame::Outgoing,
    connection::{Connection, RETRY_AFTER},
    shared::Shared,
};
use crate::{hub::RoomId, upstream::Upstream};

/// How long a message may take to become durable, or a read mark to be set, from its arrival: what waits behind others
/// of its connection waits for the same store.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long it is worth telling that somebody types.
const TYPING_DEADLINE: Duration = Duration::from_secs(1);

/// What a client is told to wait where a queue is full.
const FULL_RETRY_AFTER: Duration = Duration::from_millis(500);

/// Something to ask a service for.
#[derive(Debug)]
pub(super) enum Op {
    /// With the root of its trace.
    Send(Outgoing, Span),
    Typing,
    StopTyping,
    Read(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Lane {
    Messages,
    Typing,
    Reads,
}

/// What was asked for, by when it has to be answered.
type Waiting = HashMap<(Lane, RoomId), VecDeque<(Instant, Op)>>;

/// A connection's lanes; one that has sent nothing owns nothing.
#[derive(Debug, Default)]
pub(super) struct Lanes(Option<Arc<Mutex<Waiting>>>);

/// The same, for a task that takes from them.
struct Queues(Arc<Mutex<Waiting>>);

impl Lanes {
    /// Takes something on; it counts as in flight until it is answered.
    pub(super) fn take(&mut self, shared: &Shared, connection: &Arc<Connection>, room: RoomId, op: Op) {
        let lane = match op {
            Op::Send(..) => Lane::Messages,
            Op::Typing | Op::StopTyping => Lane::Typing,
            Op::Read(_) => Lane::Reads,
        };
        connection.begin();
        let key = (lane, room);
        let by = Instant::now() + DEADLINE;
        let lanes = Queues(Arc::clone(self.0.get_or_insert_default()));
        let mut queues = lanes.lock();
        if let Some(queue) = queues.get_mut(&key) {
            queue.push_back((by, op));
            return;
        }
        queues.insert(key.clone(), VecDeque::from([(by, op)]));
        drop(queues);
        let (live, connection) = (Arc::clone(shared), Arc::clone(connection));
        shared.shutdown.spawn(async move {
            let (_, room) = &key;
            // A client that sends right after it subscribed gets its own message live, too.
            connection.settled(room).await;
            while let Some((by, op)) = lanes.next(&key) {
                perform(&live.upstream, &connection, room, op, by).await;
                connection.done();
            }
        });
    }
}

impl Queues {
    fn next(&self, key: &(Lane, RoomId)) -> Option<(Instant, Op)> {
        let mut queues = self.lock();
        let op = queues.get_mut(key)?.pop_front();
        if op.is_none() {
            queues.remove(key);
            if queues.is_empty() {
                queues.shrink_to_fit();
            }
        }
        op
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn perform(upstream: &Upstream, connection: &Arc<Connection>, room: &RoomId, op: Op, by: Instant) {
    let left = by.saturating_duration_since(Instant::now());
    let id = request_id::accept_or_make(None);
    let work = async {
        match op {
            Op::Send(outgoing, span) if left.is_zero() => {
                let late = Status::deadline_exceeded("its turn came too late");
                span.fail("its turn came too late");
                refuse(connection, room, outgoing.client_msg_id.as_deref(), &late);
            }
            Op::Send(outgoing, span) => {
                span.text(key::REQUEST_ID, &id);
                let sending = span.scope(send(upstream, connection, room, outgoing, &span));
                deadline::within(left, sending).await;
            }
            Op::Read(seq) => deadline::within(left, read(upstream, connection, room, seq)).await,
            Op::Typing => {
                let request = StartTypingRequest {
                    room_id: room.to_string(),
                    user_id: connection.user_id().to_owned(),
                    username: connection.username().to_owned(),
                };
                let mut presence = upstream.presence.clone();
                let told = deadline::within(TYPING_DEADLINE, presence.start_typing(request)).await;
                shrug(told.map(drop));
            }
            Op::StopTyping => {
                let request = StopTypingRequest {
                    room_id: room.to_string(),
                    user_id: connection.user_id().to_owned(),
                };
                let mut presence = upstream.presence.clone();
                let told = deadline::within(TYPING_DEADLINE, presence.stop_typing(request)).await;
                shrug(told.map(drop));
            }
        }
    };
    request_id::scope(Arc::clone(&id), work).await;
}

/// Nobody is harmed when typing is not told.
fn shrug(told: Result<(), Status>) {
    if let Err(status) = told {
        tracing::debug!(code = ?status.code(), "typing is not told");
    }
}

async fn send(
    upstream: &Upstream,
    connection: &Arc<Connection>,
    room: &RoomId,
    outgoing: Outgoing,
    span: &Span,
) {
    let client_msg_id = outgoing.client_msg_id;
    let request = SendMessageRequest {
        room_id: room.to_string(),
        user_id: connection.user_id().to_owned(),
        username: connection.username().to_owned(),
        content: outgoing.content,
        message_type: outgoing.message_type.to_owned(),
        file_url: outgoing.file_url,
        client_msg_id: client_msg_id.clone(),
    };
    let is_traced = span.is_recording();
    let ask = || {
        let (mut chat, sends, request) = (upstream.chat.clone(), upstream.sends.clone(), request.clone());
        async move {
            if is_traced {
                chat.send_message(request).await.map(Response::into_inner)
            } else {
                sends.send(request).await
            }
        }
    };
    // Without a name of the client's, sending again could store it twice.
    let stored = if client_msg_id.is_some() {
        idempotent(&upstream.budgets.chat, ask).await
    } else {
        ask().await
    };
    match stored {
        Ok(stored) => {
            connection.answer(&ServerFrame::Ack {
                client_msg_id: client_msg_id.as_deref(),
                id: &stored.id,
                room_id: room,
                seq: stored.seq,
            });
            span.number(key::SEQ, stored.seq);
            span.event("ack");
        }
        Err(status) => {
            span.fail("refused");
            refuse(connection, room, client_msg_id.as_deref(), &status);
        }
    }
}

async fn read(upstream: &Upstream, connection: &Arc<Connection>, room: &RoomId, seq: u64) {
    let ask = || {
        let mut chat = upstream.chat.clone();
        let request = MarkReadRequest {
            room_id: room.to_string(),
            user_id: connection.user_id().to_owned(),
            seq,
        };
        async move { chat.mark_read(request).await }
    };
    if let Err(status) = idempotent(&upstream.budgets.chat, ask).await {
        refuse(connection, room, None, &status);
    }
}

fn refuse(connection: &Arc<Connection>, room: &str, client_msg_id: Option<&str>, status: &Status) {
    let (code, message, retry_after) = match status.code() {
        Code::NotFound => (ErrorCode::NoSuchRoom, "there is no such room", None),
        // chat-svc names the field in words that a client may see.
        Code::InvalidArgument => (ErrorCode::BadFrame, status.message(), None),
        Code::PermissionDenied => (ErrorCode::Forbidden, "this is not yours to do", None),
        Code::ResourceExhausted => (
            ErrorCode::RateLimited,
            "too many messages at once",
            Some(FULL_RETRY_AFTER),
        ),
        code => {
            tracing::debug!(?code, message = status.message(), "not stored");
            let message = "this can't be stored right now";
            (ErrorCode::Unavailable, message, Some(RETRY_AFTER))
        }
    };
    connection.refuse(code, message, client_msg_id, Some(room), retry_after);
}
