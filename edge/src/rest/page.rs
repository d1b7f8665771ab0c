//! Sizes of pages, and points in time as they are written.

use proto::{
    fields::{Invalid, PAGE_MAX},
    time,
};

/// A page's size as the services take it: 0 stands for "not said", so a client may not say 0.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, Invalid> {
    match asked {
        None => Ok(0),
        Some(limit) if (1..=PAGE_MAX).contains(&limit) => Ok(limit),
        Some(limit) => Err(Invalid::new(
            "limit",
            format!("must be 1 to {PAGE_MAX}, is {limit}"),
        )),
    }
}

/// RFC 3339 in UTC; `None` where a service left it out.
pub(crate) fn timestamp(at: Option<&prost_types::Timestamp>) -> Option<String> {
    at.and_then(time::from_proto).map(time::rfc3339)
}
