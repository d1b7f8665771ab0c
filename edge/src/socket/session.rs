//! A connection's life: let in, read, answered, closed.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io,
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use proto::frame::{ErrorCode, ServerFrame};
use runtime::{
    deadline, request_id,
    trace::{Span, SpanKind, key},
};
use tokio::time::{Instant as TokioInstant, timeout, timeout_at};

use super::{
    client_frame::{self, ClientFrame, Rejected},
    close::{CloseCode, Refused},
    connection::{Connection, Kind},
    decode::{Decoder, Incoming},
    encode, farewell,
    gate::Entered,
    lanes::{Lanes, Op},
    pace::Pace,
    shared::Shared,
    stream::Stream,
    upgrade::Asked,
};
use crate::{
    door::{Caller, Claim, Refusal},
    hub::RoomId,
    meters,
    serve::Place,
};

/// How long the HTTP server may take to hand a connection over.
const HANDOVER: Duration = Duration::from_secs(10);

/// How long to find out who somebody is.
const ADMISSION: Duration = Duration::from_secs(5);

/// How many are asked about at once: a crowd that comes back all at once must not push aside what those who are here say.
pub(super) const ADMISSIONS: usize = 64;

/// How long somebody may have to wait for that in a crowd. Less than a client waits, which would come back only to wait
/// at the end of the queue.
const TURN: Duration = Duration::from_secs(12);

/// How long what is under way may take when the edge stops.
const LAST_ANSWERS: Duration = Duration::from_millis(1500);

/// Read at once, in bytes.
const READ: usize = 16 * 1024;

thread_local! {
    /// One per thread, so that an idle connection owns no buffer.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// Serves one connection until it is over. What happens only at its beginning and its end is boxed, so that an idle
/// connection does not carry it along. The connection's place is given back at the end.
pub(super) async fn run(
    shared: Shared,
    asked: Result<Asked, Refused>,
    ip: Option<IpAddr>,
    _place: Option<Place>,
    upgrade: OnUpgrade,
) {
    let Some((connection, early, _entered)) = Box::pin(open(&shared, asked, ip, upgrade)).await else {
        return;
    };
    let session = Session {
        shared: &shared,
        connection: &connection,
        decoder: Decoder::default(),
        pending: VecDeque::new(),
        pace: Pace::new(
            shared.limits.frames_per_second,
            shared.limits.frames_burst,
            Instant::now(),
        ),
        lanes: Lanes::default(),
    };
    session.run(early).await;
    Box::pin(close(&shared, &connection)).await;
}

/// Lets a connection in, or tells it why not.
async fn open(
    shared: &Shared,
    asked: Result<Asked, Refused>,
    ip: Option<IpAddr>,
    upgrade: OnUpgrade,
) -> Option<(Arc<Connection>, Bytes, Entered)> {
    let upgraded = timeout(HANDOVER, upgrade).await.ok()?.ok()?;
    let (stream, early) = match Stream::take(upgraded) {
        Ok(taken) => taken,
        Err(error) => {
            tracing::warn!(%error, "an upgraded connection can't be served");
            return None;
        }
    };
    let Some(entered) = shared.gate.enter(ip, &shared.limits) else {
        farewell::refuse(&stream, &CloseCode::TooMany.into()).await;
        return None;
    };
    let (caller, asked) = match admit(shared, asked).await {
        Ok(admitted) => admitted,
        Err(refused) => {
            tracing::debug!(code = refused.code.number(), reason = &*refused.reason, "refused");
            farewell::refuse(&stream, &refused).await;
            return None;
        }
    };
    let room: Option<RoomId> = asked.room.map(Into::into);
    let connection = Arc::new(Connection::new(
        shared.ids.fetch_add(1, Ordering::Relaxed),
        room.clone().map_or(Kind::Multiplexed, Kind::Room),
        &caller,
        stream,
        shared.limits.queue_bytes,
        shared.roster.clone(),
    ));
    shared.hub.register(&connection).await;
    if let Some(room) = room {
        shared.hub.subscribe(&connection, &room, asked.after).await;
    }
    Some((connection, early, entered))
}

/// Takes a connection out of everything, then tells it.
async fn close(shared: &Shared, connection: &Arc<Connection>) {
    let rooms = connection.let_go();
    shared.hub.gone(connection, rooms).await;
    shared.roster.disconnected(&connection.user_id);
    farewell::part(connection, &shared.shutdown).await;
    connection.end();
}

async fn admit(shared: &Shared, asked: Result<Asked, Refused>) -> Result<(Caller, Asked), Refused> {
    let asked = asked?;
    if shared.shutdown.has_begun() {
        return Err(CloseCode::GoingAway.into());
    }
    let claim = Claim {
        token: asked.token.as_deref(),
        user_id: asked.user_id.as_deref(),
        username: asked.username.as_deref(),
    };
    let turn = tokio::select! {
        turn = timeout(TURN, shared.admissions.acquire()) => turn,
        () = shared.shutdown.begun() => return Err(CloseCode::GoingAway.into()),
    };
    let Ok(Ok(turn)) = turn else {
        return Err(CloseCode::TryLater.into());
    };
    let caller = deadline::within(ADMISSION, shared.door.admit(claim)).await;
    drop(turn);
    let caller = caller.map_err(|refusal| match refusal {
        Refusal::NotSignedIn => Refused::from(CloseCode::NotSignedIn),
        Refusal::NotAllowed => CloseCode::NotAllowed.into(),
        Refusal::Invalid(invalid) => invalid.into(),
        Refusal::Unavailable => CloseCode::TryLater.into(),
    })?;
    let limit = shared.limits.connections_per_user;
    if shared.roster.connected(&caller.user_id, &caller.username, limit) {
        Ok((caller, asked))
    } else {
        Err(CloseCode::TooMany.into())
    }
}

struct Session<'a> {
    shared: &'a Shared,
    connection: &'a Arc<Connection>,
    decoder: Decoder,
    /// Read, and not yet taken on.
    pending: VecDeque<Incoming>,
    pace: Pace,
    lanes: Lanes,
}

