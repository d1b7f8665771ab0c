//! A service of the test's own on stores of its own, and a caller.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use files_svc::{
    Config, Limits,
    objects::{Place, REGION, S3Place},
};
use proto::files::{
    DownloadRequest, DownloadStart, File, UploadRequest, UploadStart, download_response,
    files_service_client::FilesServiceClient, upload_request::Part,
};
use runtime::{Fatal, Secret, Shutdown, health::Health, settings::Listen};
use tempfile::TempDir;
use test_support::{postgres, s3, wait};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tonic::{Status, transport::Channel};

/// The bucket of every test; each has a server of its own.
pub(crate) const BUCKET: &str = "chatfiles";

/// Runs each test on a directory and on S3.
macro_rules! on_both_stores {
    ($($test:ident),* $(,)?) => {
        mod directory {
            use crate::setup::Kept;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(Kept::directory()).await; })*
        }
        mod s3 {
            use crate::setup::Kept;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(Kept::s3().await).await; })*
        }
    };
}
pub(crate) use on_both_stores;

/// Where a test's bytes and rows are kept, longer than its service lives.
pub(crate) struct Kept {
    folder: TempDir,
    pub(crate) s3: Option<s3::Server>,
    pub(crate) postgres: Option<postgres::Database>,
}

impl Kept {
    /// A directory, and SQLite.
    pub(crate) fn directory() -> Arc<Self> {
        Arc::new(Self {
            folder: tempfile::tempdir().unwrap(),
            s3: None,
            postgres: None,
        })
    }

    /// An S3 server without a bucket, and SQLite.
    pub(crate) async fn s3() -> Arc<Self> {
        Arc::new(Self {
            folder: tempfile::tempdir().unwrap(),
            s3: Some(s3::Server::start_new().await),
            postgres: None,
        })
    }

    /// A directory, and PostgreSQL.
    pub(crate) fn postgres(database: postgres::Database) -> Arc<Self> {
        Arc::new(Self {
            folder: tempfile::tempdir().unwrap(),
            s3: None,
            postgres: Some(database),
        })
    }

    pub(crate) fn place(&self) -> Place {
        match &self.s3 {
            None => Place::Directory(self.folder.path().join("files")),
            Some(server) => Place::S3(S3Place {
                endpoint: server.url(),
                access_key: Secret::new(s3::ACCESS_KEY),
                secret_key: Secret::new(s3::SECRET_KEY),
                bucket: BUCKET.to_owned(),
                region: REGION.to_owned(),
            }),
        }
    }

    /// The whole objects.
    pub(crate) fn objects(&self) -> Vec<PathBuf> {
        match &self.s3 {
            None => {
                let mut files = files_below(&self.folder.path().join("files"));
                files.retain(|file| !file.parent().unwrap().ends_with("unfinished"));
                files
            }
            Some(server) => server.objects(BUCKET),
        }
    }

    /// What is on its way.
    pub(crate) fn unfinished(&self) -> Vec<PathBuf> {
        match &self.s3 {
            None => files_below(&self.folder.path().join("files/unfinished")),
            Some(server) => std::fs::read_dir(server.root())
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .filter(|path| {
                    let name = path.file_name().unwrap().to_string_lossy();
                    name.starts_with(".upload")
                })
                .collect(),
        }
    }

    /// Waits until the store holds `objects` objects and nothing unfinished.
    pub(crate) async fn holds(&self, objects: usize) {
        // A health probe may lie there for a moment.
        wait::until(wait::SOON, "nothing is left in the store", async || {
            self.objects().len() == objects && self.unfinished().is_empty()
        })
        .await;
    }

