//! `chatflow.chat.v1.ChatService`.

use std::{collections::HashSet, pin::Pin};

use futures_util::{Stream, StreamExt as _, stream};
use proto::{
    chat::{self as wire, chat_service_server::ChatService},
    fields::{self, Invalid},
    time::to_proto,
};
use runtime::{Shutdown, deadline};
use tonic::{Request, Response, Status};

use super::sends;
use crate::{
    clock::Clock,
    error::{Error, Result},
    history::{self, Answer, Since},
    log::appender::{Appender, Publisher},
    message::{Change, Message, Target},
    room::{NewRoom, Room},
    store::{Head, Log, ReadMarks, Rooms, Span},
};

/// Most rooms that one call asks the heads of.
const HEADS_MAX: usize = 10_000;

/// Most rooms in one answer.
const ROOMS_MAX: u32 = 1000;

/// Most changes in one answer, and how many where nobody said.
const CHANGES_MAX: u32 = 1000;
const CHANGES_DEFAULT: u32 = 500;

/// What becomes of many messages, as it becomes known.
type Outcomes = Pin<Box<dyn Stream<Item = Result<wire::SendMessagesResponse, Status>> + Send>>;

/// Most pages of changes in one answer, and the bytes of frames that they share.
const PAGES_MAX: usize = 64;
const PAGES_BYTES: u32 = 4 * 1024 * 1024;

/// The service.
#[derive(Debug, Clone)]
pub struct Chat<S> {
    /// Rooms, logs, marks.
    pub store: S,
    /// The way into the logs.
    pub appender: Appender,
    /// For what is no change of a log.
    pub publisher: Publisher,
    /// What time it is.
    pub clock: Clock,
    /// For reads that go on without their caller.
    pub tasks: Shutdown,
}

impl<S: Rooms + Log + ReadMarks> Chat<S> {
    async fn existing(&self, room_id: &str) -> Result<Room> {
        self.store.room(room_id).await?.ok_or(Error::NoSuchRoom)
    }

    async fn change(&self, change: Change) -> Result<Response<wire::ChangeResponse>, Status> {
        let committed = self.appender.append(change).await?;
        Ok(Response::new(wire::ChangeResponse {
            message: Some(committed.message.into()),
        }))
    }
}

#[tonic::async_trait]
impl<S: Rooms + Log + ReadMarks> ChatService for Chat<S> {
    async fn create_room(
        &self,
        request: Request<wire::CreateRoomRequest>,
    ) -> Result<Response<wire::Room>, Status> {
        let asked = request.into_inner();
        let room = NewRoom::check(asked.id, asked.name, asked.description).map_err(Error::from)?;
        let room = self.store.create_room(room, self.clock.now()).await?;
        self.publisher.publish(room.publications());
        Ok(Response::new(room.into()))
    }

    async fn get_room(&self, request: Request<wire::GetRoomRequest>) -> Result<Response<wire::Room>, Status> {
        let asked = request.into_inner();
        fields::id("room_id", &asked.room_id)?;
        Ok(Response::new(self.existing(&asked.room_id).await?.into()))
    }

    async fn list_rooms(
        &self,
        request: Request<wire::ListRoomsRequest>,
    ) -> Result<Response<wire::ListRoomsResponse>, Status> {
        let asked = request.into_inner();
        let limit = fields::page_within("limit", asked.limit, ROOMS_MAX, ROOMS_MAX)?;
        let after = if asked.after_room_id.is_empty() {
            None
        } else {
            fields::id("after_room_id", &asked.after_room_id)?;
            Some(self.existing(&asked.after_room_id).await?)
        };
        let rooms = self.store.rooms(after.as_ref(), limit).await?;
        Ok(Response::new(wire::ListRoomsResponse {
            rooms: rooms.into_iter().map(Into::into).collect(),
        }))
    }

    async fn send_message(
        &self,
        request: Request<wire::SendMessageRequest>,
    ) -> Result<Response<wire::SendMessageResponse>, Status> {
        Ok(Response::new(
            sends::send(&self.appender, request.into_inner()).await?,
        ))
    }

    type SendMessagesStream = Outcomes;

    async fn send_messages(
        &self,
        request: Request<wire::SendMessagesRequest>,
    ) -> Result<Response<Self::SendMessagesStream>, Status> {
        let asked = request.into_inner().messages;
        if asked.len() > sends::MESSAGES_MAX {
            let problem = format!("must be at most {}, are {}", sends::MESSAGES_MAX, asked.len());
            return Err(Invalid::new("messages", problem).into());
        }
        let mut outcomes = Box::pin(sends::send_all(&self.appender, asked));
        // Most often these are all: so the call's place in the queue, its deadline and its metrics are those of a commit.
        let first = outcomes.next().await;
        let others = outcomes.take_until(tokio::time::sleep(deadline::remaining()));
        let all = stream::iter(first).chain(others).map(Ok);
        Ok(Response::new(Box::pin(all)))
    }

