//! The id that one request keeps on its way through every service and every log line.

use std::{future::Future, sync::Arc};

/// The name of the HTTP header and of the gRPC metadata entry.
pub const HEADER: &str = "x-request-id";

/// Longest id taken over from a client, in bytes.
const MAX: usize = 64;

tokio::task_local! {
    static CURRENT: Arc<str>;
}

/// Takes a client's id where it is short and harmless, else makes one (UUID v7).
pub fn accept_or_make(offered: Option<&[u8]>) -> Arc<str> {
    match offered {
        Some(id) if (1..=MAX).contains(&id.len()) && is_harmless(id) => String::from_utf8_lossy(id).into(),
        _ => uuid::Uuid::now_v7().to_string().into(),
    }
}

/// Whether an id of a client's holds nothing but letters, digits, `-`, `_` and `.`.
pub fn is_harmless(id: &[u8]) -> bool {
    id.iter()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Runs `task` under `id`.
pub async fn scope<F: Future>(id: Arc<str>, task: F) -> F::Output {
    CURRENT.scope(id, task).await
}

/// The id of the request that this task works for.
pub fn current() -> Option<Arc<str>> {
    CURRENT.try_with(Arc::clone).ok()
}
