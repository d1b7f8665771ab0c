//! Whose tokens and names these are: asked of chat-svc for many callers at a time.

use std::time::Duration;

use proto::chat::{IdentifyRequest, IdentifyResponse, Identity};
use runtime::{Shutdown, deadline};
use tokio::time::timeout;

use crate::{
    gather::{Bounds, Gather},
    upstream::{Upstream, whole},
};

/// For tokens, and for names the same again: half of what one call may ask, and so many calls at most. A crowd that comes
/// back all at once must not push aside what those who are here say; most often all of it has the one or the other.
const BOUNDS: Bounds = Bounds {
    together: 500,
    calls: 4,
    waiting: 4096,
};

/// How long one call may take.
const CALL: Duration = Duration::from_secs(5);

/// The longest token that chat-svc is asked about, in bytes; its own are shorter. One caller must not fill the call of
/// others.
const TOKEN_BYTES: usize = 256;

/// Asks chat-svc, within the deadline of whoever wants to know. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Identities {
    of_tokens: Gather<String, Option<Identity>>,
    owned: Gather<String, bool>,
}

impl Identities {
    pub(super) fn start(upstream: &Upstream, shutdown: &Shutdown) -> Self {
        let of_tokens = gather(
            upstream,
            shutdown,
            |tokens| IdentifyRequest {
                tokens,
                ..IdentifyRequest::default()
            },
            |answer| answer.identities.into_iter().map(known).collect(),
        );
        let owned = gather(
            upstream,
            shutdown,
            |user_ids| IdentifyRequest {
                user_ids,
                ..IdentifyRequest::default()
            },
            |answer| answer.owned,
        );
        Self { of_tokens, owned }
    }

    /// Whose token this is, nobody's where it opens nothing; no answer where chat-svc gives none.
    pub(super) async fn of_token(&self, token: &str) -> Option<Option<Identity>> {
        if token.len() > TOKEN_BYTES {
            return Some(None);
        }
        let answer = self.of_tokens.ask(token.to_owned());
        timeout(deadline::remaining(), answer).await.ok().flatten()
    }

    /// Whether an account owns this user id, which has to be one; no answer where chat-svc gives none.
    pub(super) async fn is_owned(&self, user_id: &str) -> Option<bool> {
        let answer = self.owned.ask(user_id.to_owned());
        timeout(deadline::remaining(), answer).await.ok().flatten()
    }
}

/// Asks about many at a time: `request` makes one question of theirs, `answers` tells its answers apart.
fn gather<A: Send + 'static>(
    upstream: &Upstream,
    shutdown: &Shutdown,
    request: fn(Vec<String>) -> IdentifyRequest,
    answers: fn(IdentifyResponse) -> Vec<A>,
) -> Gather<String, A> {
    let upstream = upstream.clone();
    Gather::start(BOUNDS, shutdown, move |asked, mut askers| {
        let answer = identify(upstream.clone(), request(asked));
        async move { askers.answer_in_order(answers(answer.await)) }
    })
}

/// No answers where chat-svc does not answer.
async fn identify(upstream: Upstream, request: IdentifyRequest) -> IdentifyResponse {
    let ask = || {
        let (mut identity, request) = (upstream.identity.clone(), request.clone());
        async move { identity.identify(request).await }
    };
    match whole::within(CALL, &upstream.budgets.chat, ask).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => {
            upstream.older.failed("Identify", &status);
            tracing::debug!(code = ?status.code(), message = status.message(), "nobody can be identified");
            IdentifyResponse::default()
        }
    }
}

fn known(identity: Identity) -> Option<Identity> {
    (!identity.user_id.is_empty()).then_some(identity)
}
