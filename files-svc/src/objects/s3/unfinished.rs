//! Multipart uploads that nobody will finish.

use std::time::SystemTime;

use aws_sdk_s3::{error::ProvideErrorMetadata as _, primitives::DateTime, types::MultipartUpload};

use super::{S3, status};
use crate::objects::{Key, Result};

/// Aborts those that were begun before `before`; tells how many.
pub(super) async fn remove(s3: &S3, before: SystemTime) -> Result<usize> {
    let before = DateTime::from(before);
    let (mut removed, mut from) = (0, (None, None));
    loop {
        let (key, upload) = from;
        let listed = s3
            .client
            .list_multipart_uploads()
            .bucket(&*s3.bucket)
            .set_key_marker(key)
            .set_upload_id_marker(upload)
            .send()
            .await;
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) if status(&error) == Some(404) => return Ok(removed),
            // Some small servers have no such list; theirs is to clean up.
            Err(error) if error.code() == Some("NotImplemented") => return Ok(removed),
            Err(error) => return Err(s3.told(&error, "to list unfinished uploads")),
        };
        for upload in listed.uploads().iter().filter(|upload| is_old(upload, before)) {
            if let Some((key, id)) = upload.key().zip(upload.upload_id()) {
                abort(s3, key, id).await?;
                removed += 1;
            }
        }
        from = (
            listed.next_key_marker().map(str::to_owned),
            listed.next_upload_id_marker().map(str::to_owned),
        );
        if listed.is_truncated() != Some(true) || from.0.is_none() {
            return Ok(removed);
        }
    }
}

/// Aborts one; one that is gone is aborted.
pub(super) async fn abort(s3: &S3, key: &str, id: &str) -> Result<()> {
    let request = s3.client.abort_multipart_upload().bucket(&*s3.bucket);
    match request.key(key).upload_id(id).send().await {
        Ok(_) => Ok(()),
        Err(error) if status(&error) == Some(404) => Ok(()),
        Err(error) => Err(s3.told(&error, "to abort an upload")),
    }
}

fn is_old(upload: &MultipartUpload, before: DateTime) -> bool {
    let ours = upload.key().and_then(Key::parse).is_some();
    ours && upload.initiated().is_some_and(|at| *at < before)
}
