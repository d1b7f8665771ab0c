//! `chatflow.chat.v1.IdentityService`.

use proto::{
    chat::{self as wire, identity_service_server::IdentityService},
    fields::Invalid,
    time::to_proto,
};
use tonic::{Request, Response, Status};

use crate::{
    identity::{self, Identities, Opened},
    store,
};

/// Most tokens and user ids in one call.
const IDENTIFY_MAX: usize = 1000;

/// The service.
#[derive(Debug, Clone)]
pub struct Identity<S> {
    /// Who is who.
    pub identities: Identities<S>,
}

#[tonic::async_trait]
impl<S: store::Identities> IdentityService for Identity<S> {
    async fn sign_in_guest(
        &self,
        request: Request<wire::SignInGuestRequest>,
    ) -> Result<Response<wire::Session>, Status> {
        let asked = request.into_inner();
        let opened = self
            .identities
            .sign_in_guest(asked.user_id, asked.username)
            .await?;
        Ok(Response::new(opened.into()))
    }

    async fn register(
        &self,
        request: Request<wire::RegisterRequest>,
    ) -> Result<Response<wire::Session>, Status> {
        let asked = request.into_inner();
        let opened = self
            .identities
            .register(asked.user_id, asked.username, asked.password)
            .await?;
        Ok(Response::new(opened.into()))
    }

    async fn sign_in(
        &self,
        request: Request<wire::SignInRequest>,
    ) -> Result<Response<wire::Session>, Status> {
        let asked = request.into_inner();
        let opened = self.identities.sign_in(&asked.user_id, asked.password).await?;
        Ok(Response::new(opened.into()))
    }

    async fn authenticate(
        &self,
        request: Request<wire::AuthenticateRequest>,
    ) -> Result<Response<wire::Identity>, Status> {
        let identity = self.identities.authenticate(&request.into_inner().token).await?;
        Ok(Response::new(identity.into()))
    }

    async fn sign_out(
        &self,
        request: Request<wire::SignOutRequest>,
    ) -> Result<Response<wire::SignOutResponse>, Status> {
        self.identities.sign_out(&request.into_inner().token).await?;
        Ok(Response::new(wire::SignOutResponse {}))
    }

    async fn is_owned(
        &self,
        request: Request<wire::IsOwnedRequest>,
    ) -> Result<Response<wire::IsOwnedResponse>, Status> {
        let owned = self.identities.is_owned(&request.into_inner().user_id).await?;
        Ok(Response::new(wire::IsOwnedResponse { owned }))
    }

    async fn identify(
        &self,
        request: Request<wire::IdentifyRequest>,
    ) -> Result<Response<wire::IdentifyResponse>, Status> {
        let wire::IdentifyRequest { tokens, user_ids } = request.into_inner();
        let count = tokens.len() + user_ids.len();
        if count > IDENTIFY_MAX {
            let problem = format!("must be at most {IDENTIFY_MAX} with the tokens, are {count}");
            return Err(Invalid::new("user_ids", problem).into());
        }
        let owned = self.identities.are_owned(&user_ids).await?;
        let identities = self.identities.authenticate_all(&tokens).await?;
        Ok(Response::new(wire::IdentifyResponse {
            identities: identities
                .into_iter()
                .map(|identity| identity.map(Into::into).unwrap_or_default())
                .collect(),
            owned,
        }))
    }
}

impl From<identity::Identity> for wire::Identity {
    fn from(identity: identity::Identity) -> Self {
        Self {
            user_id: identity.user_id,
            username: identity.username,
            guest: identity.guest,
        }
    }
}

impl From<Opened> for wire::Session {
    fn from(opened: Opened) -> Self {
        Self {
            token: opened.token,
            identity: Some(opened.identity.into()),
            expires_at: Some(to_proto(opened.expires_at)),
        }
    }
}
