//! The columns of `files`, and a row as diesel sees it.

use diesel::{Insertable, Queryable, Selectable};
use sql::{Error, Millis};

use crate::{file::File, objects::Key};

diesel::table! {
    /// One row per file.
    files (id) {
        /// UUID v7.
        id -> Text,
        /// For people to see.
        original_name -> Text,
        /// By the look of the bytes.
        content_type -> Text,
        /// In bytes.
        size_bytes -> BigInt,
        /// The object's key.
        minio_key -> Text,
        /// Its room.
        room_id -> Text,
        /// Who uploaded it.
        user_id -> Text,
        /// When.
        created_at -> sql::Moment,
        /// Lower-case hexadecimal.
        sha256 -> Text,
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = files, treat_none_as_default_value = false)]
pub(super) struct Row {
    id: String,
    original_name: String,
    content_type: String,
    size_bytes: i64,
    minio_key: String,
    room_id: String,
    user_id: String,
    created_at: Millis,
    sha256: String,
}

impl From<File> for Row {
    fn from(file: File) -> Self {
        Self {
            id: file.id.to_string(),
            original_name: file.original_name,
            content_type: file.content_type,
            // The largest setting of the upload limit is far below.
            size_bytes: i64::try_from(file.size_bytes).unwrap_or(i64::MAX),
            minio_key: file.key.to_string(),
            room_id: file.room_id,
            user_id: file.user_id,
            created_at: file.created_at.into(),
            sha256: file.sha256,
        }
    }
}

impl TryFrom<Row> for File {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let unfit = |column: &str| Error::Unavailable(format!("a row of files has an unfit {column}"));
        Ok(Self {
            id: row.id.parse().map_err(|_| unfit("id"))?,
            original_name: row.original_name,
            content_type: row.content_type,
            size_bytes: row.size_bytes.try_into().map_err(|_| unfit("size_bytes"))?,
            key: Key::parse(&row.minio_key).ok_or_else(|| unfit("minio_key"))?,
            room_id: row.room_id,
            user_id: row.user_id,
            created_at: row.created_at.into(),
            sha256: row.sha256,
        })
    }
}
