//! Messages of a room: history, send, edit, delete.

#![expect(
    unused_qualifications,
    reason = "utoipa writes the paths of parameter types out"
)]

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use proto::{
    chat::{
        ChangeResponse, DeleteMessageRequest, EditMessageRequest, HistoryRequest, HistoryResponse,
        Message as Stored, SendMessageRequest, SendMessageResponse,
    },
    fields,
};
use runtime::client::idempotent;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::rows::Message;
use crate::rest::{
    app::App,
    input::{self, Bearer, Params},
    page,
    problem::{Problem, ProblemBody},
};

/// Which part of the history.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// How many; 50 where it is not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The newest messages before this seq. Not together with `after`.
    before: Option<u64>,
    /// The oldest messages after this seq.
    after: Option<u64>,
}

/// A page of a room's messages, oldest first; without `before` and `after` the newest ones.
#[utoipa::path(get, path = "/api/chat/rooms/{room_id}/messages", tag = "messages",
    params(("room_id" = String, Path, description = "The room's id"), HistoryQuery),
    responses((status = 200, body = Vec<Message>), (status = 404, description = "no such room", body = ProblemBody),
        (status = "default", body = ProblemBody)))]
pub(super) async fn list(
    State(app): State<App>,
    bearer: Bearer,
    Path(room_id): Path<String>,
    Params(query): Params<HistoryQuery>,
) -> Result<Json<Vec<Message>>, Problem> {
    app.visitor(&bearer).await?;
    fields::id("room_id", &room_id)?;
    if query.before.is_some() && query.after.is_some() {
        return Err(Problem::field("after", "can't be used together with before"));
    }
    let request = HistoryRequest {
        room_id,
        before: query.before,
        after: query.after,
        limit: page::limit(query.limit)?,
    };
    let page = history(&app, &request).await?;
    Ok(Json(page.messages.into_iter().map(Message::from).collect()))
}

async fn history(app: &App, request: &HistoryRequest) -> Result<HistoryResponse, Problem> {
    let page = idempotent(&app.upstream.budgets.chat, || {
        let (mut chat, request) = (app.upstream.chat.clone(), request.clone());
        async move { chat.history(request).await }
    })
    .await?;
    Ok(page.into_inner())
}

/// A message to send.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewMessage {
    /// Who sends it; with a token, its user.
    #[serde(default)]
    user_id: Option<String>,
    /// The sender's shown name; with a token, its user's.
    #[serde(default)]
    username: Option<String>,
    /// 1 to 16,000 characters, not only white space.
    content: String,
    /// `text` (where it is not said) or `file`.
    #[serde(default)]
    message_type: Option<String>,
    /// With `file`: a path below `/api/files/`.
    #[serde(default)]
    file_url: Option<String>,
    /// 1 to 64 characters: the same one again never makes a second message.
    #[serde(default)]
    client_msg_id: Option<String>,
}

/// Sends a message. The answer means that it is stored.
#[utoipa::path(post, path = "/api/chat/rooms/{room_id}/messages", tag = "messages", request_body = NewMessage,
    params(("room_id" = String, Path, description = "The room's id"), ActorQuery),
    responses((status = 201, body = Message), (status = 404, description = "no such room", body = ProblemBody),
        (status = "default", body = ProblemBody)))]
pub(super) async fn send(
    State(app): State<App>,
    bearer: Bearer,
    Path(room_id): Path<String>,
    Params(actor): Params<ActorQuery>,
    input::Json(new): input::Json<NewMessage>,
) -> Result<(StatusCode, Json<Message>), Problem> {
    fields::id("room_id", &room_id)?;
    let (user_id, username) = (new.user_id.or(actor.user_id), new.username.or(actor.username));
    let caller = app
        .actor(&bearer, user_id.as_deref(), username.as_deref())
        .await?;
    let request = SendMessageRequest {
        room_id,
        user_id: caller.user_id,
        username: caller.username,
        content: new.content,
        message_type: new.message_type.unwrap_or_default(),
        file_url: new.file_url,
        client_msg_id: new.client_msg_id,
    };
    let accepted = app.upstream.chat.clone().send_message(request.clone()).await?;
    let message = as_stored(&app, request, accepted.into_inner()).await?;
    Ok((StatusCode::CREATED, Json(message.into())))
}

