//! Publishing at one server, in one pipeline.

use std::time::Duration;

use redis::RedisError;
use tokio::time::{Instant, timeout_at};

use super::link::{NO_ANSWER, RedisLink, in_words};
use crate::{Publication, is_sharded};

/// How long a server that works may take, on a busy machine, too. One that had less is not known to be silent.
const FAIR: Duration = Duration::from_millis(500);

/// How a server's channels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channels {
    /// All alike.
    Whole,
    /// Those of rooms belong to one server of a cluster.
    Sharded,
}

/// Publishes in order. Returns the answers, without those of extras, which are nobody's concern.
///
/// # Errors
/// Why there are no answers, without secrets.
pub(super) async fn publish(
    link: &RedisLink,
    publications: &[&Publication],
    channels: Channels,
    deadline: Instant,
) -> Result<Vec<Result<(), RedisError>>, String> {
    let mut connection = link.connection()?;
    let mut pipeline = redis::pipe();
    // Each command has an answer of its own.
    pipeline.ignore_errors();
    for publication in publications {
        let sharded = channels == Channels::Sharded && is_sharded(&publication.channel);
        let command = if sharded { "SPUBLISH" } else { "PUBLISH" };
        let command = pipeline.cmd(command);
        command
            .arg(&publication.channel)
            .arg(publication.payload.as_ref());
        if publication.is_extra() {
            command.ignore();
        }
    }
    let began = Instant::now();
    let answers = pipeline.query_async(&mut connection);
    let Ok(answers) = timeout_at(deadline, answers).await else {
        if began.elapsed() >= FAIR {
            link.doubt().doubt();
        }
        return Err(NO_ANSWER.to_owned());
    };
    answers.map_err(|error| in_words(&error))
}
