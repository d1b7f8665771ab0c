//! Which object store the settings name.

use std::{fmt, path::PathBuf};

use runtime::{
    Problems, Secret,
    settings::{given, redacted},
};

/// The directory where nobody named one.
pub const DIRECTORY: &str = "data/files";

/// The bucket where nobody named one.
pub const BUCKET: &str = "chatfiles";

/// The region where nobody named one; MinIO's own default.
pub const REGION: &str = "us-east-1";

/// Where the bytes are kept. Prints without keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder, relative to the working directory.
    Directory(PathBuf),
    /// A server that speaks S3.
    S3(S3Place),
}

/// A bucket on a server that speaks S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Place {
    /// `http://host:port` or `https://host:port`.
    pub endpoint: String,
    /// The access key.
    pub access_key: Secret,
    /// The secret key.
    pub secret_key: Secret,
    /// The bucket; made where it is missing.
    pub bucket: String,
    /// The region that requests are signed for.
    pub region: String,
}

/// The settings about object stores, as they were given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given<'a> {
    /// `MINIO_ENDPOINT`
    pub(crate) endpoint: Option<&'a str>,
    /// `MINIO_ACCESS_KEY`
    pub(crate) access_key: Option<&'a str>,
    /// `MINIO_SECRET_KEY`
    pub(crate) secret_key: Option<&'a str>,
    /// `MINIO_BUCKET`
    pub(crate) bucket: &'a str,
    /// `MINIO_REGION`
    pub(crate) region: &'a str,
    /// `FILES_DIR`
    pub(crate) directory: &'a str,
}

impl Place {
    /// Checks the settings: endpoint and both keys make S3, none of them the directory.
    pub(crate) fn check(problems: &mut Problems, settings: Given<'_>) -> Option<Self> {
        let names = ["MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"];
        let values = [settings.endpoint, settings.access_key, settings.secret_key].map(given);
        let bucket = given(Some(settings.bucket)).unwrap_or(BUCKET);
        let region = given(Some(settings.region)).unwrap_or(REGION);
        match values {
            [None, None, None] => {
                let directory = given(Some(settings.directory)).unwrap_or(DIRECTORY);
                Some(Self::Directory(directory.into()))
            }
            [Some(endpoint), Some(access_key), Some(secret_key)] => {
                let endpoint = problems.check("MINIO_ENDPOINT", endpoint_url(endpoint));
                let bucket = problems.check("MINIO_BUCKET", bucket_name(bucket));
                Some(Self::S3(S3Place {
                    endpoint: endpoint?,
                    access_key: Secret::new(access_key),
                    secret_key: Secret::new(secret_key),
                    bucket: bucket?,
                    region: region.to_owned(),
                }))
            }
            partial => {
                for (name, _) in names.iter().zip(partial).filter(|(_, value)| value.is_none()) {
                    problems.note(
                        name,
                        "must be set, as S3 needs its endpoint and both keys (or none of them)",
                    );
                }
                None
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(root) => fmt::Display::fmt(&root.display(), f),
            Self::S3(place) => write!(f, "{}/{}", redacted(&place.endpoint), place.bucket),
        }
    }
}

/// `http://minio:9000`, `https://s3.example.org`, or `minio:9000` for the first.
fn endpoint_url(given: &str) -> Result<String, &'static str> {
    const EXPECTED: &str = "must be http://host:port, https://host:port or host:port";
    let (scheme, place) = given.split_once("://").unwrap_or(("http", given));
    if !matches!(scheme, "http" | "https") {
        return Err(EXPECTED);
    }
    let place = place.strip_suffix('/').unwrap_or(place);
    let url: http::Uri = format!("{scheme}://{place}").parse().map_err(|_| EXPECTED)?;
    let bare = url.authority().is_some_and(|authority| {
        authority.as_str() == place && !authority.as_str().contains('@') && !authority.host().is_empty()
    });
    let port = place.rsplit_once(':').is_none_or(|(host, port)| {
        host.ends_with(']') != port.ends_with(']') || port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if bare && port {
        Ok(format!("{scheme}://{place}"))
    } else {
        Err(EXPECTED)
    }
}

/// S3's rules for the names of buckets.
fn bucket_name(name: &str) -> Result<String, &'static str> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    let bytes = name.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    let fits = (3..=63).contains(&bytes.len())
        && bytes.iter().copied().all(inner)
        && ends.iter().all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
        && !name.contains("..");
    if fits {
        Ok(name.to_owned())
    } else {
        Err("must have 3 to 63 of a-z, 0-9, '-' and '.', with a letter or digit at both ends")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Given<'_> = Given {
        endpoint: None,
        access_key: None,
        secret_key: None,
        bucket: BUCKET,
        region: REGION,
        directory: "data/files",
    };

    fn check(settings: Given<'_>) -> Result<Place, String> {
        let mut problems = Problems::new();
        let place = Place::check(&mut problems, settings);
        problems
            .into_result(place)
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn endpoints_are_read_as_guides_write_them() {
        for (given, url) in [
            ("minio:9000", "http://minio:9000"),
            ("http://minio:9000/", "http://minio:9000"),
            ("https://s3.example.org", "https://s3.example.org"),
            ("127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://[::1]:9000", "http://[::1]:9000"),
        ] {
            assert_eq!(endpoint_url(given).as_deref(), Ok(url), "{given}");
        }
        for bad in [
            "ftp://minio:9000",
            "s3://bucket",
            "http://",
            "http://u:p@minio:9000",
            "http://minio:9000/bucket",
            "minio:port",
            "minio:0",
            "a b:9000",
            "http://minio:9000?x=y",
        ] {
            assert!(endpoint_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn s3_needs_all_three_or_none() {
        assert_eq!(check(NONE), Ok(Place::Directory("data/files".into())));
        let told = check(Given {
            access_key: Some("minioadmin"),
            secret_key: Some(" "),
            ..NONE
        })
        .unwrap_err();
        assert!(
            told.contains("MINIO_ENDPOINT: ") && told.contains("MINIO_SECRET_KEY: "),
            "{told}"
        );
        assert!(!told.contains("minioadmin"), "{told}");
    }

    #[test]
    fn keys_do_not_print() {
        let place = check(Given {
            endpoint: Some("minio:9000"),
            access_key: Some("AKIA"),
            secret_key: Some("hunter2"),
            ..NONE
        })
        .unwrap();
        let printed = format!("{place} {place:?}");
        assert!(printed.starts_with("http://minio:9000/chatfiles "), "{printed}");
        assert!(
            !printed.contains("AKIA") && !printed.contains("hunter2"),
            "{printed}"
        );
    }

    #[test]
    fn buckets_follow_the_rules_of_s3() {
        assert!(bucket_name("chatfiles").is_ok());
        for bad in ["ab", "Chat", "-chat", "chat-", "a..b", "a/b", &"a".repeat(64)] {
            assert!(bucket_name(bad).is_err(), "{bad}");
        }
    }
}