/// The message that an answer stands for: of a repeat, the one that was stored the first time.
async fn as_stored(
    app: &App,
    sent: SendMessageRequest,
    accepted: SendMessageResponse,
) -> Result<Stored, Problem> {
    if accepted.repeated {
        let there = HistoryRequest {
            room_id: sent.room_id.clone(),
            before: None,
            after: Some(accepted.seq.saturating_sub(1)),
            limit: 1,
        };
        let first = history(app, &there).await?.messages.into_iter().next();
        if let Some(first) = first.filter(|first| first.id == accepted.id) {
            return Ok(first);
        }
    }
    let kind = if sent.message_type.is_empty() {
        "text".to_owned()
    } else {
        sent.message_type
    };
    Ok(Stored {
        id: accepted.id,
        room_id: sent.room_id,
        user_id: sent.user_id,
        username: sent.username,
        content: sent.content,
        message_type: kind,
        file_url: sent.file_url,
        created_at: accepted.created_at,
        seq: accepted.seq,
        change_seq: accepted.seq,
        client_msg_id: sent.client_msg_id,
        edited_at: None,
    })
}

/// Who acts, where there is no token.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ActorQuery {
    /// Who acts; with a token, its user.
    user_id: Option<String>,
    /// The shown name; with a token, its user's.
    username: Option<String>,
}

/// What a message is changed to.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Edit {
    /// Who edits; with a token, its user.
    #[serde(default)]
    user_id: Option<String>,
    /// 1 to 16,000 characters, not only white space.
    content: String,
}

/// Replaces the content of one's own message.
#[utoipa::path(patch, path = "/api/chat/rooms/{room_id}/messages/{id}", tag = "messages", request_body = Edit,
    params(("room_id" = String, Path, description = "The room's id"),
        ("id" = String, Path, description = "The message's id"), ActorQuery),
    responses((status = 200, body = Message), (status = 403, description = "another's", body = ProblemBody),
        (status = "default", body = ProblemBody)))]
pub(super) async fn edit(
    State(app): State<App>,
    bearer: Bearer,
    Path((room_id, id)): Path<(String, String)>,
    Params(actor): Params<ActorQuery>,
    input::Json(edit): input::Json<Edit>,
) -> Result<Json<Message>, Problem> {
    fields::id("room_id", &room_id)?;
    fields::uuid("id", &id)?;
    let user_id = edit.user_id.or(actor.user_id);
    let caller = app.actor(&bearer, user_id.as_deref(), None).await?;
    let request = EditMessageRequest {
        room_id,
        message_id: id,
        user_id: caller.user_id,
        content: edit.content,
    };
    let ChangeResponse { message } = app
        .upstream
        .chat
        .clone()
        .edit_message(request)
        .await?
        .into_inner();
    message
        .map(|message| Json(message.into()))
        .ok_or_else(Problem::internal)
}

/// Deletes one's own message.
#[utoipa::path(delete, path = "/api/chat/rooms/{room_id}/messages/{id}", tag = "messages",
    params(("room_id" = String, Path, description = "The room's id"),
        ("id" = String, Path, description = "The message's id"), ActorQuery),
    responses((status = 204), (status = 403, description = "another's", body = ProblemBody),
        (status = "default", body = ProblemBody)))]
pub(super) async fn delete(
    State(app): State<App>,
    bearer: Bearer,
    Path((room_id, id)): Path<(String, String)>,
    Params(actor): Params<ActorQuery>,
) -> Result<StatusCode, Problem> {
    fields::id("room_id", &room_id)?;
    fields::uuid("id", &id)?;
    let caller = app.actor(&bearer, actor.user_id.as_deref(), None).await?;
    let request = DeleteMessageRequest {
        room_id,
        message_id: id,
        user_id: caller.user_id,
    };
    app.upstream.chat.clone().delete_message(request).await?;
    Ok(StatusCode::NO_CONTENT)
}
