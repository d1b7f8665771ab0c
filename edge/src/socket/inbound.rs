//! What a client says: read by its shard, understood here, done at once or handed on to lanes and hub.

use std::{
    collections::VecDeque,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use proto::frame::{ErrorCode, ServerFrame};
use runtime::{
    request_id,
    trace::{Span, SpanKind, key},
};
use wire::{Decoder, Incoming, encode};

use super::{
    client_frame::{self, ClientFrame, Rejected},
    connection::Connection,
    farewell,
    lanes::{Lanes, Op},
    pace::Pace,
    shared::Shared,
};
use crate::{
    hub::{
        RoomId,
        asks::{Ask, Asker},
    },
    meters,
};

/// Reads of one connection before others get their turn.
const AT_ONCE: usize = 4;

/// One connection's way in. An idle one owns nothing.
#[derive(Debug)]
pub(crate) struct Inbound {
    shared: Shared,
    decoder: Decoder,
    /// Read, and not yet taken on.
    #[expect(
        clippy::box_collection,
        reason = "a queue's own 32 bytes would lie there for every idle connection"
    )]
    pending: Option<Box<VecDeque<Kept>>>,
    pace: Pace,
    lanes: Lanes,
}

/// A message that waits until there is room for it.
#[derive(Debug)]
enum Kept {
    Text(Box<str>),
    Binary,
    Ping(Box<[u8]>),
    Close(Option<u16>),
}

/// How reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// Nothing more is there now.
    All,
    /// More may be there, and may be read at once.
    More,
    /// More may be there, once something under way is done.
    HeldUp,
    /// The client is gone.
    Gone,
}

impl Kept {
    fn message(&self) -> Incoming<'_> {
        match self {
            Self::Text(text) => Incoming::Text(text),
            Self::Binary => Incoming::Binary(&[]),
            Self::Ping(payload) => Incoming::Ping(payload),
            Self::Close(code) => Incoming::Close(*code),
        }
    }
}

impl Inbound {
    /// With `deflate`, the client may send compressed messages.
    pub(super) fn new(shared: Shared, deflate: bool) -> Self {
        Self {
            shared,
            decoder: if deflate {
                Decoder::with_deflate()
            } else {
                Decoder::new()
            },
            pending: None,
            pace: Pace::default(),
            lanes: Lanes::default(),
        }
    }

