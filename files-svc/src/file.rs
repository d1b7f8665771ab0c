//! A file's metadata, as the service keeps it.

use jiff::Timestamp;
use uuid::Uuid;

use crate::objects::Key;

/// A file that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// UUID v7.
    pub(crate) id: Uuid,
    /// For people to see, never a path; see [`crate::name`].
    pub(crate) original_name: String,
    /// By the look of the bytes; see [`crate::sniff`].
    pub(crate) content_type: String,
    /// In bytes.
    pub(crate) size_bytes: u64,
    /// Where its bytes are.
    pub(crate) key: Key,
    /// Its room.
    pub(crate) room_id: String,
    /// Who uploaded it.
    pub(crate) user_id: String,
    /// When.
    pub(crate) created_at: Timestamp,
    /// SHA-256 of the bytes, lower-case hexadecimal.
    pub(crate) sha256: String,
}

/// What is known of a file before its bytes have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewFile {
    /// Already fit to be shown.
    pub(crate) original_name: String,
    /// Its room.
    pub(crate) room_id: String,
    /// Who uploads it.
    pub(crate) user_id: String,
}
