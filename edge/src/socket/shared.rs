//! What every connection of this edge needs.

use std::sync::{Arc, atomic::AtomicU64};

use runtime::Shutdown;
use tokio::sync::Semaphore;

use super::{gate::Gate, limits::SocketLimits};
use crate::{beat::Roster, door::Door, hub::Hub, upstream::Upstream};

/// One for all connections: each holds a pointer only.
pub(super) type Shared = Arc<Live>;

/// See the module.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) upstream: Upstream,
    pub(super) door: Door,
    pub(super) hub: Hub,
    pub(super) roster: Roster,
    pub(super) gate: Gate,
    /// Turns to find out who somebody is.
    pub(super) admissions: Semaphore,
    pub(super) limits: Arc<SocketLimits>,
    pub(super) ids: AtomicU64,
    pub(super) shutdown: Shutdown,
}
