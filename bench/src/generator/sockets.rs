//! Where each socket of a generator comes from, where it goes, and what it says.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::{Arc, PoisonError, atomic::Ordering::Relaxed},
};

use super::{
    counters::Counters,
    frames,
    worker::{Share, Task, Worker},
};
use crate::{
    clock,
    control::{Answer, Open},
    fault::Result,
};

/// Sockets from one source address.
const PER_ADDRESS: u64 = 28_000;

/// The first port that a socket comes from.
const FIRST_PORT: u16 = 32_768;

/// Source addresses that are given to one process before it takes the first one again.
const ADDRESSES: u64 = 200;

/// The key of all handshakes: nobody listens in.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Shares the sockets among the workers and waits until all are ready.
pub(super) async fn open(workers: &[Worker], counters: &Counters, open: Open) -> Result<Answer> {
    let begun = clock::now();
    let (settled, failed, ready) = (
        counters.settled(),
        counters.failed.load(Relaxed),
        counters.ready.load(Relaxed),
    );
    let (sockets, patience) = (open.sockets, open.patience);
    let plan = Arc::new(Plan {
        open,
        base: std::process::id(),
    });
    for (index, worker) in workers.iter().enumerate() {
        worker.tell(Task::Open(Share {
            plan: Arc::clone(&plan),
            next: index as u64,
            step: workers.len() as u64,
        }))?;
    }
    counters.all_settled(settled + sockets, patience).await;
    let why = counters.why.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(Answer::Opened {
        ready: counters.ready.load(Relaxed) - ready.min(counters.ready.load(Relaxed)),
        failed: counters.failed.load(Relaxed) - failed,
        seconds: clock::seconds(begun, clock::now()),
        why,
    })
}

/// The sockets that were asked for.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) open: Open,
    /// Makes the addresses of generators differ.
    base: u32,
}

impl Plan {
    /// Where the socket comes from, so that one address does not run out of ports.
    pub(super) fn source(&self, index: u64) -> SocketAddrV4 {
        let number = self.open.first + index;
        let [.., high, low] = self.base.to_be_bytes();
        let third = low ^ u8::try_from(number / PER_ADDRESS / ADDRESSES % 256).unwrap_or(0);
        let last = 1 + u8::try_from(number / PER_ADDRESS % ADDRESSES).unwrap_or(0);
        // 127.0.0.1 is left to others.
        let address = Ipv4Addr::new(127, 1 + high % 250, third, last);
        let port = FIRST_PORT + u16::try_from(number % PER_ADDRESS).unwrap_or(0);
        SocketAddrV4::new(address, port)
    }

    /// Where it goes.
    pub(super) fn address(&self, index: u64) -> SocketAddr {
        let count = self.open.addresses.len().max(1) as u64;
        let turn = if self.open.apart {
            (self.open.first + index) / self.open.room_size.max(1)
        } else {
            index
        };
        let place = usize::try_from(turn % count).unwrap_or(0);
        let mut address = self
            .open
            .addresses
            .get(place)
            .copied()
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        address.set_port(address.port() + self.open.greeting.socket_port_offset);
        address
    }

    /// Its request for a WebSocket.
    pub(super) fn request(&self, index: u64) -> String {
        let path = self.filled(&self.open.greeting.path, index, 0);
        format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        )
    }

    /// What it says then; empty where that is nothing.
    pub(super) fn says(&self, index: u64) -> Vec<u8> {
        let greeting = &self.open.greeting;
        let opcode = if greeting.binary { 2 } else { 1 };
        let mut says = Vec::new();
        for text in &greeting.say {
            let times = if text.contains("{room}") {
                self.open.rooms_per_socket.max(1)
            } else {
                1
            };
            for turn in 0..times {
                says.extend(frames::client(opcode, self.filled(text, index, turn).as_bytes()));
            }
        }
        says
    }

    fn filled(&self, text: &str, index: u64, turn: u64) -> String {
        let number = self.open.first + index;
        let block = number / self.open.room_size.max(1);
        let room = room(block * self.open.rooms_per_socket.max(1) + turn);
        let user = format!("u{}", number % self.open.users.max(1));
        text.replace("{room}", &room).replace("{user}", &user)
    }
}

/// The name of a room, by its number.
pub(crate) fn room(number: u64) -> String {
    format!("r{number}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::control::Greeting;

    #[test]
    fn sockets_take_turns_or_rooms_do() {
        let mut plan = Plan {
            open: Open {
                addresses: [7001, 7002]
                    .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
                    .into(),
                apart: false,
                sockets: 8,
                first: 2,
                room_size: 2,
                users: 8,
                rooms_per_socket: 1,
                ready_after_messages: 0,
                greeting: Greeting {
                    path: "/{room}".into(),
                    ..Greeting::default()
                },
                at_once: 8,
                patience: Duration::ZERO,
            },
            base: 0,
        };
        let ports = |plan: &Plan| -> Vec<u16> { (0..4).map(|index| plan.address(index).port()).collect() };
        assert_eq!(ports(&plan), [7001, 7002, 7001, 7002]);
        plan.open.apart = true;
        assert_eq!(ports(&plan), [7002, 7002, 7001, 7001]);
        let rooms = (0..4).map(|index| plan.filled("{room}", index, 0));
        assert_eq!(rooms.collect::<Vec<_>>(), ["r1", "r1", "r2", "r2"]);
    }
}
