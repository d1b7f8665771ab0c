//! Metadata on both databases.

use std::sync::Arc;

use proto::files::{GetFileRequest, ListFilesRequest};
use test_support::postgres;

use crate::setup::{Kept, Service};

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    metadata(Kept::directory()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    let database = postgres::database().await;
    metadata(Kept::postgres(database.clone())).await;
    // As guides select it, and a person reads it.
    let row = database
        .client()
        .await
        .query_one(
            "SELECT id, original_name, content_type, size_bytes, minio_key, room_id, user_id, \
             created_at > now() - interval '1 minute' AS fresh, sha256 FROM files WHERE room_id = 'random'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>("original_name"), "elsewhere.txt");
    assert_eq!(row.get::<_, i64>("size_bytes"), 5);
    assert!(row.get::<_, bool>("fresh"));
}

async fn metadata(kept: Arc<Kept>) {
    // Replicas that start together make one table.
    let (service, replica) = tokio::join!(Service::start(&kept), Service::start(&kept));
    let mut uploaded = Vec::new();
    for number in 0..3 {
        uploaded.push(service.upload(&format!("{number}.txt"), "hello").await.unwrap());
    }
    uploaded.push(
        service
            .upload_to("random", "elsewhere.txt", "hello")
            .await
            .unwrap(),
    );
    uploaded.reverse();
    let mut client = replica.client.clone();
    let file_id = uploaded[0].id.clone();
    let got = client
        .get_file(GetFileRequest { file_id })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(got, uploaded[0]);
    for (room_id, limit, expected) in [
        ("", 0, &uploaded[..]),
        ("", 2, &uploaded[..2]),
        ("general", 0, &uploaded[1..]),
        ("random", 200, &uploaded[..1]),
        ("devops", 0, &[]),
    ] {
        let request = ListFilesRequest {
            room_id: room_id.to_owned(),
            limit,
        };
        let listed = client.list_files(request).await.unwrap().into_inner().files;
        assert_eq!(listed, expected, "{room_id} {limit}");
    }
}
