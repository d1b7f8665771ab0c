//! An object on its way to S3: one request where it fits into one part, else a multipart upload, part by part.

use aws_sdk_s3::{
    error::ProvideErrorMetadata as _,
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, future::BoxFuture};

use super::{S3, unfinished};
use crate::objects::{Error, Key, ObjectStore as _, ObjectWriter, Result, timed};

/// The size of every part but the last, in bytes; S3 takes no smaller ones than 5 MiB, and 10,000 of them.
const PART: usize = 8 << 20;

/// See the module.
pub(super) struct Writer {
    s3: S3,
    key: Key,
    part: BytesMut,
    upload: Option<String>,
    parts: Vec<CompletedPart>,
    /// Whether the object may be there: its last request was sent.
    ended: bool,
}

impl Writer {
    pub(super) fn new(s3: S3, key: Key) -> Self {
        Self {
            s3,
            key,
            part: BytesMut::new(),
            upload: None,
            parts: Vec::new(),
            ended: false,
        }
    }

    async fn take(&mut self, mut bytes: Bytes) -> Result<()> {
        while !bytes.is_empty() {
            let missing = PART - self.part.len();
            self.part
                .extend_from_slice(&bytes.split_to(bytes.len().min(missing)));
            if self.part.len() == PART {
                Box::pin(self.send_part()).await?;
            }
        }
        Ok(())
    }

    /// Sends what is there as the next part.
    async fn send_part(&mut self) -> Result<()> {
        let upload = if let Some(upload) = &self.upload {
            upload.clone()
        } else {
            let upload = timed("begin_parts", Box::pin(self.begin())).await?;
            self.upload.insert(upload).clone()
        };
        let number = i32::try_from(self.parts.len() + 1)
            .map_err(|_| Error::Unavailable("too many parts for S3".to_owned()))?;
        let sent = self
            .s3
            .client
            .upload_part()
            .bucket(&*self.s3.bucket)
            .key(self.key.to_string())
            .upload_id(upload)
            .part_number(number)
            .body(ByteStream::from(self.part.split().freeze()))
            .send();
        let sent = timed("write_part", sent)
            .await
            .map_err(|error| self.s3.told(&error, "to take a part"))?;
        self.parts.push(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(sent.e_tag)
                .build(),
        );
        Ok(())
    }

    async fn begin(&self) -> Result<String> {
        let request = || {
            let request = self.s3.client.create_multipart_upload();
            request.bucket(&*self.s3.bucket).key(self.key.to_string()).send()
        };
        let begun = match request().await {
            Err(error) if error.code() == Some(NO_BUCKET) => {
                self.s3.make_bucket().await?;
                request().await
            }
            begun => begun,
        };
        let begun = begun.map_err(|error| self.s3.told(&error, "to begin an upload"))?;
        begun
            .upload_id
            .ok_or_else(|| Error::Unavailable("the S3 server gave an upload no id".to_owned()))
    }

    async fn put_whole(&mut self) -> Result<()> {
        let body = self.part.split().freeze();
        let request = || {
            let request = self.s3.client.put_object().bucket(&*self.s3.bucket);
            request
                .key(self.key.to_string())
                .body(ByteStream::from(body.clone()))
                .send()
        };
        let put = match request().await {
            Err(error) if error.code() == Some(NO_BUCKET) => {
                self.s3.make_bucket().await?;
                request().await
            }
            put => put,
        };
        put.map(|_| ())
            .map_err(|error| self.s3.told(&error, "to take an object"))
    }

    async fn complete(&mut self, upload: String) -> Result<()> {
        let parts = std::mem::take(&mut self.parts);
        self.s3
            .client
            .complete_multipart_upload()
            .bucket(&*self.s3.bucket)
            .key(self.key.to_string())
            .upload_id(upload)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .send()
            .await
            .map_err(|error| self.s3.told(&error, "to put an object together"))?;
        self.upload = None;
        Ok(())
    }
}

/// The code of an answer about a bucket that is missing.
const NO_BUCKET: &str = "NoSuchBucket";

impl ObjectWriter for Writer {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        self.take(bytes).boxed()
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<()>> {
        async move {
            if self.upload.is_some() && !self.part.is_empty() {
                Box::pin(self.send_part()).await?;
            }
            self.ended = true;
            match self.upload.clone() {
                Some(upload) => timed("finish", self.complete(upload)).await,
                None => timed("write", Box::pin(self.put_whole())).await,
            }
        }
        .boxed()
    }

    fn remove(&mut self) -> BoxFuture<'_, Result<()>> {
        async move {
            self.part = BytesMut::new();
            if self.ended {
                self.s3.delete(self.key).await?;
            }
            if let Some(upload) = &self.upload {
                timed(
                    "delete",
                    unfinished::abort(&self.s3, &self.key.to_string(), upload),
                )
                .await?;
                self.upload = None;
            }
            Ok(())
        }
        .boxed()
    }
}
