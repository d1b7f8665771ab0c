//! Reads on, for a while, what a client still sends when its request is already answered.
//!
//! A connection that is closed with unread bytes is reset, and a client that is busy sending never sees why it was
//! refused. The answer goes out at once; what is left of the body is read and dropped behind it.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use runtime::Shutdown;

/// How much is read on, in bytes.
const MOST: usize = 16 * 1024 * 1024;

/// How long.
const LONGEST: Duration = Duration::from_secs(5);

/// A request's body that is read on after it was dropped.
struct Lingering {
    inner: Option<Body>,
    shutdown: Shutdown,
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(inner).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.inner = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner
            .as_ref()
            .map_or(SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take().filter(|inner| !inner.is_end_stream()) {
            self.shutdown
                .spawn_until_begun(tokio::time::timeout(LONGEST, drain(inner)));
        }
    }
}

async fn drain(mut body: Body) {
    let mut read = 0;
    while read < MOST {
        match body.frame().await {
            Some(Ok(frame)) => read += frame.data_ref().map_or(0, Bytes::len),
            Some(Err(_)) | None => return,
        }
    }
}

/// Wraps the bodies of requests.
pub async fn linger(State(shutdown): State<Shutdown>, request: Request, next: Next) -> Response {
    let wrapped = request.map(|body| {
        if body.is_end_stream() {
            return body;
        }
        let (inner, shutdown) = (Some(body), shutdown);
        Body::new(Lingering { inner, shutdown })
    });
    next.run(wrapped).await
}
