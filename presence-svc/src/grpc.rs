//! RPC ↔ domain: checks every field, then hands over.

use jiff::Timestamp;
use proto::{
    fields::{self, Invalid},
    presence as wire,
    presence::presence_service_server::PresenceService,
    time,
};
use tonic::{Request, Response, Status};

use crate::{
    error::Error,
    presence::Presence,
    store::{Beat, Online, Typist, User},
};

/// Most users in one call.
const USERS_MAX: usize = 10_000;

/// Most rooms of one user.
const ROOMS_MAX: usize = 200;

/// The RPCs.
pub(crate) struct Rpc {
    presence: Presence,
}

impl Rpc {
    pub(crate) fn new(presence: Presence) -> Self {
        Self { presence }
    }

    fn online_ms(&self) -> u64 {
        millis(self.presence.lifetimes().online)
    }
}

/// The names of a beat's fields, alone and as one of many.
struct BeatFields {
    user_id: &'static str,
    username: &'static str,
    room_ids: &'static str,
}

const ONE: BeatFields = BeatFields {
    user_id: "user_id",
    username: "username",
    room_ids: "room_ids",
};

const OF_MANY: BeatFields = BeatFields {
    user_id: "users.user_id",
    username: "users.username",
    room_ids: "users.room_ids",
};

fn beat(names: &BeatFields, at: Timestamp, request: wire::HeartbeatRequest) -> Result<Beat, Invalid> {
    let wire::HeartbeatRequest {
        user_id,
        username,
        room_ids: mut rooms,
    } = request;
    let user = user(names.user_id, names.username, user_id, username)?;
    if rooms.len() > ROOMS_MAX {
        let problem = format!("must have at most {ROOMS_MAX} entries, has {}", rooms.len());
        return Err(Invalid::new(names.room_ids, problem));
    }
    rooms
        .iter()
        .try_for_each(|room| fields::id(names.room_ids, room))?;
    rooms.sort_unstable();
    rooms.dedup();
    Ok(Beat { user, rooms, at })
}

fn user(id_field: &'static str, name_field: &'static str, id: String, name: String) -> Result<User, Invalid> {
    fields::id(id_field, &id)?;
    if name.is_empty() {
        return Ok(User { name: id.clone(), id });
    }
    fields::username(name_field, &name)?;
    Ok(User { id, name })
}

fn online(user: Online) -> wire::UserPresence {
    wire::UserPresence {
        user_id: user.user.id,
        username: user.user.name,
        status: wire::Status::Online.into(),
        last_seen: Some(time::to_proto(user.last_seen)),
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[tonic::async_trait]
impl PresenceService for Rpc {
    async fn heartbeat(
        &self,
        request: Request<wire::HeartbeatRequest>,
    ) -> Result<Response<wire::HeartbeatResponse>, Status> {
        let beat = beat(&ONE, time::now(), request.into_inner())?;
        self.presence.beat(vec![beat]).await.map_err(Error::from)?;
        Ok(Response::new(wire::HeartbeatResponse {
            ttl_ms: self.online_ms(),
        }))
    }

    async fn heartbeat_many(
        &self,
        request: Request<wire::HeartbeatManyRequest>,
    ) -> Result<Response<wire::HeartbeatManyResponse>, Status> {
        let users = request.into_inner().users;
        if users.len() > USERS_MAX {
            let problem = format!("must have at most {USERS_MAX} entries, has {}", users.len());
            return Err(Invalid::new("users", problem).into());
        }
        let now = time::now();
        let beats: Vec<Beat> = users
            .into_iter()
            .map(|request| beat(&OF_MANY, now, request))
            .collect::<Result<_, Invalid>>()?;
        if !beats.is_empty() {
            self.presence.beat(beats).await.map_err(Error::from)?;
        }
        Ok(Response::new(wire::HeartbeatManyResponse {
            ttl_ms: self.online_ms(),
        }))
    }

    async fn list_online(
        &self,
        _: Request<wire::ListOnlineRequest>,
    ) -> Result<Response<wire::ListOnlineResponse>, Status> {
        let users = self.presence.online().await.map_err(Error::from)?;
        Ok(Response::new(wire::ListOnlineResponse {
            users: users.into_iter().map(online).collect(),
        }))
    }

    async fn get_user(
        &self,
        request: Request<wire::GetUserRequest>,
    ) -> Result<Response<wire::UserPresence>, Status> {
        let user_id = request.into_inner().user_id;
        fields::id("user_id", &user_id)?;
        let found = self.presence.user(&user_id).await.map_err(Error::from)?;
        let offline = || wire::UserPresence {
            user_id: user_id.clone(),
            username: String::new(),
            status: wire::Status::Offline.into(),
            last_seen: None,
        };
        Ok(Response::new(found.map_or_else(offline, online)))
    }

    async fn go_offline(
        &self,
        request: Request<wire::GoOfflineRequest>,
    ) -> Result<Response<wire::GoOfflineResponse>, Status> {
        let user_id = request.into_inner().user_id;
        fields::id("user_id", &user_id)?;
        let changed = self.presence.leave(user_id).await.map_err(Error::from)?;
        Ok(Response::new(wire::GoOfflineResponse { changed }))
    }

    async fn start_typing(
        &self,
        request: Request<wire::StartTypingRequest>,
    ) -> Result<Response<wire::StartTypingResponse>, Status> {
        let wire::StartTypingRequest {
            room_id,
            user_id,
            username,
        } = request.into_inner();
        fields::id("room_id", &room_id)?;
        let user = user("user_id", "username", user_id, username)?;
        self.presence
            .start_typing(Typist { user, room_id })
            .await
            .map_err(Error::from)?;
        Ok(Response::new(wire::StartTypingResponse {
            ttl_ms: millis(self.presence.lifetimes().typing),
        }))
    }

    async fn stop_typing(
        &self,
        request: Request<wire::StopTypingRequest>,
    ) -> Result<Response<wire::StopTypingResponse>, Status> {
        let wire::StopTypingRequest { room_id, user_id } = request.into_inner();
        fields::id("room_id", &room_id)?;
        fields::id("user_id", &user_id)?;
        let changed = self
            .presence
            .stop_typing(room_id, user_id)
            .await
            .map_err(Error::from)?;
        Ok(Response::new(wire::StopTypingResponse { changed }))
    }

    async fn list_typing(
        &self,
        request: Request<wire::ListTypingRequest>,
    ) -> Result<Response<wire::ListTypingResponse>, Status> {
        let room_id = request.into_inner().room_id;
        fields::id("room_id", &room_id)?;
        let users = self.presence.typing(&room_id).await.map_err(Error::from)?;
        let typing = |User { id, name }| wire::TypingUser {
            user_id: id,
            username: name,
        };
        Ok(Response::new(wire::ListTypingResponse {
            users: users.into_iter().map(typing).collect(),
        }))
    }
}
