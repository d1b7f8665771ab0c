//! Multipart uploads, as a client of Amazon's sees them.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
    error::ProvideErrorMetadata as _,
    types::{CompletedMultipartUpload, CompletedPart, MultipartUpload},
};
use aws_smithy_http_client::Builder;
use test_support::s3;

const BUCKET: &str = "chatfiles";

async fn server() -> (s3::Server, Client) {
    let server = s3::Server::start_new().await;
    server.create_bucket(BUCKET);
    let client = client(&server);
    (server, client)
}

fn client(server: &s3::Server) -> Client {
    let keys = Credentials::new(s3::ACCESS_KEY, s3::SECRET_KEY, None, None, "test");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Builder::new().build_http())
        .endpoint_url(server.url())
        .region(Region::from_static("us-east-1"))
        .force_path_style(true)
        .credentials_provider(keys);
    Client::from_conf(config.build())
}

async fn begin(client: &Client, key: &str) -> String {
    let begun = client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key(key)
        .send()
        .await;
    let id = begun.expect("an upload can be begun").upload_id;
    let id = id.expect("an upload has an id");
    let part = client
        .upload_part()
        .bucket(BUCKET)
        .key(key)
        .upload_id(&id)
        .part_number(1);
    let sent = part.body(b"bytes".to_vec().into()).send().await;
    sent.expect("a part can be sent");
    id
}

async fn list(client: &Client) -> Vec<MultipartUpload> {
    let listed = client.list_multipart_uploads().bucket(BUCKET).send().await;
    let listed = listed.expect("uploads can be listed");
    assert_eq!(listed.is_truncated(), Some(false));
    listed.uploads.unwrap_or_default()
}

fn ids(uploads: &[MultipartUpload]) -> Vec<&str> {
    uploads.iter().filter_map(MultipartUpload::upload_id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_upload_is_listed_until_it_is_aborted() {
    let (server, client) = server().await;
    let begun = SystemTime::now() - Duration::from_secs(1);
    let id = begin(&client, "folder/a").await;
    // Nothing of it is an object, and it outlives the server.
    server.kill().await;
    server.start().await;
    assert!(server.objects(BUCKET).is_empty());
    assert_eq!(server.unfinished_uploads(), std::slice::from_ref(&id));
    let listed = list(&client).await;
    assert_eq!(ids(&listed), [&id]);
    assert_eq!(listed[0].key(), Some("folder/a"));
    let initiated = SystemTime::try_from(*listed[0].initiated().unwrap()).unwrap();
    assert!(initiated > begun && initiated <= SystemTime::now());

    let abort = || client.abort_multipart_upload().bucket(BUCKET).key("folder/a");
    abort().upload_id(&id).send().await.unwrap();
    assert!(list(&client).await.is_empty());
    assert!(server.unfinished_uploads().is_empty());
    let left: Vec<_> = std::fs::read_dir(server.root()).unwrap().collect();
    assert_eq!(left.len(), 1, "only the bucket is left: {left:?}");
    let again = abort().upload_id(&id).send().await.unwrap_err();
    assert_eq!(again.code(), Some("NoSuchUpload"));
    let late = client.upload_part().bucket(BUCKET).key("folder/a").part_number(2);
    let late = late.upload_id(&id).body(b"late".to_vec().into()).send().await;
    assert_eq!(late.unwrap_err().code(), Some("NoSuchUpload"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completed_upload_is_an_object() {
    let (server, client) = server().await;
    let id = begin(&client, "a").await;
    let complete = |number| {
        let part = CompletedPart::builder().part_number(number).build();
        let parts = CompletedMultipartUpload::builder().parts(part).build();
        let complete = client.complete_multipart_upload().bucket(BUCKET).key("a");
        complete.multipart_upload(parts)
    };
    complete(1).upload_id(&id).send().await.unwrap();
    assert!(list(&client).await.is_empty());
    assert_eq!(server.objects(BUCKET).len(), 1);

    // One that fails in the middle leaves nothing behind either.
    let id = begin(&client, "b").await;
    complete(2).upload_id(&id).send().await.unwrap_err();
    assert!(server.unfinished_uploads().is_empty());
    let names = std::fs::read_dir(server.root()).unwrap();
    let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.any(|name| name.contains(&id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_listed_in_pages_and_by_prefix() {
    let (_server, client) = server().await;
    let mut begun = Vec::new();
    for key in ["a", "b/1", "b/1", "b/2"] {
        begun.push((key, begin(&client, key).await));
    }
    begun.sort();
    let request = || client.list_multipart_uploads().bucket(BUCKET);
    let (mut key, mut id, mut found) = (None, None, Vec::new());
    for more in [true, true, true, false] {
        let page = request()
            .max_uploads(1)
            .set_key_marker(key)
            .set_upload_id_marker(id);
        let page = page.send().await.unwrap();
        assert_eq!(page.is_truncated(), Some(more));
        let upload = page.uploads()[0].clone();
        found.push((upload.key.unwrap(), upload.upload_id.unwrap()));
        (key, id) = (page.next_key_marker, page.next_upload_id_marker);
    }
    let found: Vec<(&str, String)> = found.iter().map(|(key, id)| (key.as_str(), id.clone())).collect();
    assert_eq!(found, begun);

    let below = request().prefix("b/").send().await.unwrap();
    assert_eq!(below.uploads().len(), 3);
    let none = client.list_multipart_uploads().bucket("none").send().await;
    assert_eq!(none.unwrap_err().code(), Some("NoSuchBucket"));
}