    async fn edit_message(
        &self,
        request: Request<wire::EditMessageRequest>,
    ) -> Result<Response<wire::ChangeResponse>, Status> {
        let asked = request.into_inner();
        let target = Target {
            room_id: asked.room_id,
            message_id: asked.message_id,
            user_id: asked.user_id,
        };
        self.change(Change::edit(target, asked.content)?).await
    }

    async fn delete_message(
        &self,
        request: Request<wire::DeleteMessageRequest>,
    ) -> Result<Response<wire::ChangeResponse>, Status> {
        let asked = request.into_inner();
        let target = Target {
            room_id: asked.room_id,
            message_id: asked.message_id,
            user_id: asked.user_id,
        };
        self.change(Change::Delete(target.check()?)).await
    }

    async fn history(
        &self,
        request: Request<wire::HistoryRequest>,
    ) -> Result<Response<wire::HistoryResponse>, Status> {
        let asked = request.into_inner();
        fields::id("room_id", &asked.room_id)?;
        let limit = fields::page("limit", asked.limit)?;
        let span = match (asked.before, asked.after) {
            (Some(_), Some(_)) => return Err(Invalid::new("before", "cannot be combined with after").into()),
            (None, Some(seq)) => Span::After(seq),
            (before, None) => Span::Before(before.unwrap_or(u64::MAX)),
        };
        let page = history::page(&self.store, &asked.room_id, span, limit).await?;
        Ok(Response::new(wire::HistoryResponse {
            messages: page.messages.into_iter().map(Into::into).collect(),
            last_seq: page.last_seq,
        }))
    }

    async fn changes_since(
        &self,
        request: Request<wire::ChangesSinceRequest>,
    ) -> Result<Response<wire::ChangesSinceResponse>, Status> {
        let (room_id, since) = since(request.into_inner())?;
        let answer = history::changes_since(&self.store, &room_id, since).await?;
        Ok(Response::new(answer.into()))
    }

    async fn changes_of_rooms(
        &self,
        request: Request<wire::ChangesOfRoomsRequest>,
    ) -> Result<Response<wire::ChangesOfRoomsResponse>, Status> {
        let asked = request.into_inner().pages;
        if asked.len() > PAGES_MAX {
            let problem = format!("must be at most {PAGES_MAX}, are {}", asked.len());
            return Err(Invalid::new("pages", problem).into());
        }
        let share = PAGES_BYTES / u32::try_from(asked.len().max(1)).unwrap_or(u32::MAX);
        let shared = |asked| {
            let (room_id, mut since) = since(asked)?;
            since.max_bytes = since.max_bytes.min(share);
            Ok((room_id, since))
        };
        let asked = asked
            .into_iter()
            .map(shared)
            .collect::<Result<Vec<_>, Invalid>>()?;
        let seqs: Vec<u64> = asked.iter().map(|(_, since)| since.seq).collect();
        let answers =
            history::changes_of_rooms(&self.store, &self.tasks, asked, deadline::remaining()).await?;
        let mut failures = answers.iter().filter_map(|answer| answer.as_ref().err());
        // Once per call: where one page can't be read, most often others can't, either.
        if let Some(Error::Store(cause)) = failures.find(|error| matches!(error, Error::Store(_))) {
            tracing::warn!(%cause, "pages can't be read");
        }
        let pages = seqs.into_iter().zip(answers);
        Ok(Response::new(wire::ChangesOfRoomsResponse {
            pages: pages.map(|(after, answer)| page_of_many(after, answer)).collect(),
        }))
    }

    async fn heads(
        &self,
        request: Request<wire::HeadsRequest>,
    ) -> Result<Response<wire::HeadsResponse>, Status> {
        let asked = request.into_inner();
        if asked.room_ids.len() > HEADS_MAX {
            let problem = format!("must be at most {HEADS_MAX}, are {}", asked.room_ids.len());
            return Err(Invalid::new("room_ids", problem).into());
        }
        for room_id in &asked.room_ids {
            fields::id("room_ids", room_id)?;
        }
        let distinct: HashSet<String> = asked.room_ids.into_iter().collect();
        let heads = self.store.heads(distinct.into_iter().collect()).await?;
        Ok(Response::new(wire::HeadsResponse {
            heads: heads.into_iter().map(Into::into).collect(),
        }))
    }

