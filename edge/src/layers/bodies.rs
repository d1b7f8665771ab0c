//! A response's body that counts its bytes and tells when it is over.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

/// Calls `over` once, with the number of bytes, when the body has ended or was dropped half-way.
pub(super) struct Counted<F: FnOnce(u64)> {
    inner: Body,
    bytes: u64,
    over: Option<F>,
}

impl<F: FnOnce(u64)> Counted<F> {
    pub(super) fn new(inner: Body, over: F) -> Self {
        Self {
            inner,
            bytes: 0,
            over: Some(over),
        }
    }
}

impl<F: FnOnce(u64) + Unpin> HttpBody for Counted<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.bytes += data.len() as u64;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<F: FnOnce(u64)> Drop for Counted<F> {
    fn drop(&mut self) {
        if let Some(over) = self.over.take() {
            over(self.bytes);
        }
    }
}
