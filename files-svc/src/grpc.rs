//! RPC ↔ domain: reads requests, checks their fields, words the answers.

mod incoming;

use std::{pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use http_body_util::BodyExt as _;
use proto::{
    fields::{self, Invalid},
    files::{
        self as pb,
        download_response::Part,
        files_service_server::{FilesService, FilesServiceServer},
    },
    time,
};
use runtime::Shutdown;
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    service::{LayerExt as _, RoutesBuilder},
};
use tower::util::MapRequestLayer;
use uuid::Uuid;

use crate::{
    download::Downloads, error::Error, file::File, limits::Limits, store::FileStore, upload::Uploads,
};

/// The service's RPCs.
pub(crate) struct Grpc {
    pub(crate) uploads: Uploads,
    pub(crate) downloads: Downloads,
    pub(crate) files: Arc<dyn FileStore>,
    pub(crate) limits: Limits,
    pub(crate) shutdown: Shutdown,
}

#[tonic::async_trait]
impl FilesService for Grpc {
    type DownloadStream = Pin<Box<dyn Stream<Item = Result<pb::DownloadResponse, Status>> + Send>>;

    async fn upload(
        &self,
        request: Request<Streaming<pb::UploadRequest>>,
    ) -> Result<Response<pb::File>, Status> {
        let place = self.uploads.begin()?;
        let mut messages = request.into_inner();
        let new = incoming::start(&mut messages, self.limits.stall, &self.shutdown).await?;
        let file = self
            .uploads
            .receive(place, new, incoming::chunks(messages))
            .await?;
        Ok(Response::new(file.into()))
    }

    async fn get_file(&self, request: Request<pb::GetFileRequest>) -> Result<Response<pb::File>, Status> {
        let id = file_id(&request.get_ref().file_id)?;
        let file = self.files.get(id).await.map_err(Error::from)?;
        Ok(Response::new(file.ok_or(Error::NotFound)?.into()))
    }

    async fn list_files(
        &self,
        request: Request<pb::ListFilesRequest>,
    ) -> Result<Response<pb::ListFilesResponse>, Status> {
        let pb::ListFilesRequest { room_id, limit } = request.into_inner();
        let room_id = Some(room_id).filter(|room_id| !room_id.is_empty());
        if let Some(room_id) = &room_id {
            fields::id("room_id", room_id)?;
        }
        let limit = fields::page("limit", limit)?;
        let files = self.files.list(room_id, limit).await.map_err(Error::from)?;
        Ok(Response::new(pb::ListFilesResponse {
            files: files.into_iter().map(pb::File::from).collect(),
        }))
    }

    async fn download(
        &self,
        request: Request<pb::DownloadRequest>,
    ) -> Result<Response<Self::DownloadStream>, Status> {
        let pb::DownloadRequest {
            file_id: id,
            offset,
            length,
        } = request.into_inner();
        let download = self.downloads.open(file_id(&id)?, offset, length).await?;
        let start = Part::Start(pb::DownloadStart {
            file: Some(download.file.into()),
            offset: download.offset,
            length: download.length,
        });
        let chunks = download.chunks.map_ok(Part::Chunk).map_err(Status::from);
        let parts = stream::once(async { Ok(start) }).chain(chunks);
        let responses = parts.map_ok(|part| pb::DownloadResponse { part: Some(part) });
        Ok(Response::new(Box::pin(responses)))
    }
}

/// Adds the service to a server's routes.
///
/// tonic's decoder takes a request that its caller cancelled for one that ended, and half a file would be stored: here
/// a body that breaks off becomes an error that is not passed over.
pub(crate) fn add(grpc: Grpc, routes: &mut RoutesBuilder) {
    let unbroken = |request: http::Request<Body>| {
        request.map(|body| Body::new(body.map_err(|_| Status::aborted("the request broke off"))))
    };
    routes.add_service(MapRequestLayer::new(unbroken).named_layer(FilesServiceServer::new(grpc)));
}

fn file_id(id: &str) -> Result<Uuid, Invalid> {
    fields::uuid("file_id", id)?;
    Uuid::try_parse(id).map_err(|_| Invalid::new("file_id", "must be a UUID"))
}

impl From<File> for pb::File {
    fn from(file: File) -> Self {
        Self {
            id: file.id.to_string(),
            original_name: file.original_name,
            content_type: file.content_type,
            size_bytes: file.size_bytes,
            room_id: file.room_id,
            user_id: file.user_id,
            created_at: Some(time::to_proto(file.created_at)),
            sha256: file.sha256,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut as _, Bytes, BytesMut};
    use http_body::Frame;
    use http_body_util::StreamBody;
    use prost::Message as _;
    use proto::files::{UploadRequest, UploadStart, upload_request};
    use runtime::health::Health;
    use tower::ServiceExt as _;

    use super::*;
    use crate::{
        objects::{self, Place},
        store::SqlFiles,
    };

    fn message(part: upload_request::Part) -> Bytes {
        let message = UploadRequest { part: Some(part) }.encode_to_vec();
        let mut framed = BytesMut::new();
        framed.put_u8(0);
        framed.put_u32(u32::try_from(message.len()).unwrap());
        framed.put_slice(&message);
        framed.freeze()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_cancelled_upload_does_not_pass_for_one_that_ended() {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}/files.db", folder.path().display());
        let (shutdown, limits) = (Shutdown::new(), Limits::default());
        let files = SqlFiles::open(&database.parse().unwrap()).unwrap();
        files.bring_up(Health::new().part("files-store"), &shutdown).await;
        let files: Arc<dyn FileStore> = Arc::new(files);
        let objects = objects::open(&Place::Directory(folder.path().join("files"))).unwrap();
        let mut routes = RoutesBuilder::default();
        let grpc = Grpc {
            uploads: Uploads::new(&files, &objects, limits, &shutdown),
            downloads: Downloads::new(&files, &objects, limits, &shutdown),
            files: Arc::clone(&files),
            limits,
            shutdown,
        };
        add(grpc, &mut routes);

        let start = message(upload_request::Part::Start(UploadStart {
            original_name: "half".to_owned(),
            room_id: "general".to_owned(),
            user_id: "alice".to_owned(),
        }));
        let chunk = message(upload_request::Part::Chunk("half of it".into()));
        // As a caller's RST_STREAM(CANCEL) ends a body.
        let frames = [
            Ok(Frame::data(start)),
            Ok(Frame::data(chunk)),
            Err(Status::cancelled("gone")),
        ];
        let request = http::Request::post("/chatflow.files.v1.FilesService/Upload")
            .header("content-type", "application/grpc")
            .body(Body::new(StreamBody::new(stream::iter(frames))))
            .unwrap();
        let answer = routes.routes().oneshot(request).await.unwrap();
        let status = Status::from_header_map(answer.headers()).expect("no answer but a status");
        assert_eq!(status.code(), tonic::Code::Cancelled);
        assert_eq!(files.list(None, 1).await.unwrap(), []);
    }
}
