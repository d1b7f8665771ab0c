//! What every REST handler works with, and who may do what.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{input::Bearer, problem::Problem};
use crate::{
    door::{Caller, Claim, Door},
    upstream::Upstream,
};

/// Uploads that one process takes at once; more are told to come back.
const MAX_UPLOADS: usize = 256;

/// The state of all handlers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// The services.
    pub upstream: Upstream,
    /// Who may come in.
    pub door: Door,
    /// The largest file, in bytes.
    pub max_upload_bytes: u64,
    /// Places for uploads.
    pub uploads: Arc<Semaphore>,
}

impl App {
    /// With a cap on a file's size, in bytes.
    pub fn new(upstream: Upstream, door: Door, max_upload_bytes: u64) -> Self {
        Self {
            upstream,
            door,
            max_upload_bytes,
            uploads: Arc::new(Semaphore::new(MAX_UPLOADS)),
        }
    }

    /// Who acts: the token's user, or, with open access and without a token, whom the request names.
    pub async fn actor(
        &self,
        Bearer(token): &Bearer,
        user_id: Option<&str>,
        username: Option<&str>,
    ) -> Result<Caller, Problem> {
        if token.is_none() && user_id.is_none() && self.door.open_access() {
            return Err(Problem::field("user_id", "is required without a token"));
        }
        let claim = Claim {
            token: token.as_deref(),
            user_id,
            username,
        };
        Ok(self.door.admit(claim).await?)
    }

    /// A user, for what is theirs alone.
    pub async fn owner(&self, bearer: &Bearer, user_id: &str) -> Result<Caller, Problem> {
        proto::fields::id("user_id", user_id)?;
        self.actor(bearer, Some(user_id), None).await
    }

    /// Anybody who may look: the token's user, or, with open access and without a token, nobody in particular.
    pub async fn visitor(&self, Bearer(token): &Bearer) -> Result<Option<Caller>, Problem> {
        if token.is_none() && self.door.open_access() {
            return Ok(None);
        }
        let claim = Claim {
            token: token.as_deref(),
            ..Claim::default()
        };
        Ok(Some(self.door.admit(claim).await?))
    }
}
