//! The RPCs of `chatflow.notify.v1`: what comes in is checked here, what goes out is put into words here.

use std::sync::Arc;

use proto::{
    fields::{self, Invalid},
    notify::{
        CreateRequest, CreateResponse, DeleteRequest, DeleteResponse, ListRequest, ListResponse,
        MarkAllReadRequest, MarkAllReadResponse, MarkReadRequest, Notification, UnreadCountRequest,
        UnreadCountResponse,
        notify_service_server::{NotifyService, NotifyServiceServer},
    },
};
use tonic::{
    Request, Response, Status,
    service::{Routes, RoutesBuilder},
};

use crate::{Draft, Error, Notifications};

type Answer<T> = Result<Response<T>, Status>;

struct Grpc {
    notifications: Arc<Notifications>,
}

/// The service, to be served.
pub(crate) fn routes(notifications: Arc<Notifications>) -> RoutesBuilder {
    let mut routes = Routes::builder();
    routes.add_service(NotifyServiceServer::new(Grpc { notifications }));
    routes
}

#[tonic::async_trait]
impl NotifyService for Grpc {
    async fn create(&self, request: Request<CreateRequest>) -> Answer<CreateResponse> {
        let draft = Draft::check(request.into_inner()).map_err(Error::from)?;
        let created = self.notifications.create(draft).await?;
        Ok(Response::new(CreateResponse {
            notification: Some(created.notification.into()),
            repeated: created.repeated,
        }))
    }

    async fn list(&self, request: Request<ListRequest>) -> Answer<ListResponse> {
        let ListRequest {
            user_id,
            unread_only,
            limit,
        } = request.into_inner();
        fields::id("user_id", &user_id)?;
        let limit = fields::page("limit", limit)?;
        let found = self.notifications.list(&user_id, unread_only, limit).await?;
        Ok(Response::new(ListResponse {
            notifications: found.into_iter().map(Into::into).collect(),
        }))
    }

    async fn unread_count(&self, request: Request<UnreadCountRequest>) -> Answer<UnreadCountResponse> {
        let UnreadCountRequest { user_id } = request.into_inner();
        fields::id("user_id", &user_id)?;
        let unread_count = self.notifications.unread_count(&user_id).await?;
        Ok(Response::new(UnreadCountResponse { unread_count }))
    }

    async fn mark_read(&self, request: Request<MarkReadRequest>) -> Answer<Notification> {
        let MarkReadRequest { id, user_id } = request.into_inner();
        let (id, owner) = (stored_id(&id)?, owner(&user_id)?);
        let notification = self.notifications.mark_read(&id, owner).await?;
        Ok(Response::new(notification.into()))
    }

    async fn mark_all_read(&self, request: Request<MarkAllReadRequest>) -> Answer<MarkAllReadResponse> {
        let MarkAllReadRequest { user_id } = request.into_inner();
        fields::id("user_id", &user_id)?;
        let changed = self.notifications.mark_all_read(&user_id).await?;
        Ok(Response::new(MarkAllReadResponse { changed }))
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Answer<DeleteResponse> {
        let DeleteRequest { id, user_id } = request.into_inner();
        let (id, owner) = (stored_id(&id)?, owner(&user_id)?);
        self.notifications.delete(&id, owner).await?;
        Ok(Response::new(DeleteResponse {}))
    }
}

/// A notification's id as it is stored: UUIDs are the same in either case.
fn stored_id(id: &str) -> Result<String, Invalid> {
    fields::uuid("id", id)?;
    Ok(id.to_ascii_lowercase())
}

/// Whose a notification has to be; empty: anyone's.
fn owner(user_id: &str) -> Result<Option<&str>, Invalid> {
    if user_id.is_empty() {
        return Ok(None);
    }
    fields::id("user_id", user_id)?;
    Ok(Some(user_id))
}
