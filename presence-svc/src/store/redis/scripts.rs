//! The Lua scripts, their keys and their answers: each changes everything that belongs together, or nothing.

use std::time::Duration;

use redis::{RedisError, Script, aio::MultiplexedConnection};

use super::record::{TypingRecord, UserRecord, rooms_text};
use crate::store::{Beat, Typist};

pub(super) const EXPIRIES: &str = "presence:expiries";
const NAMES: &str = "presence:names";
const ROOMS: &str = "presence:rooms";
const USER_PREFIX: &str = "presence:user:";
const TYPING_EXPIRIES: &str = "presence:typing-expiries";
const TYPING_NAMES: &str = "presence:typing-names";
const ROOM_PREFIX: &str = "presence:typing-expiries:";
const TYPING_PREFIX: &str = "presence:typing:";

/// A user's id, name and rooms (see [`super::record::rooms`]).
pub(super) type Gone = (String, String, String);

/// A room's id, and a user's id and name.
pub(super) type Stopped = (String, String, String);

pub(super) fn user_key(user_id: &str) -> String {
    format!("{USER_PREFIX}{user_id}")
}

pub(super) fn typing_key(room_id: &str, user_id: &str) -> String {
    format!("{TYPING_PREFIX}{room_id}:{user_id}")
}

pub(super) fn room_expiries(room_id: &str) -> String {
    format!("{ROOM_PREFIX}{room_id}")
}

pub(super) struct Scripts {
    beat: Script,
    leave: Script,
    sweep: Script,
    start_typing: Script,
    stop_typing: Script,
    sweep_typing: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            beat: Script::new(include_str!("beat.lua")),
            leave: Script::new(include_str!("leave.lua")),
            sweep: Script::new(include_str!("sweep.lua")),
            start_typing: Script::new(include_str!("type.lua")),
            stop_typing: Script::new(include_str!("stop.lua")),
            sweep_typing: Script::new(include_str!("sweep_typing.lua")),
        }
    }
}

const USERS: [&str; 4] = [EXPIRIES, NAMES, ROOMS, USER_PREFIX];

/// Whole milliseconds; Redis refuses a lifetime of none.
fn millis(lifetime: Duration) -> u64 {
    u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX).max(1)
}

impl Scripts {
    pub(super) async fn beat(
        &self,
        mut connection: MultiplexedConnection,
        lifetime: Duration,
        beats: &[Beat],
    ) -> Result<Vec<Gone>, RedisError> {
        let mut call = self.beat.prepare_invoke();
        call.key(&USERS).arg(millis(lifetime));
        for beat in beats {
            call.arg(&beat.user.id)
                .arg(UserRecord::write(beat))
                .arg(&beat.user.name)
                .arg(rooms_text(&beat.rooms));
        }
        call.invoke_async(&mut connection).await
    }

    pub(super) async fn leave(
        &self,
        mut connection: MultiplexedConnection,
        user_id: &str,
    ) -> Result<Vec<Gone>, RedisError> {
        let mut call = self.leave.prepare_invoke();
        call.key(&USERS).arg(user_id);
        call.invoke_async(&mut connection).await
    }

    pub(super) async fn sweep(
        &self,
        mut connection: MultiplexedConnection,
        most: usize,
    ) -> Result<Vec<Gone>, RedisError> {
        let mut call = self.sweep.prepare_invoke();
        call.key(&USERS).arg(most);
        call.invoke_async(&mut connection).await
    }

    pub(super) async fn start_typing(
        &self,
        mut connection: MultiplexedConnection,
        lifetime: Duration,
        typist: &Typist,
    ) -> Result<(), RedisError> {
        let (room, user) = (&typist.room_id, &typist.user);
        let mut call = self.start_typing.prepare_invoke();
        call.key(TYPING_EXPIRIES)
            .key(TYPING_NAMES)
            .key(room_expiries(room))
            .key(typing_key(room, &user.id));
        call.arg(millis(lifetime))
            .arg(format!("{room}:{}", user.id))
            .arg(&user.id)
            .arg(TypingRecord::write(typist))
            .arg(&user.name);
        call.invoke_async(&mut connection).await
    }

    pub(super) async fn stop_typing(
        &self,
        mut connection: MultiplexedConnection,
        room: &str,
        user: &str,
    ) -> Result<Option<String>, RedisError> {
        let mut call = self.stop_typing.prepare_invoke();
        call.key(TYPING_EXPIRIES)
            .key(TYPING_NAMES)
            .key(room_expiries(room))
            .key(typing_key(room, user));
        call.arg(format!("{room}:{user}")).arg(user);
        call.invoke_async(&mut connection).await
    }

    pub(super) async fn sweep_typing(
        &self,
        mut connection: MultiplexedConnection,
        most: usize,
    ) -> Result<Vec<Stopped>, RedisError> {
        let mut call = self.sweep_typing.prepare_invoke();
        call.key(TYPING_EXPIRIES)
            .key(TYPING_NAMES)
            .key(ROOM_PREFIX)
            .key(TYPING_PREFIX);
        call.arg(most);
        call.invoke_async(&mut connection).await
    }
}
