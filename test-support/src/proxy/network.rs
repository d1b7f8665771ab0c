//! What all connections of a proxy see of it: the fault, the target, and what has ended since they began.

use std::sync::Arc;

use tokio::sync::watch;

use super::fault::{Course, Direction, Fault};

/// The state of a network.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) fault: Fault,
    /// Counts the faults, from 1.
    pub(super) era: u64,
    /// Counts the moments at which all open connections were reset.
    pub(super) resets: u64,
    /// Where new connections go: `host:port`.
    pub(super) target: Arc<str>,
}

impl State {
    pub(super) fn new(target: &str) -> Self {
        Self {
            fault: Fault::None,
            era: 1,
            resets: 0,
            target: target.into(),
        }
    }

    /// Changes the fault.
    pub(super) fn set(&mut self, fault: Fault) {
        if fault == self.fault {
            return;
        }
        // Counted here, so that a connection that looks too late sees it nevertheless.
        if fault == Fault::Cut || self.fault == Fault::HalfOpen {
            self.resets += 1;
        }
        self.fault = fault;
        self.era += 1;
    }
}

/// A view of the state that costs nothing as long as nothing changes.
#[derive(Clone)]
pub(super) struct Network {
    state: watch::Receiver<State>,
    fault: Fault,
    era: u64,
}

impl Network {
    pub(super) fn new(mut state: watch::Receiver<State>) -> Self {
        let (fault, era) = {
            let state = state.borrow_and_update();
            (state.fault, state.era)
        };
        Self { state, fault, era }
    }

    /// The fault now.
    pub(super) fn fault(&mut self) -> Fault {
        if self.state.has_changed().unwrap_or(false) {
            *self = Self::new(self.state.clone());
        }
        self.fault
    }

    /// What the fault means now for the bytes of `way`.
    pub(super) fn course(&mut self, way: Direction) -> Course {
        self.fault().course(way)
    }

    /// Which fault it is, counted from 1; as of the last look.
    pub(super) fn era(&self) -> u64 {
        self.era
    }

    /// How often all connections were reset so far.
    pub(super) fn resets(&self) -> u64 {
        self.state.borrow().resets
    }

    /// Where new connections go.
    pub(super) fn target(&self) -> Arc<str> {
        self.state.borrow().target.clone()
    }

    /// Waits for another state than that of the last look; for ever where the proxy is gone, which ends its connections.
    pub(super) async fn changed(&mut self) {
        if self.state.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        *self = Self::new(self.state.clone());
    }

    /// Waits until `condition` holds; for ever where the proxy is gone.
    pub(super) async fn until(&mut self, condition: impl FnMut(&State) -> bool) {
        if self.state.wait_for(condition).await.is_err() {
            std::future::pending::<()>().await;
        }
        *self = Self::new(self.state.clone());
    }
}