impl Session<'_> {
    /// Runs until the connection is closing.
    async fn run(mut self, early: Bytes) {
        self.decode(&early);
        drop(early);
        let connection = self.connection;
        while !connection.is_closing() && connection.leaving().is_none() {
            if !self.pending.is_empty() {
                Box::pin(self.take_on()).await;
            }
            let reading = self.pending.is_empty() && self.has_room();
            let writing = connection.has_waiting();
            tokio::select! {
                () = connection.wake.notified() => {}
                ready = connection.stream.writable(), if writing => match ready {
                    Ok(()) => connection.flush(),
                    Err(_) => return,
                },
                ready = connection.stream.readable(), if reading => {
                    if ready.is_err() || !self.read() {
                        return;
                    }
                }
            }
        }
        if let Some(back_after_ms) = connection.leaving() {
            Box::pin(self.leave(back_after_ms)).await;
        }
    }

    /// Whether another message may be taken on.
    fn has_room(&self) -> bool {
        self.connection.in_flight.load(Ordering::Acquire) < self.shared.limits.in_flight
    }

    /// Reads once; tells whether the client is still there.
    fn read(&mut self) -> bool {
        BUFFER.with_borrow_mut(|buffer| match self.connection.stream.try_read(buffer) {
            Ok(0) => false,
            Ok(read) => {
                self.decode(&buffer[..read]);
                true
            }
            Err(error) => matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ),
        })
    }

    fn decode(&mut self, bytes: &[u8]) {
        let mut incoming = Vec::new();
        let result = self
            .decoder
            .feed(bytes, self.shared.limits.frame_bytes, &mut incoming);
        if !incoming.is_empty() {
            self.connection.heard();
        }
        self.pending.extend(incoming);
        if let Err(code) = result {
            self.connection.close(code);
        }
    }

    /// Takes on what was read, as far as there is room.
    async fn take_on(&mut self) {
        while self.has_room()
            && let Some(incoming) = self.pending.pop_front()
        {
            self.handle(incoming).await;
        }
        if self.pending.is_empty() {
            self.pending.shrink_to(0);
        }
    }

    async fn handle(&mut self, incoming: Incoming) {
        let connection = self.connection;
        match incoming {
            Incoming::Close(code) => connection.close_with(farewell::answer(code)),
            Incoming::Pong => {}
            Incoming::Ping(payload) => {
                if self.pace.take(Instant::now()).is_ok() {
                    connection.send_control(encode::pong(&payload));
                }
            }
            Incoming::Binary => {
                meters::message_in();
                let message = "frames have to be text";
                self.refuse(&Rejected::new(ErrorCode::BadFrame, message), None);
            }
            Incoming::Text(text) => {
                meters::message_in();
                let parsed = client_frame::parse(&text);
                if let Err(wait) = self.pace.take(Instant::now()) {
                    self.refuse(
                        &parsed.map_or_else(Rejected::paced, ClientFrame::paced),
                        Some(wait),
                    );
                    return;
                }
                let result = match parsed {
                    Ok(frame) => self.act(frame).await,
                    Err(rejected) => Err(rejected),
                };
                if let Err(rejected) = result {
                    self.refuse(&rejected, None);
                }
            }
        }
    }

    fn refuse(&self, rejected: &Rejected, retry_after: Option<Duration>) {
        self.connection.refuse(
            rejected.code,
            &rejected.message,
            rejected.client_msg_id.as_deref(),
            rejected.room_id.as_deref(),
            retry_after,
        );
    }

    async fn act(&mut self, frame: ClientFrame) -> Result<(), Rejected> {
        match frame {
            ClientFrame::Ping => self.connection.answer(&ServerFrame::Pong),
            ClientFrame::Subscribe { room_id, after } => {
                self.multiplexed_only()?;
                let limit = self.shared.limits.rooms_per_socket;
                if self.connection.subscriptions() >= limit && !self.connection.is_subscribed(&room_id) {
                    let message = format!("one socket can subscribe to {limit} rooms");
                    return Err(Rejected::new(ErrorCode::Forbidden, message).of_room(room_id));
                }
                let room = room_id.into();
                self.shared.hub.subscribe(self.connection, &room, after).await;
            }
            ClientFrame::Unsubscribe { room_id } => {
                self.multiplexed_only()?;
                let room = self.subscribed(Some(room_id))?;
                self.shared.hub.unsubscribe(self.connection, &room).await;
            }
            ClientFrame::Message(mut outgoing) => {
                let room = self
                    .subscribed(outgoing.room_id.take())
                    .map_err(|rejected| Rejected {
                        client_msg_id: outgoing.client_msg_id.clone(),
                        ..rejected
                    })?;
                let span = Span::root(SpanKind::Server, "send message");
                span.text(key::ROOM_ID, &room);
                let name = outgoing.client_msg_id.as_ref();
                if let Some(name) = name.filter(|name| request_id::is_harmless(name.as_bytes())) {
                    span.text(key::CLIENT_MSG_ID, name);
                }
                self.take(room, Op::Send(outgoing, span));
            }
            ClientFrame::Typing { room_id } => self.take(self.subscribed(room_id)?, Op::Typing),
            ClientFrame::StopTyping { room_id } => self.take(self.subscribed(room_id)?, Op::StopTyping),
            ClientFrame::Read { room_id, seq } => self.take(self.subscribed(room_id)?, Op::Read(seq)),
        }
        Ok(())
    }

    fn take(&self, room: RoomId, op: Op) {
        self.lanes.take(self.shared, self.connection, room, op);
    }

    fn multiplexed_only(&self) -> Result<(), Rejected> {
        if self.connection.is_multiplexed() {
            return Ok(());
        }
        let message = "this socket has one room; connect to /ws for more";
        Err(Rejected::new(ErrorCode::UnknownType, message))
    }

    /// The room that a frame is about.
    fn subscribed(&self, named: Option<String>) -> Result<RoomId, Rejected> {
        let own = match &self.connection.kind {
            Kind::Room(own) => Some(own),
            Kind::Multiplexed => None,
        };
        match (own, named) {
            (Some(own), None) => Ok(Arc::clone(own)),
            (Some(own), Some(room)) if **own == *room => Ok(Arc::clone(own)),
            (None, Some(room)) if self.connection.is_subscribed(&room) => Ok(room.into()),
            (_, Some(room)) => {
                let message = "this socket is not subscribed to the room";
                Err(Rejected::new(ErrorCode::NotSubscribed, message).of_room(room))
            }
            (None, None) => Err(Rejected::new(ErrorCode::BadFrame, "room_id: is missing")),
        }
    }

    /// The edge stops: what is under way is answered, then the client is told.
    async fn leave(self, back_after_ms: u32) {
        let connection = self.connection;
        let until = TokioInstant::now() + LAST_ANSWERS;
        while connection.in_flight.load(Ordering::Acquire) > 0 {
            if timeout_at(until, connection.wake.notified()).await.is_err() {
                break;
            }
        }
        connection.close_with(farewell::going_away(back_after_ms));
    }
}
