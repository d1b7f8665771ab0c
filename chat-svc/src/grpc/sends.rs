//! Messages that are sent: one by one, or many in a call.

use std::future::Future;

use futures_util::{Stream, StreamExt as _, stream::FuturesUnordered};
use proto::{
    chat::{
        SendMessageRequest, SendMessageResponse, SendMessagesResponse, SendOutcome, SendRefusal,
        send_outcome::Outcome,
    },
    time::to_proto,
};
use tonic::Status;

use crate::{
    error::{Error, Result},
    log::appender::Appender,
    message::{Change, NewMessage},
};

/// Most messages in one call.
pub(super) const MESSAGES_MAX: usize = 256;

/// Puts a message into the queue of its room's log; the answer comes when it is durable.
pub(super) fn send(
    appender: &Appender,
    asked: SendMessageRequest,
) -> impl Future<Output = Result<SendMessageResponse>> + use<> {
    let queued = queue(appender, asked);
    async move {
        let result = match queued {
            Ok(answer) => answer.await,
            Err(error) => Err(error),
        };
        count(&result);
        result
    }
}

/// The outcomes of many, each as soon as it is known, and as many at once as are known then.
pub(super) fn send_all(
    appender: &Appender,
    asked: Vec<SendMessageRequest>,
) -> impl Stream<Item = SendMessagesResponse> + use<> {
    let sends: FuturesUnordered<_> = (0..)
        .zip(asked)
        .map(|(index, asked)| {
            let sent = send(appender, asked);
            async move { outcome(index, sent.await) }
        })
        .collect();
    sends
        .ready_chunks(MESSAGES_MAX)
        .map(|outcomes| SendMessagesResponse { outcomes })
}

fn queue(
    appender: &Appender,
    asked: SendMessageRequest,
) -> Result<impl Future<Output = Result<SendMessageResponse>> + use<>> {
    let message = NewMessage {
        room_id: asked.room_id,
        user_id: asked.user_id,
        username: asked.username,
        content: asked.content,
        message_type: asked.message_type,
        file_url: asked.file_url,
        client_msg_id: asked.client_msg_id,
    };
    let committed = appender.queue(Change::Send(message.check()?))?;
    Ok(async move {
        let committed = committed.await?;
        Ok(SendMessageResponse {
            seq: committed.message.seq,
            created_at: Some(to_proto(committed.message.created_at)),
            id: committed.message.id,
            repeated: committed.repeated,
        })
    })
}

fn outcome(index: u32, result: Result<SendMessageResponse>) -> SendOutcome {
    let outcome = match result {
        Ok(stored) => Outcome::Stored(stored),
        Err(error) => {
            let status = Status::from(error);
            Outcome::Refused(SendRefusal {
                code: status.code().into(),
                message: status.message().to_owned(),
            })
        }
    };
    SendOutcome {
        index,
        outcome: Some(outcome),
    }
}

fn count(result: &Result<SendMessageResponse>) {
    let label = match result {
        Ok(response) if response.repeated => "repeated",
        Ok(_) => "stored",
        Err(Error::Busy) => "shed",
        Err(Error::Store(_) | Error::Stopping) => "failed",
        Err(_) => "refused",
    };
    metrics::counter!("chatflow_chat_sends_total", "result" => label).increment(1);
}