    async fn mark_read(
        &self,
        request: Request<wire::MarkReadRequest>,
    ) -> Result<Response<wire::MarkReadResponse>, Status> {
        let asked = request.into_inner();
        fields::id("room_id", &asked.room_id)?;
        fields::id("user_id", &asked.user_id)?;
        let head = self.existing(&asked.room_id).await?.last_seq;
        let seq = asked.seq.min(head);
        let seq = self.store.mark_read(&asked.room_id, &asked.user_id, seq).await?;
        Ok(Response::new(wire::MarkReadResponse { seq }))
    }

    async fn list_read_marks(
        &self,
        request: Request<wire::ListReadMarksRequest>,
    ) -> Result<Response<wire::ListReadMarksResponse>, Status> {
        let asked = request.into_inner();
        fields::id("user_id", &asked.user_id)?;
        let marks = self.store.read_marks(&asked.user_id).await?;
        Ok(Response::new(wire::ListReadMarksResponse {
            marks: marks.into_iter().map(mark).collect(),
        }))
    }
}

/// Which changes are asked for, of which room.
fn since(asked: wire::ChangesSinceRequest) -> Result<(String, Since), Invalid> {
    fields::id("room_id", &asked.room_id)?;
    let limit = fields::page_within("limit", asked.limit, CHANGES_DEFAULT, CHANGES_MAX)?;
    let max_bytes = fields::page_within(
        "max_bytes",
        asked.max_bytes,
        history::PAGE_BYTES,
        history::PAGE_BYTES,
    )?;
    if let Some(id) = &asked.after_id {
        fields::uuid("after_id", id)?;
    }
    let since = Since {
        seq: asked.after_seq,
        // As they are stored.
        id: asked.after_id.map(|id| id.to_ascii_lowercase()),
        up_to: (asked.up_to_seq > 0).then_some(asked.up_to_seq),
        limit,
        max_bytes,
    };
    Ok((asked.room_id, since))
}

/// A page among others; `after` is behind where it was asked for.
fn page_of_many(after: u64, answer: Result<Answer>) -> wire::ChangesSinceResponse {
    match answer {
        Ok(answer) => answer.into(),
        Err(Error::NoSuchRoom) => wire::ChangesSinceResponse {
            no_such_room: true,
            ..Default::default()
        },
        Err(_) => wire::ChangesSinceResponse {
            failed: true,
            complete_to: after,
            // A caller that does not know `failed` must not take this for the log's end.
            last_seq: after.saturating_add(1),
            ..Default::default()
        },
    }
}

fn mark((room_id, last_seq): (String, u64)) -> wire::Head {
    wire::Head {
        room_id,
        last_seq,
        last_id: String::new(),
    }
}

impl From<Head> for wire::Head {
    fn from(head: Head) -> Self {
        Self {
            room_id: head.room_id,
            last_seq: head.last_seq,
            last_id: head.last_id.unwrap_or_default(),
        }
    }
}

impl From<Answer> for wire::ChangesSinceResponse {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Changes(page) => {
                let changes = page.frames.into_iter();
                Self {
                    changes: changes.map(|(seq, frame)| wire::Change { seq, frame }).collect(),
                    complete_to: page.complete_to,
                    last_seq: page.last_seq,
                    ..Self::default()
                }
            }
            Answer::Forked(head) => Self {
                complete_to: head.last_seq,
                last_seq: head.last_seq,
                forked: true,
                last_id: head.last_id.unwrap_or_default(),
                ..Self::default()
            },
        }
    }
}

impl From<Room> for wire::Room {
    fn from(room: Room) -> Self {
        Self {
            id: room.id,
            name: room.name,
            description: room.description,
            created_at: Some(to_proto(room.created_at)),
            last_seq: room.last_seq,
        }
    }
}

impl From<Message> for wire::Message {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            room_id: message.room_id,
            user_id: message.user_id,
            username: message.username,
            content: message.content,
            message_type: message.message_type,
            file_url: message.file_url,
            created_at: Some(to_proto(message.created_at)),
            seq: message.seq,
            change_seq: message.change_seq,
            client_msg_id: message.client_msg_id,
            edited_at: message.edited_at.map(to_proto),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_failed_is_no_end_of_a_log_and_no_fork() {
        let why = sql::Error::Unavailable("gone".to_owned());
        let failed = page_of_many(7, Err(Error::Store(why)));
        assert!(failed.failed && !failed.no_such_room && !failed.forked && failed.changes.is_empty());
        // For callers that look at nothing else.
        assert_eq!((failed.complete_to, failed.last_seq), (7, 8));
        let nowhere = page_of_many(7, Err(Error::NoSuchRoom));
        assert!(nowhere.no_such_room && !nowhere.failed);
    }
}
