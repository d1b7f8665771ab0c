//! One caller who sends one message after the other, on a system that does nothing else.

use std::time::Duration;

use crate::{callers::Callers, chat::Chat};

/// The lone caller.
pub(crate) struct Lone {
    callers: Callers,
}

impl Lone {
    /// Sends to one room; its messages' names are those of run `round`.
    pub(crate) fn new(chat: &Chat, characters: usize, round: usize) -> Self {
        let callers = Callers {
            address: chat.address(),
            connections: 1,
            count: 1,
            rooms: 1,
            characters,
            together: 1,
            run: 1_000_000 + round,
        };
        Self { callers }
    }

    /// How long each of so many sends took.
    pub(crate) async fn take(self, count: usize) -> Vec<Duration> {
        let sending = tokio::task::spawn_blocking(move || {
            let mut took = Vec::new();
            let mut run = self.callers.run * 1000;
            while took.len() < count {
                run += 1;
                let callers = Callers {
                    run,
                    ..self.callers.clone()
                };
                let seen = callers.send(Duration::from_millis(500));
                assert_eq!(seen.refused, 0, "a send was refused");
                // The first pays for the connection.
                took.extend(seen.took.into_iter().skip(1));
            }
            took.truncate(count);
            took
        });
        sending.await.expect("the caller")
    }
}
