//! The sockets: from the upgrade to the last byte. Everything about rooms is the hub's.

pub(crate) mod admission;
pub(crate) mod client_frame;
pub(crate) mod close;
pub(crate) mod connection;
pub(crate) mod farewell;
pub(crate) mod gate;
pub mod handshake;
pub(crate) mod home;
pub(crate) mod inbound;
mod lanes;
mod limits;
mod outbox;
mod pace;
pub(crate) mod poll;
pub(crate) mod shared;
pub(crate) mod stream;
mod subscriptions;
mod upgrade;

use std::{
    io,
    sync::{Arc, atomic::AtomicU64},
};

use axum::{Router, routing::get};
use broker::Broker;
use runtime::{Shutdown, health::Health};
use tokio_util::sync::CancellationToken;

use self::{
    gate::Gate,
    shared::{Live, Shared},
};
use crate::{
    beat::{self, Roster},
    canary::Canary,
    config::Subscribing,
    door::Door,
    hub::{Ground, Hub, asks},
    recovery::log::Log,
    upstream::Upstream,
};

pub use limits::SocketLimits;

/// The live half of an edge. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sockets {
    shared: Shared,
    hub: Hub,
}

impl Sockets {
    /// Starts the hub, the heartbeats and the canary. Two parts of `health` say whether the broker delivers:
    /// `edge-delivery`, what this edge publishes itself, and `edge-hints`, what chat-svc publishes.
    ///
    /// When the shutdown begins, every connection is told 1001, spread over [`SocketLimits::drain`].
    ///
    /// # Errors
    /// Where the kernel has no files left to watch sockets with.
    pub fn start(
        upstream: Upstream,
        broker: Broker,
        subscribing: Subscribing,
        door: Door,
        limits: SocketLimits,
        health: &Health,
        shutdown: &Shutdown,
    ) -> io::Result<Self> {
        let (roster, gate, over) = (Roster::default(), Gate::new(), CancellationToken::new());
        let (asker, asked) = asks::channel();
        beat::start(roster.clone(), upstream.clone(), shutdown);
        let canary = Canary::start(broker.clone(), health, shutdown);
        let log = Log::new(upstream.clone(), shutdown);
        let shared = Arc::new(Live {
            upstream,
            door,
            asker,
            roster: roster.clone(),
            gate: gate.clone(),
            limits,
            ids: AtomicU64::new(1),
            shutdown: shutdown.clone(),
        });
        let hub = Hub::start(
            Ground {
                log,
                broker,
                subscribing,
                canary,
                hints: health.part("edge-hints"),
                shared: Arc::clone(&shared),
                roster,
                over: over.clone(),
            },
            asked,
        )?;
        let (begun, goodbye) = (shutdown.clone(), hub.clone());
        shutdown.spawn(async move {
            begun.begun().await;
            goodbye.drain().await;
            gate.empty().await;
            over.cancel();
        });
        Ok(Self { shared, hub })
    }

    /// `GET /ws` and `GET /ws/{room_id}/{user_id}`.
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/ws", get(upgrade::multiplexed))
            .route("/ws/{room_id}/{user_id}", get(upgrade::room))
            .with_state(self.clone())
    }

    /// Connections now.
    pub fn connections(&self) -> usize {
        self.shared.gate.count()
    }

    /// Rooms with a subscriber here, now.
    pub fn rooms_served(&self) -> usize {
        self.hub.rooms_served()
    }
}
