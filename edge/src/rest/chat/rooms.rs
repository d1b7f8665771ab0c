//! Rooms: list, create, get.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use proto::{
    chat::{CreateRoomRequest, GetRoomRequest, ListRoomsRequest},
    fields,
};
use runtime::client::idempotent;
use serde::Deserialize;
use utoipa::ToSchema;

use super::rows::Room;
use crate::rest::{
    app::App,
    input::{self, Bearer},
    problem::{Problem, ProblemBody},
};

/// Rooms per call while all are collected.
const PAGE: u32 = 1000;

/// All rooms, oldest first.
#[utoipa::path(get, path = "/api/chat/rooms", tag = "rooms",
    responses((status = 200, body = Vec<Room>), (status = "default", body = ProblemBody)))]
pub(super) async fn list(State(app): State<App>, bearer: Bearer) -> Result<Json<Vec<Room>>, Problem> {
    app.visitor(&bearer).await?;
    let mut rooms: Vec<Room> = Vec::new();
    let mut after_room_id = String::new();
    loop {
        let request = ListRoomsRequest {
            after_room_id: after_room_id.clone(),
            limit: PAGE,
        };
        let page = idempotent(&app.upstream.budgets.chat, || {
            let (mut chat, request) = (app.upstream.chat.clone(), request.clone());
            async move { chat.list_rooms(request).await }
        })
        .await?
        .into_inner()
        .rooms;
        let full = page.len() >= PAGE as usize;
        if let Some(last) = page.last() {
            last.id.clone_into(&mut after_room_id);
        }
        rooms.extend(page.into_iter().map(Room::from));
        if !full {
            return Ok(Json(rooms));
        }
    }
}

/// A room to create.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewRoom {
    /// `[a-z0-9][a-z0-9._-]{0,63}`.
    #[schema(example = "design")]
    id: String,
    /// Up to 80 characters; without one, the id.
    #[serde(default)]
    name: Option<String>,
    /// Up to 500 characters.
    #[serde(default)]
    description: Option<String>,
}

/// Creates a room.
#[utoipa::path(post, path = "/api/chat/rooms", tag = "rooms", request_body = NewRoom,
    responses((status = 201, body = Room), (status = 409, description = "the id is taken", body = ProblemBody),
        (status = "default", body = ProblemBody)))]
pub(super) async fn create(
    State(app): State<App>,
    bearer: Bearer,
    input::Json(new): input::Json<NewRoom>,
) -> Result<(StatusCode, Json<Room>), Problem> {
    app.visitor(&bearer).await?;
    fields::id("id", &new.id)?;
    let request = CreateRoomRequest {
        id: new.id,
        name: new.name.unwrap_or_default(),
        description: new.description.unwrap_or_default(),
    };
    let room = app.upstream.chat.clone().create_room(request).await?.into_inner();
    Ok((StatusCode::CREATED, Json(room.into())))
}

/// One room.
#[utoipa::path(get, path = "/api/chat/rooms/{room_id}", tag = "rooms",
    params(("room_id" = String, Path, description = "The room's id")),
    responses((status = 200, body = Room), (status = 404, description = "no such room", body = ProblemBody),
        (status = "default", body = ProblemBody)))]
pub(super) async fn get(
    State(app): State<App>,
    bearer: Bearer,
    Path(room_id): Path<String>,
) -> Result<Json<Room>, Problem> {
    app.visitor(&bearer).await?;
    fields::id("room_id", &room_id)?;
    let request = GetRoomRequest { room_id };
    let room = idempotent(&app.upstream.budgets.chat, || {
        let (mut chat, request) = (app.upstream.chat.clone(), request.clone());
        async move { chat.get_room(request).await }
    })
    .await?;
    Ok(Json(room.into_inner().into()))
}
