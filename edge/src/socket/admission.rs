//! From an answered handshake to a connection that the hub knows: who it is, and whether it is let in.

use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use runtime::deadline;
use tokio::time::timeout;
use wire::deflate::Deflate;

use super::{
    Sockets,
    close::{CloseCode, Refused},
    connection::{Connection, Kind},
    farewell,
    gate::Entered,
    inbound::Inbound,
    shared::Shared,
    stream::Stream,
    upgrade::Asked,
};
use crate::{
    beat::Named,
    door::{Claim, Refusal},
    hub::RoomId,
    serve::Place,
};

/// How long the HTTP server may take to hand a connection over.
const HANDOVER: Duration = Duration::from_secs(10);

/// How long to find out who somebody is, in a crowd. Less than a client waits, which would come back only to wait at the
/// end of the queue.
const ADMISSION: Duration = Duration::from_secs(12);

/// A connection that was let in, on its way to its shard.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) connection: Arc<Connection>,
    pub(crate) inbound: Inbound,
    /// Read behind the request.
    pub(crate) early: Bytes,
    pub(crate) entered: Entered,
}

/// Somebody whose handshake was answered.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) asked: Result<Asked, Refused>,
    /// Its address, where those are counted.
    pub(super) ip: Option<IpAddr>,
    pub(super) place: Option<Place>,
    /// What was agreed on about compression, if anything.
    pub(super) deflate: Option<Deflate>,
}

/// Lets a connection in that the HTTP server hands over, or tells it why not.
pub(super) async fn take_over(sockets: Sockets, visitor: Visitor, upgrade: OnUpgrade) {
    let Ok(Ok(upgraded)) = timeout(HANDOVER, upgrade).await else {
        return;
    };
    match Stream::take(upgraded) {
        Ok((stream, early)) => admit(sockets, visitor, stream, early).await,
        Err(error) => tracing::warn!(%error, "an upgraded connection can't be served"),
    }
}

/// Lets a connection in, of which `early` was read already, or tells it why not.
pub(super) async fn admit(sockets: Sockets, visitor: Visitor, stream: Stream, early: Bytes) {
    let Sockets { shared, hub } = sockets;
    let Visitor {
        asked,
        ip,
        place,
        deflate,
    } = visitor;
    let Some(entered) = shared.gate.enter(ip, &shared.limits) else {
        return Box::pin(farewell::refuse(&stream, &CloseCode::TooMany.into())).await;
    };
    let (named, asked) = match identify(&shared, asked).await {
        Ok(identified) => identified,
        Err(refused) => {
            tracing::debug!(code = refused.code.number(), reason = &*refused.reason, "refused");
            return Box::pin(farewell::refuse(&stream, &refused)).await;
        }
    };
    let room: Option<RoomId> = asked.room.map(Into::into);
    let home = hub.home(&named.user_id);
    let connection = Connection::new(
        shared.ids.fetch_add(1, Ordering::Relaxed),
        if room.is_some() {
            Kind::Room
        } else {
            Kind::Multiplexed
        },
        named,
        stream,
        deflate,
        home,
    );
    let connection = Arc::new(connection.at(place));
    let newcomer = Newcomer {
        connection: Arc::clone(&connection),
        inbound: Inbound::new(Arc::clone(&shared), connection.deflates()),
        early,
        entered,
    };
    // Its subscription begins before anything is read of it: what it says first waits for that, and comes back to it live.
    // And the hub hears of it before anybody can tell the hub that it is gone.
    if let Some(room) = room {
        let ask = shared.asker.subscribe(&connection, &room, asked.after);
        shared.asker.ask(ask).await;
    }
    hub.register(newcomer).await;
}

async fn identify(shared: &Shared, asked: Result<Asked, Refused>) -> Result<(Arc<Named>, Asked), Refused> {
    let asked = asked?;
    if shared.shutdown.has_begun() {
        return Err(CloseCode::GoingAway.into());
    }
    let claim = Claim {
        token: asked.token.as_deref(),
        user_id: asked.user_id.as_deref(),
        username: asked.username.as_deref(),
    };
    let caller = tokio::select! {
        caller = deadline::within(ADMISSION, shared.door.admit(claim)) => caller,
        () = shared.shutdown.begun() => return Err(CloseCode::GoingAway.into()),
    };
    let caller = caller.map_err(|refusal| match refusal {
        Refusal::NotSignedIn => Refused::from(CloseCode::NotSignedIn),
        Refusal::NotAllowed => CloseCode::NotAllowed.into(),
        Refusal::Invalid(invalid) => invalid.into(),
        Refusal::Unavailable => CloseCode::TryLater.into(),
    })?;
    let limit = shared.limits.connections_per_user;
    let named = shared
        .roster
        .connected(&caller.user_id, &caller.username, limit)
        .ok_or(CloseCode::TooMany)?;
    Ok((named, asked))
}
