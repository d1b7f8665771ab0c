//! Who is at the door: a session's token, or, with open access, a name alone.

mod identities;

use proto::fields::{self, Invalid};
use runtime::Shutdown;

use self::identities::Identities;
use crate::upstream::Upstream;

/// Lets callers in, or says why not. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Door {
    identities: Identities,
    open_access: bool,
}

/// What a caller says of itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Claim<'a> {
    /// The session's token, from `Authorization: Bearer` or a `Sec-WebSocket-Protocol` entry.
    pub token: Option<&'a str>,
    /// The user id it wants to act as.
    pub user_id: Option<&'a str>,
    /// The name it wants to be shown under.
    pub username: Option<&'a str>,
}

/// A caller that was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who it acts as.
    pub user_id: String,
    /// The name it is shown under.
    pub username: String,
    /// Whether a token proved it.
    pub proven: bool,
}

/// Why a caller was not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No token, or one that is unknown or over: HTTP 401, close code 4401.
    NotSignedIn,
    /// The token is another user's, or an account owns the name: HTTP 403, close code 4403.
    NotAllowed,
    /// A field breaks its rule: HTTP 422, close code 4400.
    Invalid(Invalid),
    /// Who this is can't be found out right now: HTTP 503.
    Unavailable,
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl Door {
    /// With `open_access`, a caller without a token may act under any name that no account owns.
    pub fn new(upstream: &Upstream, open_access: bool, shutdown: &Shutdown) -> Self {
        Self {
            identities: Identities::start(upstream, shutdown),
            open_access,
        }
    }

    /// Whether names alone are enough.
    pub fn open_access(&self) -> bool {
        self.open_access
    }

    /// Lets a caller in, within the deadline of whatever asks.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn admit(&self, claim: Claim<'_>) -> Result<Caller, Refusal> {
        match claim.token {
            Some(token) => self.by_token(token, claim).await,
            None if self.open_access => self.by_name(claim).await,
            None => Err(Refusal::NotSignedIn),
        }
    }

    async fn by_token(&self, token: &str, claim: Claim<'_>) -> Result<Caller, Refusal> {
        let found = self.identities.of_token(token).await;
        let identity = found.ok_or(Refusal::Unavailable)?.ok_or(Refusal::NotSignedIn)?;
        if claim.user_id.is_some_and(|wanted| wanted != identity.user_id) {
            return Err(Refusal::NotAllowed);
        }
        Ok(Caller {
            user_id: identity.user_id,
            username: identity.username,
            proven: true,
        })
    }

    async fn by_name(&self, claim: Claim<'_>) -> Result<Caller, Refusal> {
        let user_id = claim.user_id.ok_or(Refusal::NotSignedIn)?;
        fields::id("user_id", user_id)?;
        let username = claim.username.filter(|name| !name.is_empty()).unwrap_or(user_id);
        fields::username("username", username)?;
        if self
            .identities
            .is_owned(user_id)
            .await
            .ok_or(Refusal::Unavailable)?
        {
            return Err(Refusal::NotAllowed);
        }
        Ok(Caller {
            user_id: user_id.to_owned(),
            username: username.to_owned(),
            proven: false,
        })
    }
}
