//! How many connections there are, in all and by address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use super::limits::SocketLimits;
use crate::meters;

/// Counts connections. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Gate(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    all: watch::Sender<usize>,
    by_ip: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection that is counted, until it is dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    gate: Gate,
    /// Where connections are counted by address.
    ip: Option<Box<IpAddr>>,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self(Arc::new(Counts {
            all: watch::Sender::new(0),
            by_ip: Mutex::default(),
        }))
    }

    /// Counts a connection, unless there are too many.
    pub(super) fn enter(&self, ip: Option<IpAddr>, limits: &SocketLimits) -> Option<Entered> {
        let mut entered = Entered {
            gate: self.clone(),
            ip: None,
        };
        let mut count = 0;
        self.0.all.send_modify(|all| {
            *all += 1;
            count = *all;
        });
        meters::connections(count);
        if count > limits.connections {
            return None;
        }
        if let (Some(ip), Some(limit)) = (ip, limits.connections_per_ip) {
            let mut by_ip = self.0.by_ip.lock().unwrap_or_else(PoisonError::into_inner);
            let of_ip = by_ip.entry(ip).or_default();
            if *of_ip >= limit {
                return None;
            }
            *of_ip += 1;
            entered.ip = Some(Box::new(ip));
        }
        Some(entered)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        *self.0.all.borrow()
    }

    /// Resolves when there are none.
    pub(super) async fn empty(&self) {
        let _ = self.0.all.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut left = 0;
        self.gate.0.all.send_modify(|all| {
            *all -= 1;
            left = *all;
        });
        meters::connections(left);
        if let Some(ip) = self.ip.take() {
            let mut by_ip = self.gate.0.by_ip.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(of_ip) = by_ip.get_mut(&*ip) {
                *of_ip -= 1;
                if *of_ip == 0 {
                    by_ip.remove(&*ip);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_counts_in_all_and_by_address() {
        let limits = SocketLimits {
            connections: 3,
            connections_per_ip: Some(2),
            ..SocketLimits::default()
        };
        let (gate, here) = (Gate::new(), Some(IpAddr::from([127, 0, 0, 1])));
        let first = gate.enter(here, &limits).unwrap();
        let _second = gate.enter(here, &limits).unwrap();
        assert!(gate.enter(here, &limits).is_none(), "too many from one address");
        let _third = gate.enter(None, &limits).unwrap();
        assert!(gate.enter(None, &limits).is_none(), "too many in all");
        drop(first);
        assert_eq!(gate.count(), 2);
        assert!(gate.enter(here, &limits).is_some());
    }
}
