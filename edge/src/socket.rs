//! The sockets: from the upgrade to the last byte. Everything about rooms is the hub's.

pub(crate) mod client_frame;
pub(crate) mod close;
pub(crate) mod connection;
mod decode;
pub(crate) mod encode;
mod farewell;
mod gate;
mod lanes;
mod limits;
mod outbox;
mod pace;
mod session;
mod shared;
mod stream;
mod upgrade;

use std::sync::{Arc, atomic::AtomicU64};

use axum::{Router, routing::get};
use broker::Broker;
use runtime::{Shutdown, health::Health};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::{
    gate::Gate,
    shared::{Live, Shared},
};
use crate::{
    beat::{self, Roster},
    canary::Canary,
    door::Door,
    hub::{Ground, Hub},
    recovery::log::Log,
    upstream::Upstream,
};

pub use limits::SocketLimits;

/// The live half of an edge. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sockets(Shared);

impl Sockets {
    /// Starts the hub, the heartbeats and the canary. Two parts of `health` say whether the broker delivers:
    /// `edge-delivery`, what this edge publishes itself, and `edge-hints`, what chat-svc publishes.
    ///
    /// When the shutdown begins, every connection is told 1001, spread over [`SocketLimits::drain`].
    pub fn start(
        upstream: Upstream,
        broker: Broker,
        door: Door,
        limits: SocketLimits,
        health: &Health,
        shutdown: &Shutdown,
    ) -> Self {
        let limits = Arc::new(limits);
        let (roster, gate, over) = (Roster::default(), Gate::new(), CancellationToken::new());
        beat::start(roster.clone(), upstream.clone(), shutdown);
        let canary = Canary::start(broker.clone(), health, shutdown);
        let hub = Hub::start(Ground {
            log: Log::new(upstream.clone()),
            broker,
            canary,
            hints: health.part("edge-hints"),
            limits: Arc::clone(&limits),
            shutdown,
            over: over.clone(),
        });
        let (begun, goodbye, last) = (shutdown.clone(), hub.clone(), gate.clone());
        shutdown.spawn(async move {
            begun.begun().await;
            goodbye.drain().await;
            last.empty().await;
            over.cancel();
        });
        Self(Arc::new(Live {
            upstream,
            door,
            hub,
            roster,
            gate,
            admissions: Semaphore::new(session::ADMISSIONS),
            limits,
            ids: AtomicU64::new(1),
            shutdown: shutdown.clone(),
        }))
    }

    /// `GET /ws` and `GET /ws/{room_id}/{user_id}`.
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/ws", get(upgrade::multiplexed))
            .route("/ws/{room_id}/{user_id}", get(upgrade::room))
            .with_state(Arc::clone(&self.0))
    }

    /// Connections now.
    pub fn connections(&self) -> usize {
        self.0.gate.count()
    }

    /// Rooms with a subscriber here, now.
    pub fn rooms_served(&self) -> usize {
        self.0.hub.rooms_served()
    }
}
