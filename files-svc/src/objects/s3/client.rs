//! The S3 client: static keys, path style, and a limit on how long anything may take.

use std::time::Duration;

use aws_sdk_s3::{
    Client, Config,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
        SharedHttpClient, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
    },
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

use crate::objects::S3Place;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(2);

/// How long one try of one call may take: a part of 8 MiB at 2.3 Mbit/s.
const TRY: Duration = Duration::from_secs(30);

/// How long a call may take with all its tries.
const CALL: Duration = Duration::from_mins(1);

/// Tries of a call.
const TRIES: u32 = 3;

/// A client for the server at `place`.
pub(super) fn make(place: &S3Place) -> Client {
    let keys = Credentials::new(
        place.access_key.expose(),
        place.secret_key.expose(),
        None,
        None,
        "settings",
    );
    let limits = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(TRY)
        .operation_timeout(CALL)
        .build();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client(&place.endpoint))
        .endpoint_url(&place.endpoint)
        .region(Region::new(place.region.clone()))
        .force_path_style(true)
        .credentials_provider(keys)
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
        .timeout_config(limits)
        // Not every server knows the newer checksums; the signature covers the bytes, and we keep their SHA-256.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        // It takes a slow client of ours for a slow server; our own reads and writes have limits.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build();
    Client::from_conf(config)
}

/// A machine without root certificates can still speak plain HTTP.
fn http_client(endpoint: &str) -> SharedHttpClient {
    if endpoint.starts_with("https:") {
        Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https()
    } else {
        Builder::new().build_http()
    }
}
