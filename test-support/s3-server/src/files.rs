//! The operations of the server: those of `s3s-fs`, and what it lacks around multipart uploads.

use std::{
    future::{Ready, ready},
    path::Path,
    pin::Pin,
};

use s3s::{S3, S3Request, S3Response, S3Result, dto};
use s3s_fs::FileSystem;

use crate::uploads::Uploads;

/// Objects and unfinished uploads in a directory.
pub(crate) struct Files {
    files: FileSystem,
    uploads: Uploads,
}

impl Files {
    pub(crate) fn new(root: &Path) -> Result<Self, String> {
        Ok(Self {
            files: FileSystem::new(root).map_err(|error| format!("{error:?}"))?,
            uploads: Uploads::new(root),
        })
    }

    async fn part(&self, request: S3Request<dto::UploadPartInput>) -> S3Result<dto::UploadPartOutput> {
        let (id, number) = (request.input.upload_id.clone(), request.input.part_number);
        self.uploads.check(&id)?;
        let answer = self.files.upload_part(request).await;
        // Aborted meanwhile: nobody would remove the part any more.
        if self.uploads.check(&id).is_err() {
            self.uploads.remove_part(&id, number);
        }
        self.uploads.check(&id)?;
        answer.map(|answer| answer.output)
    }

    async fn complete(
        &self,
        request: S3Request<dto::CompleteMultipartUploadInput>,
    ) -> S3Result<dto::CompleteMultipartUploadOutput> {
        let id = request.input.upload_id.clone();
        self.uploads.check(&id)?;
        let answer = self.files.complete_multipart_upload(request).await;
        // Failed in the middle, as on a full disk, it can't be tried again: then it is as if it had been aborted.
        if answer.is_err() && self.uploads.check(&id).is_err() {
            self.uploads.remove(&id);
        }
        answer.map(|answer| answer.output)
    }

    async fn abort(
        &self,
        request: S3Request<dto::AbortMultipartUploadInput>,
    ) -> S3Result<dto::AbortMultipartUploadOutput> {
        self.uploads.check(&request.input.upload_id)?;
        let answer = self.files.abort_multipart_upload(request).await;
        answer.map(|answer| answer.output)
    }

    fn list(
        &self,
        request: S3Request<dto::ListMultipartUploadsInput>,
    ) -> Ready<S3Result<dto::ListMultipartUploadsOutput>> {
        ready(self.uploads.list(request.input))
    }
}

/// Writes methods of the trait by hand as `async_trait` would: from the file system's method of the same name, or with
/// `by` from one of ours.
macro_rules! operations {
    ($($name:ident: $input:ident -> $output:ident $(by $own:ident)?;)*) => {
        $(
            fn $name<'own, 'answer>(
                &'own self,
                request: S3Request<dto::$input>,
            ) -> Pin<Box<dyn Future<Output = S3Result<S3Response<dto::$output>>> + Send + 'answer>>
            where
                'own: 'answer,
                Self: 'answer,
            {
                operations!(@ self, request, $name $($own)?)
            }
        )*
    };
    (@ $self:ident, $request:ident, $name:ident) => { $self.files.$name($request) };
    (@ $self:ident, $request:ident, $name:ident $own:ident) => {
        Box::pin(async move { $self.$own($request).await.map(S3Response::new) })
    };
}

impl S3 for Files {
    operations! {
        create_bucket: CreateBucketInput -> CreateBucketOutput;
        delete_bucket: DeleteBucketInput -> DeleteBucketOutput;
        head_bucket: HeadBucketInput -> HeadBucketOutput;
        list_buckets: ListBucketsInput -> ListBucketsOutput;
        get_bucket_location: GetBucketLocationInput -> GetBucketLocationOutput;

        put_object: PutObjectInput -> PutObjectOutput;
        copy_object: CopyObjectInput -> CopyObjectOutput;
        get_object: GetObjectInput -> GetObjectOutput;
        head_object: HeadObjectInput -> HeadObjectOutput;
        list_objects: ListObjectsInput -> ListObjectsOutput;
        list_objects_v2: ListObjectsV2Input -> ListObjectsV2Output;
        delete_object: DeleteObjectInput -> DeleteObjectOutput;
        delete_objects: DeleteObjectsInput -> DeleteObjectsOutput;

        create_multipart_upload: CreateMultipartUploadInput -> CreateMultipartUploadOutput;
        upload_part: UploadPartInput -> UploadPartOutput by part;
        upload_part_copy: UploadPartCopyInput -> UploadPartCopyOutput;
        list_parts: ListPartsInput -> ListPartsOutput;
        complete_multipart_upload: CompleteMultipartUploadInput -> CompleteMultipartUploadOutput by complete;
        abort_multipart_upload: AbortMultipartUploadInput -> AbortMultipartUploadOutput by abort;
        list_multipart_uploads: ListMultipartUploadsInput -> ListMultipartUploadsOutput by list;
    }
}
