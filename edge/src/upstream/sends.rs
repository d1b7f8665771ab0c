//! Messages on their way to chat-svc: what many send at the same time goes there in one call.

use std::time::{Duration, Instant};

use proto::chat::{
    SendMessageRequest, SendMessageResponse, SendMessagesRequest, SendMessagesResponse, SendOutcome,
    chat_service_client::ChatServiceClient, send_outcome::Outcome,
};
use runtime::{Shutdown, client::Channel, deadline};
use tokio::time::timeout;
use tonic::Status;

use super::older::Older;
use crate::gather::{Askers, Bounds, Gather};

/// A lone message waits for nobody, and a few are under way by themselves: only where many send do they share calls. Even if each is as long as may
/// be, a call stays within the 4 MiB that chat-svc takes. What waits is bounded by what connections may have in flight.
const BOUNDS: Bounds = Bounds {
    together: 48,
    calls: 16,
    waiting: 4096,
};

type Sent = Result<SendMessageResponse, Status>;

/// Sends. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sends(Gather<Sending, Sent>);

#[derive(Debug)]
struct Sending {
    message: SendMessageRequest,
    /// Nobody waits for its outcome after this.
    by: Instant,
}

impl Sends {
    pub(super) fn start(chat: ChatServiceClient<Channel>, older: Older, shutdown: &Shutdown) -> Self {
        Self(Gather::start(BOUNDS, shutdown, move |sends, askers| {
            send_all(chat.clone(), older.clone(), sends, askers)
        }))
    }

    /// Sends a message, as `SendMessage` does, within the current deadline. The call belongs to no trace and has no
    /// request id of its own: who is traced calls alone.
    ///
    /// # Errors
    /// As `SendMessage`.
    pub async fn send(&self, message: SendMessageRequest) -> Sent {
        let left = deadline::remaining();
        let by = Instant::now() + left;
        match timeout(left, self.0.ask(Sending { message, by })).await {
            Ok(Some(sent)) => sent,
            Ok(None) => Err(Status::unavailable("the process is ending")),
            Err(_) => Err(Status::deadline_exceeded("no outcome within the deadline")),
        }
    }
}

async fn send_all(
    chat: ChatServiceClient<Channel>,
    older: Older,
    sends: Vec<Sending>,
    mut askers: Askers<Sent>,
) {
    let by = sends.iter().map(|sending| sending.by).max();
    let left = by.map_or(Duration::ZERO, |by| by.saturating_duration_since(Instant::now()));
    let messages: Vec<_> = sends.into_iter().map(|sending| sending.message).collect();
    let call = deadline::within(left, call(chat, messages, &mut askers));
    let failed = match timeout(left, call).await {
        Ok(Ok(())) => Status::unavailable("chat-svc told no outcome"),
        Ok(Err(status)) => status,
        Err(_) => Status::deadline_exceeded("no outcome within the deadline"),
    };
    older.failed("SendMessages", &failed);
    askers.answer_rest(|| Err(failed.clone()));
}

async fn call(
    mut chat: ChatServiceClient<Channel>,
    messages: Vec<SendMessageRequest>,
    askers: &mut Askers<Sent>,
) -> Result<(), Status> {
    let mut answers = chat
        .send_messages(SendMessagesRequest { messages })
        .await?
        .into_inner();
    while let Some(SendMessagesResponse { outcomes }) = answers.message().await? {
        for SendOutcome { index, outcome } in outcomes {
            let sent = match outcome {
                Some(Outcome::Stored(stored)) => Ok(stored),
                Some(Outcome::Refused(refused)) => Err(Status::new(refused.code.into(), refused.message)),
                None => Err(Status::unknown("an outcome that this edge does not know")),
            };
            askers.answer(index as usize, sent);
        }
    }
    Ok(())
}
