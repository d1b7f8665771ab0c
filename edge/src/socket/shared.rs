//! What every connection of this edge needs.

use std::sync::{Arc, atomic::AtomicU64};

use runtime::Shutdown;

use super::{gate::Gate, limits::SocketLimits};
use crate::{beat::Roster, door::Door, hub::asks::Asker, upstream::Upstream};

/// One for all connections.
pub(crate) type Shared = Arc<Live>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Live {
    pub(super) upstream: Upstream,
    pub(super) door: Door,
    pub(super) asker: Asker,
    pub(super) roster: Roster,
    pub(super) gate: Gate,
    pub(crate) limits: SocketLimits,
    pub(super) ids: AtomicU64,
    pub(crate) shutdown: Shutdown,
}
