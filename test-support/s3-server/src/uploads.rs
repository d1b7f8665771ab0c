//! Multipart uploads that are neither completed nor aborted, read from the files that `s3s-fs` keeps for them.
//!
//! ```text
//! .upload-<id>.json                                          there as long as the upload is; never changed
//! .bucket-<bucket>.object-<key>.upload-<id>.metadata.json    what it will be; bucket and key in base64
//! .upload_id-<id>.part-<number>                              its parts so far
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
};

use s3s::{
    S3Result,
    dto::{ListMultipartUploadsInput, ListMultipartUploadsOutput, MultipartUpload, PartNumber, Timestamp},
    s3_error,
};

/// How many a list has at most, as at Amazon.
const PAGE: i32 = 1000;

pub(crate) struct Uploads {
    root: PathBuf,
}

/// An upload, in the order of a list.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Upload {
    key: String,
    id: String,
}

impl Uploads {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Fails as Amazon does where there is no such upload; `s3s-fs` would say that access is denied.
    pub(crate) fn check(&self, id: &str) -> S3Result<()> {
        let known = is_id(id) && self.record(id).is_file();
        known.then_some(()).ok_or_else(|| s3_error!(NoSuchUpload))
    }

    /// Removes a part of an upload that is gone.
    pub(crate) fn remove_part(&self, id: &str, number: PartNumber) {
        if is_id(id) {
            // It may never have been written.
            let _ = fs::remove_file(self.root.join(format!(".upload_id-{id}.part-{number}")));
        }
    }

    /// Removes all that is left of an upload that is gone.
    pub(crate) fn remove(&self, id: &str) {
        let (parts, metadata) = (format!(".upload_id-{id}."), format!(".upload-{id}.metadata.json"));
        for name in self.names() {
            if name.starts_with(&parts) || name.ends_with(&metadata) {
                let _ = fs::remove_file(self.root.join(name));
            }
        }
    }

    /// The uploads of a bucket, a page of them.
    pub(crate) fn list(&self, input: ListMultipartUploadsInput) -> S3Result<ListMultipartUploadsOutput> {
        if !self.root.join(&input.bucket).is_dir() {
            return Err(s3_error!(NoSuchBucket));
        }
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let after = |upload: &Upload| match (&input.key_marker, &input.upload_id_marker) {
            (None, _) => true,
            (Some(key), None) => upload.key > *key,
            (Some(key), Some(id)) => (&upload.key, &upload.id) > (key, id),
        };
        let mut uploads: Vec<Upload> = self
            .of(&input.bucket)
            .filter(|upload| upload.key.starts_with(prefix) && after(upload))
            .collect();
        uploads.sort_unstable();
        let max = input.max_uploads.unwrap_or(PAGE).clamp(1, PAGE);
        let page = usize::try_from(max).unwrap_or(1);
        let is_truncated = uploads.len() > page;
        uploads.truncate(page);
        let last = is_truncated.then(|| uploads.last()).flatten();
        Ok(ListMultipartUploadsOutput {
            next_key_marker: last.map(|upload| upload.key.clone()),
            next_upload_id_marker: last.map(|upload| upload.id.clone()),
            uploads: Some(uploads.into_iter().filter_map(|it| self.described(it)).collect()),
            bucket: Some(input.bucket),
            prefix: input.prefix,
            key_marker: input.key_marker,
            upload_id_marker: input.upload_id_marker,
            max_uploads: Some(max),
            is_truncated: Some(is_truncated),
            ..ListMultipartUploadsOutput::default()
        })
    }

    /// `None` where it has ended meanwhile.
    fn described(&self, upload: Upload) -> Option<MultipartUpload> {
        let record = fs::metadata(self.record(&upload.id)).ok()?;
        Some(MultipartUpload {
            initiated: Some(Timestamp::from(record.modified().ok()?)),
            key: Some(upload.key),
            upload_id: Some(upload.id),
            ..MultipartUpload::default()
        })
    }

    fn of(&self, bucket: &str) -> impl Iterator<Item = Upload> {
        let before = format!(
            ".bucket-{}.object-",
            base64_simd::URL_SAFE_NO_PAD.encode_to_string(bucket)
        );
        self.names().filter_map(move |name| {
            let rest = name.strip_prefix(&before)?.strip_suffix(".metadata.json")?;
            let (key, id) = rest.split_once(".upload-")?;
            let key = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(key).ok()?;
            Some(Upload {
                key: String::from_utf8(key).ok()?,
                id: id.to_owned(),
            })
        })
    }

    /// The names of the files beside the buckets.
    fn names(&self) -> impl Iterator<Item = String> {
        let entries = fs::read_dir(&self.root).into_iter().flatten();
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok())
    }

    fn record(&self, id: &str) -> PathBuf {
        self.root.join(format!(".upload-{id}.json"))
    }
}

/// Whether it can be the id of an upload, and so a part of a file's name.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}
