//! What comes in, read strictly: JSON bodies, queries and bearer tokens, each fault answered with its own status and
//! the field named.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// The largest JSON body, in bytes: 16,000 characters, each written as two `\uXXXX`, and some room.
pub(crate) const MAX_JSON_BYTES: usize = 256 * 1024;

/// How long a JSON body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// A JSON body.
pub(crate) struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body has to be application/json.",
            ));
        }
        let body = tokio::time::timeout(BODY_PATIENCE, Bytes::from_request(request, state))
            .await
            .map_err(|_| Problem::too_slow())?
            .map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(MAX_JSON_BYTES as u64),
                _ => Problem::malformed("The body was cut off."),
            })?;
        let mut reader = serde_json::Deserializer::from_slice(&body);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let inner = error.inner();
            if inner.is_data() {
                wrong_field(&error.path().to_string(), &inner.to_string())
            } else {
                Problem::malformed(format!("The body is not JSON: {inner}."))
            }
        })?;
        reader
            .end()
            .map_err(|error| Problem::malformed(format!("The body is not JSON: {error}.")))?;
        Ok(Self(value))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim();
    kind.eq_ignore_ascii_case("application/json")
        || (kind.len() > 5 && kind.is_char_boundary(kind.len() - 5) && {
            let (kind, suffix) = kind.split_at(kind.len() - 5);
            kind.to_ascii_lowercase().starts_with("application/") && suffix.eq_ignore_ascii_case("+json")
        })
}

/// The query, each of its parameters at most once.
pub(crate) struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = serde_urlencoded::Deserializer::new(form_pairs(query));
        serde_path_to_error::deserialize(pairs)
            .map(Self)
            .map_err(|error| wrong_field(&error.path().to_string(), &error.inner().to_string()))
    }
}

fn form_pairs(query: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(query.as_bytes())
}

/// serde names a field that is missing, or there twice, in its text only.
fn wrong_field(path: &str, text: &str) -> Problem {
    let text = text.split(" at line ").next().unwrap_or(text);
    let quoted = || text.split('`').nth(1).unwrap_or("body").to_owned();
    if text.starts_with("missing field") {
        Problem::field(quoted(), "is required")
    } else if text.starts_with("duplicate field") {
        Problem::field(quoted(), "is there twice")
    } else if path == "." {
        Problem::field("body", text)
    } else {
        Problem::field(path, text)
    }
}

/// The token of `Authorization: Bearer`, if the request has one.
#[derive(Debug, Clone, Default)]
pub struct Bearer(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
            return Ok(Self(None));
        };
        let token = value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| !token.is_empty());
        match token {
            Some(token) => Ok(Self(Some(token.to_owned()))),
            None => Err(Problem::unauthenticated(
                "Authorization has to be: Bearer, and a session's token.",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Wanted {
        name: String,
        #[serde(default)]
        limit: Option<u32>,
    }

    async fn json(kind: &str, body: &'static str) -> Result<Wanted, Problem> {
        let request = Request::builder()
            .header("content-type", kind)
            .body(Body::from(body))
            .unwrap();
        Json::from_request(request, &()).await.map(|Json(value)| value)
    }

    async fn query(query: &str) -> Result<Wanted, Problem> {
        let request = Request::builder().uri(format!("/?{query}")).body(()).unwrap();
        Params::from_request_parts(&mut request.into_parts().0, &())
            .await
            .map(|Params(value)| value)
    }

    #[tokio::test]
    async fn bodies_are_read_strictly() {
        let good = json("application/json; charset=utf-8", r#"{"name":"a","other":1}"#).await;
        assert_eq!(good.unwrap().name, "a");
        assert!(json("application/vnd.api+json", r#"{"name":"a"}"#).await.is_ok());
        let status = async |kind, body| json(kind, body).await.unwrap_err().status().as_u16();
        assert_eq!(status("text/plain", "{}").await, 415);
        assert_eq!(status("ö+json", "{}").await, 415);
        assert_eq!(status("application/json", "{").await, 400);
        assert_eq!(status("application/json", r#"{"name":"a"} x"#).await, 400);
        let field = async |body| json("application/json", body).await.unwrap_err();
        assert_eq!(field("{}").await, Problem::field("name", "is required"));
        assert_eq!(
            field(r#"{"name":"a","name":"b"}"#).await,
            Problem::field("name", "is there twice")
        );
        assert_eq!(
            field(r#"{"name":5}"#).await,
            Problem::field("name", "invalid type: integer `5`, expected a string")
        );
        assert_eq!(field("[]").await.status().as_u16(), 422);
    }

    #[tokio::test]
    async fn queries_name_the_field_that_is_wrong() {
        assert_eq!(query("name=a%20b&limit=3").await.unwrap().limit, Some(3));
        for bad in [
            "name=a&limit=x",
            "name=a&limit=-1",
            "name=a&limit=",
            "name=a&limit=1&limit=2",
        ] {
            let told = format!("{:?}", query(bad).await.unwrap_err());
            assert!(told.contains("field: \"limit\""), "{bad}: {told}");
        }
    }
}
