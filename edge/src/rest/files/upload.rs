//! Upload: a multipart form, streamed through to files-svc.
//!
//! `room_id` and `user_id` may come before the file (then its bytes go straight on), as query parameters (likewise), or
//! behind it, the order that the contract shows (then the file waits in a temporary one until the form is over).

#![expect(
    unused_qualifications,
    reason = "utoipa writes the paths of parameter types out"
)]

use axum::{
    Json,
    extract::{FromRequest as _, Multipart, Request, State, multipart::Field},
    http::{HeaderMap, StatusCode, header},
};
use proto::{fields, files::UploadStart};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    intake::{Intake, Pace},
    metadata::File,
    spool::Spool,
    transfer::Transfer,
};
use crate::rest::{
    app::App,
    input::{Bearer, Params},
    problem::{Problem, ProblemBody},
};

/// Room for everything in a form but the file, in bytes.
const FORM_BYTES: u64 = 64 * 1024;

/// The longest text field, in bytes.
const TEXT_BYTES: usize = 1024;

/// Where the file belongs, if the form does not say.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadQuery {
    /// Its room.
    room_id: Option<String>,
    /// Who uploads it; with a token, its user.
    user_id: Option<String>,
}

/// The form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read part by part; this is what documents it")]
pub(crate) struct UploadForm {
    /// The file, exactly one.
    #[schema(content_media_type = "application/octet-stream", value_type = String)]
    file: Vec<u8>,
    /// Its room.
    room_id: String,
    /// Who uploads it; with a token, its user.
    user_id: Option<String>,
}

/// Stores a file. It exists once the answer is there: an upload that breaks off leaves nothing.
#[utoipa::path(post, path = "/api/files/upload", tag = "files", params(UploadQuery),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 201, body = File), (status = 413, description = "too large", body = ProblemBody),
        (status = "default", body = ProblemBody)))]
pub(super) async fn upload(
    State(app): State<App>,
    bearer: Bearer,
    Params(query): Params<UploadQuery>,
    request: Request,
) -> Result<(StatusCode, Json<File>), Problem> {
    app.visitor(&bearer).await?;
    let busy = |_| Problem::too_many("Too many uploads at once. Try again in a moment.", 1);
    let _place = app.uploads.try_acquire().map_err(busy)?;
    let most = app.max_upload_bytes.saturating_add(FORM_BYTES);
    check_headers(request.headers(), most, app.max_upload_bytes)?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let pace = Pace::new(app.max_upload_bytes);
    let request = request.map(|body| Intake::body(body, most, &pace));
    let multipart = Multipart::from_request(request, &())
        .await
        .map_err(|_| Problem::malformed("The form has no boundary."))?;
    let mut form = Form {
        app: &app,
        bearer: &bearer,
        room_id: query.room_id,
        user_id: query.user_id,
        file: None,
        pace,
    };
    form.read(multipart).await?;
    let stored = form.store().await?;
    Ok((StatusCode::CREATED, Json(stored)))
}

fn check_headers(headers: &HeaderMap, most: u64, max_upload_bytes: u64) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = text(header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("multipart/form-data") {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The body has to be multipart/form-data.",
        ));
    }
    let announced = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(Problem::too_large(max_upload_bytes));
    }
    Ok(())
}

/// What is known of the form so far.
struct Form<'a> {
    app: &'a App,
    bearer: &'a Bearer,
    room_id: Option<String>,
    user_id: Option<String>,
    file: Option<Received>,
    pace: Pace,
}

/// The file, wherever its bytes are.
enum Received {
    Waiting { name: String, spool: Spool },
    Sending { user_id: String, transfer: Transfer },
}

impl Form<'_> {
    async fn read(&mut self, mut multipart: Multipart) -> Result<(), Problem> {
        while let Some(field) = self.pace.on_time(multipart.next_field()).await? {
            match field.name().unwrap_or_default() {
                "file" => self.take(field).await?,
                "room_id" => {
                    let value = text("room_id", field, &self.pace).await?;
                    agree("room_id", &mut self.room_id, value)?;
                }
                "user_id" => {
                    let value = text("user_id", field, &self.pace).await?;
                    agree("user_id", &mut self.user_id, value)?;
                }
                _ => skip(field, &self.pace).await?,
            }
        }
        Ok(())
    }

    async fn take(&mut self, mut field: Field<'_>) -> Result<(), Problem> {
        if self.file.is_some() {
            return Err(Problem::field(
                "file",
                "there must be exactly one, there are more",
            ));
        }
        let name = field.file_name().unwrap_or("file").to_owned();
        if name.is_empty() {
            return Err(Problem::field("file", "has no name"));
        }
        let known = self.room_id.is_some() && (self.user_id.is_some() || self.bearer.0.is_some());
        let mut received = if known {
            self.begin(name).await?
        } else {
            let spool = Spool::new().await?;
            Received::Waiting { name, spool }
        };
        let (mut size, most) = (0, self.app.max_upload_bytes);
        while let Some(chunk) = self.pace.chunk(&mut field).await? {
            size += chunk.len() as u64;
            if size > most {
                return Err(Problem::too_large(most));
            }
            match &mut received {
                Received::Waiting { spool, .. } => spool.write(&chunk).await?,
                Received::Sending { transfer, .. } => transfer.send(chunk).await?,
            }
        }
        self.file = Some(received);
        Ok(())
    }

    async fn begin(&mut self, name: String) -> Result<Received, Problem> {
        let room_id = self
            .room_id
            .clone()
            .ok_or_else(|| Problem::field("room_id", "is required"))?;
        fields::id("room_id", &room_id)?;
        let caller = self.app.actor(self.bearer, self.user_id.as_deref(), None).await?;
        let start = UploadStart {
            original_name: name,
            room_id,
            user_id: caller.user_id.clone(),
        };
        Ok(Received::Sending {
            user_id: caller.user_id,
            transfer: Transfer::begin(self.app, start),
        })
    }

    /// The form is over: what was waiting goes on, and the file is stored.
    async fn store(mut self) -> Result<File, Problem> {
        let received = self
            .file
            .take()
            .ok_or_else(|| Problem::field("file", "is required"))?;
        let (received, spool) = match received {
            Received::Waiting { name, spool } => (self.begin(name).await?, Some(spool)),
            sending @ Received::Sending { .. } => (sending, None),
        };
        let Received::Sending {
            user_id,
            mut transfer,
        } = received
        else {
            return Err(Problem::internal());
        };
        // With a token the bytes may have gone ahead of the field.
        if self.user_id.as_deref().is_some_and(|said| said != user_id) {
            return Err(Problem::forbidden("This is another user's."));
        }
        if let Some(spool) = spool {
            spool.send_to(&mut transfer).await?;
        }
        Ok(transfer.finish().await?.into())
    }
}

async fn text(name: &'static str, mut field: Field<'_>, pace: &Pace) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = pace.chunk(&mut field).await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > TEXT_BYTES {
            return Err(Problem::field(name, "is too long"));
        }
    }
    String::from_utf8(bytes).map_err(|_| Problem::field(name, "must be UTF-8"))
}

async fn skip(mut field: Field<'_>, pace: &Pace) -> Result<(), Problem> {
    while pace.chunk(&mut field).await?.is_some() {}
    Ok(())
}

fn agree(name: &'static str, known: &mut Option<String>, value: String) -> Result<(), Problem> {
    match known {
        Some(known) if *known != value => Err(Problem::field(name, "is there twice, and differs")),
        _ => {
            *known = Some(value);
            Ok(())
        }
    }
}