    /// Reads what is there, through the caller's buffer, and does what it says. With `to_the_end`, it is read until the
    /// socket has nothing more; else until it seems so. Tells also whether anything was heard.
    pub(crate) fn read(
        &mut self,
        connection: &Arc<Connection>,
        buffer: &mut [u8],
        to_the_end: bool,
    ) -> (Read, bool) {
        let mut heard = false;
        for _ in 0..AT_ONCE {
            if !self.take_on(connection) {
                return (Read::HeldUp, heard);
            }
            if connection.is_over() {
                return (Read::All, heard);
            }
            match connection.stream.try_read(buffer) {
                Ok(0) => return (Read::Gone, heard),
                Ok(read) => {
                    heard |= self.hear(connection, &mut buffer[..read]);
                    if read < buffer.len() && !to_the_end {
                        return (Read::All, heard);
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return (Read::All, heard),
                    io::ErrorKind::Interrupted => {}
                    _ => return (Read::Gone, heard),
                },
            }
        }
        (Read::More, heard)
    }

    /// Takes in what was read; tells whether there was a message in it.
    pub(crate) fn hear(&mut self, connection: &Arc<Connection>, bytes: &mut [u8]) -> bool {
        let limits = self.shared.limits.of_messages();
        let mut decoder = std::mem::take(&mut self.decoder);
        let mut heard = false;
        let result = decoder.feed(bytes, limits, &mut |message| {
            heard = true;
            self.take(connection, message);
        });
        self.decoder = decoder;
        if let Err(close) = result {
            connection.close(close.into());
        }
        heard
    }

    fn take(&mut self, connection: &Arc<Connection>, message: Incoming<'_>) {
        if connection.is_over() {
            return;
        }
        if self.pending.is_none() && connection.has_room(self.shared.limits.in_flight) {
            self.handle(connection, message);
            return;
        }
        let kept = match message {
            Incoming::Text(text) => Kept::Text(text.into()),
            Incoming::Binary(_) => Kept::Binary,
            Incoming::Ping(payload) => Kept::Ping(payload.into()),
            Incoming::Close(code) => Kept::Close(code),
            Incoming::Pong => return,
        };
        self.pending.get_or_insert_default().push_back(kept);
    }

    /// Takes on what was read, as far as there is room; tells whether nothing is left.
    pub(crate) fn take_on(&mut self, connection: &Arc<Connection>) -> bool {
        while let Some(pending) = &mut self.pending {
            if connection.is_over() || !connection.has_room(self.shared.limits.in_flight) {
                return false;
            }
            match pending.pop_front() {
                Some(kept) => self.handle(connection, kept.message()),
                None => self.pending = None,
            }
        }
        true
    }

    fn handle(&mut self, connection: &Arc<Connection>, incoming: Incoming<'_>) {
        match incoming {
            Incoming::Close(code) => connection.close_with(farewell::answer(code)),
            Incoming::Pong => {}
            Incoming::Ping(payload) => {
                if self.pace().is_ok() {
                    connection.send_control(encode::pong(payload));
                }
            }
            Incoming::Binary(_) => {
                meters::message_in();
                let message = "frames have to be text";
                refuse(connection, &Rejected::new(ErrorCode::BadFrame, message), None);
            }
            Incoming::Text(text) => {
                meters::message_in();
                let parsed = client_frame::parse(text);
                if let Err(wait) = self.pace() {
                    let rejected = parsed.map_or_else(Rejected::paced, ClientFrame::paced);
                    refuse(connection, &rejected, Some(wait));
                    return;
                }
                if let Err(rejected) = parsed.and_then(|frame| self.act(connection, frame)) {
                    refuse(connection, &rejected, None);
                }
            }
        }
    }

    fn pace(&mut self) -> Result<(), Duration> {
        self.pace.take(self.shared.limits.rhythm(), Instant::now())
    }

    fn act(&mut self, connection: &Arc<Connection>, frame: ClientFrame) -> Result<(), Rejected> {
        match frame {
            ClientFrame::Ping => connection.answer(&ServerFrame::Pong),
            ClientFrame::Subscribe { room_id, after } => {
                multiplexed_only(connection)?;
                let limit = self.shared.limits.rooms_per_socket;
                if connection.subscriptions() >= limit && !connection.is_subscribed(&room_id) {
                    let message = format!("one socket can subscribe to {limit} rooms");
                    return Err(Rejected::new(ErrorCode::Forbidden, message).of_room(room_id));
                }
                let ask = self.shared.asker.subscribe(connection, &room_id.into(), after);
                self.ask(connection, ask);
            }
            ClientFrame::Unsubscribe { room_id } => {
                multiplexed_only(connection)?;
                let room = subscribed(connection, Some(room_id))?;
                self.ask(connection, Asker::unsubscribe(connection, &room));
            }
            ClientFrame::Message(mut outgoing) => {
                let room = subscribed(connection, outgoing.room_id.take()).map_err(|rejected| Rejected {
                    client_msg_id: outgoing.client_msg_id.clone(),
                    ..rejected
                })?;
                let span = Span::root(SpanKind::Server, "send message");
                span.text(key::ROOM_ID, &room);
                let name = outgoing.client_msg_id.as_ref();
                if let Some(name) = name.filter(|name| request_id::is_harmless(name.as_bytes())) {
                    span.text(key::CLIENT_MSG_ID, name);
                }
                self.hand_on(connection, room, Op::Send(outgoing, span));
            }
            ClientFrame::Typing { room_id } => {
                self.hand_on(connection, subscribed(connection, room_id)?, Op::Typing);
            }
            ClientFrame::StopTyping { room_id } => {
                self.hand_on(connection, subscribed(connection, room_id)?, Op::StopTyping);
            }
            ClientFrame::Read { room_id, seq } => {
                self.hand_on(connection, subscribed(connection, room_id)?, Op::Read(seq));
            }
        }
        Ok(())
    }

    fn hand_on(&mut self, connection: &Arc<Connection>, room: RoomId, op: Op) {
        self.lanes.take(&self.shared, connection, room, op);
    }

    /// Asks the hub; what follows waits until it was asked.
    fn ask(&self, connection: &Arc<Connection>, ask: Ask) {
        let Err(ask) = self.shared.asker.try_ask(ask) else {
            return;
        };
        connection.asking();
        let (asker, connection) = (self.shared.asker.clone(), Arc::clone(connection));
        self.shared.shutdown.spawn(async move {
            asker.ask(ask).await;
            connection.asked();
        });
    }
}

fn refuse(connection: &Arc<Connection>, rejected: &Rejected, retry_after: Option<Duration>) {
    connection.refuse(
        rejected.code,
        &rejected.message,
        rejected.client_msg_id.as_deref(),
        rejected.room_id.as_deref(),
        retry_after,
    );
}

fn multiplexed_only(connection: &Connection) -> Result<(), Rejected> {
    if connection.is_multiplexed() {
        return Ok(());
    }
    let message = "this socket has one room; connect to /ws for more";
    Err(Rejected::new(ErrorCode::UnknownType, message))
}

/// The room that a frame is about.
fn subscribed(connection: &Connection, named: Option<String>) -> Result<RoomId, Rejected> {
    match (connection.own_room(), named) {
        (Some(own), None) => Ok(own),
        (Some(own), Some(room)) if *own == *room => Ok(own),
        (None, Some(room)) if connection.is_subscribed(&room) => Ok(room.into()),
        (_, Some(room)) => {
            let message = "this socket is not subscribed to the room";
            Err(Rejected::new(ErrorCode::NotSubscribed, message).of_room(room))
        }
        (None, None) => Err(Rejected::new(ErrorCode::BadFrame, "room_id: is missing")),
    }
}
