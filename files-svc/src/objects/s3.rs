//! Objects on a server that speaks S3: MinIO, `RustFS`, Garage, AWS.

mod client;
mod unfinished;
mod writer;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use aws_sdk_s3::{
    Client,
    config::retry::RetryConfig,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    primitives::DateTime,
    types::{BucketLocationConstraint, CreateBucketConfiguration},
};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};

use super::{Error, Key, ObjectStore, ObjectWriter, Page, Pieces, Result, S3Place, place, timed};
use writer::Writer;

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct S3 {
    client: Client,
    bucket: Arc<str>,
    region: Arc<str>,
    /// Whether the last check failed, so that an outage is told once.
    down: Arc<AtomicBool>,
}

impl S3 {
    /// Prepares the client; connects when first used.
    pub(super) fn new(place: &S3Place) -> Self {
        Self {
            client: client::make(place),
            bucket: place.bucket.as_str().into(),
            region: place.region.as_str().into(),
            down: Arc::default(),
        }
    }

    async fn find_bucket(&self) -> Result<()> {
        let request = self.client.head_bucket().bucket(&*self.bucket).customize();
        // A question about now: the next check is the second try.
        let once = aws_sdk_s3::Config::builder().retry_config(RetryConfig::disabled());
        match request.config_override(once).send().await {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == Some(404) => self.make_bucket().await,
            Err(error) => Err(self.told(&error, "to look at the bucket")),
        }
    }

    async fn make_bucket(&self) -> Result<()> {
        let elsewhere = (*self.region != *place::REGION).then(|| {
            CreateBucketConfiguration::builder()
                .location_constraint(BucketLocationConstraint::from(&*self.region))
                .build()
        });
        let made = self
            .client
            .create_bucket()
            .bucket(&*self.bucket)
            .set_create_bucket_configuration(elsewhere)
            .send()
            .await;
        match made {
            Ok(_) => tracing::info!(bucket = &*self.bucket, "made the bucket"),
            // Another replica was faster.
            Err(error)
                if matches!(
                    error.code(),
                    Some("BucketAlreadyOwnedByYou" | "BucketAlreadyExists")
                ) => {}
            Err(error) => return Err(self.told(&error, "to make the bucket")),
        }
        Ok(())
    }

    /// The error for operators; logs all that is known of it, once per outage.
    fn told<E>(&self, error: &SdkError<E>, wanted: &str) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        if !self.down.swap(true, Ordering::Relaxed) {
            tracing::warn!(error = %DisplayErrorContext(error), wanted, "S3 failed");
        }
        unavailable(error, wanted)
    }
}

/// The error for operators.
fn unavailable<E: ProvideErrorMetadata>(error: &SdkError<E>, wanted: &str) -> Error {
    Error::Unavailable(match error {
        SdkError::DispatchFailure(_) => "the S3 server can't be reached".to_owned(),
        SdkError::TimeoutError(_) => "the S3 server does not answer in time".to_owned(),
        SdkError::ServiceError(refusal) => {
            let code = refusal.err().code().unwrap_or("without a code");
            format!("the S3 server refused {wanted}: {code}")
        }
        _ => format!("the S3 server gave no proper answer when asked {wanted}"),
    })
}

/// The HTTP status of an answer.
fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

impl ObjectStore for S3 {
    fn check(&self) -> BoxFuture<'_, Result<()>> {
        timed("check", async move {
            self.find_bucket().await?;
            self.down.store(false, Ordering::Relaxed);
            Ok(())
        })
        .boxed()
    }

    fn write(&self, key: Key) -> Box<dyn ObjectWriter> {
        Box::new(Writer::new(self.clone(), key))
    }

    fn read(&self, key: Key, offset: u64, length: u64) -> BoxFuture<'_, Result<Pieces>> {
        timed("read", async move {
            let last = offset.saturating_add(length).saturating_sub(1);
            let found = self
                .client
                .get_object()
                .bucket(&*self.bucket)
                .key(key.to_string())
                .range(format!("bytes={offset}-{last}"))
                .send()
                .await;
            let body = match found {
                Ok(object) => object.body,
                Err(error) if matches!(status(&error), Some(404 | 416)) => return Err(Error::Missing),
                Err(error) => return Err(self.told(&error, "to read an object")),
            };
            let pieces = stream::try_unfold(body, |mut body| async {
                match body.try_next().await {
                    Ok(piece) => Ok(piece.map(|piece| (piece, body))),
                    Err(error) => {
                        tracing::warn!(error = %DisplayErrorContext(error), "an object's bytes broke off");
                        Err(Error::Unavailable("an object's bytes broke off".to_owned()))
                    }
                }
            });
            Ok(pieces.boxed())
        })
        .boxed()
    }

    fn delete(&self, key: Key) -> BoxFuture<'_, Result<()>> {
        timed("delete", async move {
            let request = self.client.delete_object().bucket(&*self.bucket);
            match request.key(key.to_string()).send().await {
                Ok(_) => Ok(()),
                Err(error) if status(&error) == Some(404) => Ok(()),
                Err(error) => Err(self.told(&error, "to delete an object")),
            }
        })
        .boxed()
    }

    fn older_than(&self, before: SystemTime, from: Option<String>) -> BoxFuture<'_, Result<Page>> {
        timed("list", async move {
            let request = self.client.list_objects_v2().bucket(&*self.bucket);
            let listed = match request.set_continuation_token(from).send().await {
                Ok(listed) => listed,
                Err(error) if status(&error) == Some(404) => return Ok(Page::default()),
                Err(error) => return Err(self.told(&error, "to list the objects")),
            };
            let before = DateTime::from(before);
            let old = listed
                .contents()
                .iter()
                .filter(|object| object.last_modified().is_some_and(|at| *at < before));
            Ok(Page {
                keys: old.filter_map(|object| Key::parse(object.key()?)).collect(),
                next: listed.next_continuation_token().map(str::to_owned),
            })
        })
        .boxed()
    }

    fn remove_unfinished(&self, before: SystemTime) -> BoxFuture<'_, Result<usize>> {
        timed("remove_unfinished", unfinished::remove(self, before)).boxed()
    }
}