    fn config(&self, limits: Limits) -> Config {
        let folder = self.folder.path().display();
        let database = match &self.postgres {
            None => format!("sqlite://{folder}/files.db"),
            Some(database) => database.url().to_owned(),
        };
        Config {
            listen: Listen {
                bind: [127, 0, 0, 1].into(),
                port: 0,
                admin_port: None,
            },
            database: database.parse().unwrap(),
            objects: self.place(),
            limits,
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files_below(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// A running service.
pub(crate) struct Service {
    pub(crate) client: FilesServiceClient<Channel>,
    pub(crate) health: Health,
    pub(crate) shutdown: Shutdown,
    serving: JoinHandle<Result<(), Fatal>>,
}

impl Service {
    /// Starts one and waits until it is ready.
    pub(crate) async fn start(kept: &Kept) -> Self {
        Self::start_with(kept, Limits::default()).await
    }

    pub(crate) async fn start_with(kept: &Kept, limits: Limits) -> Self {
        let service = Self::start_unready(kept, limits).await;
        service.is_ready().await;
        service
    }

    pub(crate) async fn start_unready(kept: &Kept, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (health, shutdown) = (Health::new(), Shutdown::new());
        let serving = files_svc::serve_on(listener, kept.config(limits), health.clone(), shutdown.clone());
        let serving = tokio::spawn(serving);
        let channel = Channel::from_shared(format!("http://{address}"))
            .unwrap()
            .connect_lazy();
        Self {
            client: FilesServiceClient::new(channel),
            health,
            shutdown,
            serving,
        }
    }

    pub(crate) async fn is_ready(&self) {
        wait::until(wait::START, "the service is ready", async || {
            self.health.report().len() == 2 && self.health.is_ready()
        })
        .await;
    }

    /// Ends it in good order.
    pub(crate) async fn stop(self) {
        self.shutdown.begin();
        self.serving.await.unwrap().unwrap();
        self.shutdown.finish().await;
    }

    /// Uploads a file in chunks of 64 KiB.
    pub(crate) async fn upload(&self, name: &str, bytes: impl Into<Bytes>) -> Result<File, Status> {
        self.upload_to("general", name, bytes).await
    }

    pub(crate) async fn upload_to(
        &self,
        room: &str,
        name: &str,
        bytes: impl Into<Bytes>,
    ) -> Result<File, Status> {
        let mut bytes: Bytes = bytes.into();
        let mut parts = vec![start(room, name)];
        while !bytes.is_empty() {
            parts.push(chunk(bytes.split_to(bytes.len().min(64 * 1024))));
        }
        self.send(parts).await
    }

    pub(crate) async fn send(&self, parts: Vec<UploadRequest>) -> Result<File, Status> {
        let answer = self.client.clone().upload(tokio_stream::iter(parts)).await;
        answer.map(tonic::Response::into_inner)
    }

    /// Begins an upload that the test goes on with.
    pub(crate) async fn begin(&self, name: &str) -> Upload {
        let (parts, messages) = mpsc::channel(1);
        let mut client = self.client.clone();
        let call = tokio::spawn(async move {
            let answer = client.upload(ReceiverStream::new(messages)).await;
            answer.map(tonic::Response::into_inner)
        });
        parts.send(start("general", name)).await.unwrap();
        Upload { parts, call }
    }

    pub(crate) async fn download(
        &self,
        id: &str,
        offset: u64,
        length: Option<u64>,
    ) -> Result<(DownloadStart, Vec<u8>), Status> {
        let request = DownloadRequest {
            file_id: id.to_owned(),
            offset,
            length,
        };
        let mut answer = self.client.clone().download(request).await?.into_inner();
        let first = answer.next().await.expect("a first message")?;
        let Some(download_response::Part::Start(start)) = first.part else {
            panic!("the first message is no start");
        };
        let mut bytes = Vec::new();
        while let Some(message) = answer.next().await {
            match message?.part {
                Some(download_response::Part::Chunk(chunk)) => {
                    assert!((1..=64 * 1024).contains(&chunk.len()), "{}", chunk.len());
                    bytes.extend_from_slice(&chunk);
                }
                other => panic!("no chunk: {other:?}"),
            }
        }
        Ok((start, bytes))
    }
}

/// An upload on its way.
pub(crate) struct Upload {
    parts: mpsc::Sender<UploadRequest>,
    call: JoinHandle<Result<File, Status>>,
}

impl Upload {
    /// Sends so many MiB of random-looking bytes, as far as they are taken.
    pub(crate) async fn send_mib(&self, count: usize) {
        for _ in 0..count {
            let _ = self.parts.send(chunk(pattern(1 << 20))).await;
        }
    }

    /// Ends the upload and waits for the answer.
    pub(crate) async fn finish(self) -> Result<File, Status> {
        drop(self.parts);
        self.call.await.unwrap()
    }

    /// Waits for an answer that comes although the upload has not ended.
    pub(crate) async fn answer(self) -> Result<File, Status> {
        let answer = tokio::time::timeout(wait::START, self.call).await;
        drop(self.parts);
        answer.expect("an answer in time").unwrap()
    }

    /// Sends the end of the upload, and goes away as soon as its object is there, before the answer.
    pub(crate) async fn end_and_abandon(self, kept: &Kept) {
        drop(self.parts);
        wait::until(wait::SOON, "the object is whole", async || {
            kept.objects().len() == 1
        })
        .await;
        self.call.abort();
        let _ = self.call.await;
    }

    /// Goes away, as a caller does whose process ends or whose deadline passes.
    pub(crate) async fn abandon(self) {
        self.call.abort();
        let _ = self.call.await;
    }
}

pub(crate) fn start(room: &str, name: &str) -> UploadRequest {
    UploadRequest {
        part: Some(Part::Start(UploadStart {
            original_name: name.to_owned(),
            room_id: room.to_owned(),
            user_id: "alice".to_owned(),
        })),
    }
}

pub(crate) fn chunk(bytes: impl Into<Bytes>) -> UploadRequest {
    UploadRequest {
        part: Some(Part::Chunk(bytes.into())),
    }
}

/// Bytes of which no two stretches are alike.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}
