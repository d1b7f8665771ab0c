//! Messages of an upload in the wrong order or of the wrong size, and fields out of their range.

use proto::files::{DownloadRequest, GetFileRequest, ListFilesRequest, UploadRequest};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::setup::{Kept, Service, chunk, start};

fn names(status: &Status, field: &str) {
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let details = status.get_error_details();
    let named = &details.bad_request().expect("a bad request").field_violations[0].field;
    assert_eq!(named, field, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_begin_with_one_start() {
    let kept = Kept::directory();
    let service = Service::start(&kept).await;
    for (parts, field) in [
        (vec![], "start"),
        (vec![chunk("x")], "start"),
        (vec![UploadRequest { part: None }], "start"),
        (vec![start("general", "a"), start("general", "a")], "start"),
        (
            vec![start("general", "a"), chunk("x"), start("general", "a")],
            "start",
        ),
        (vec![start("general", "a"), UploadRequest { part: None }], "chunk"),
        (
            vec![start("general", "a"), chunk(vec![0; (1 << 20) + 1])],
            "chunk",
        ),
        (vec![start("general", "a"), chunk(vec![0; 8 << 20])], "chunk"),
        (vec![start("Not An Id", "a"), chunk("x")], "room_id"),
        (vec![start("general", &"x".repeat(4097))], "original_name"),
    ] {
        let refused = service.send(parts).await.unwrap_err();
        names(&refused, field);
    }
    kept.holds(0).await;
    let largest = vec![start("general", "a"), chunk(vec![0; 1 << 20])];
    service.send(largest).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_checked() {
    let service = Service::start(&Kept::directory()).await;
    let mut client = service.client.clone();
    for bad in [
        "",
        "x",
        "../../etc/passwd",
        "0193e6a0-7c5b-7c00-8000-00000000000g",
    ] {
        let file_id = bad.to_owned();
        names(
            &client
                .get_file(GetFileRequest {
                    file_id: file_id.clone(),
                })
                .await
                .unwrap_err(),
            "file_id",
        );
        let request = DownloadRequest {
            file_id,
            ..DownloadRequest::default()
        };
        names(&client.download(request).await.unwrap_err(), "file_id");
    }
    let request = ListFilesRequest {
        room_id: "A".to_owned(),
        limit: 0,
    };
    names(&client.list_files(request).await.unwrap_err(), "room_id");
    let request = ListFilesRequest {
        room_id: String::new(),
        limit: 201,
    };
    names(&client.list_files(request).await.unwrap_err(), "limit");
    let file_id = uuid::Uuid::now_v7().to_string();
    let missing = client.get_file(GetFileRequest { file_id }).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}
