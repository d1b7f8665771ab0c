//! Why a measurement could not be made.

/// Why a measurement could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Something of the system failed.
    #[error("{what}: {source}")]
    System {
        /// What was being done.
        what: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A process said something else than expected, or what was asked for can't be done.
    #[error("{0}")]
    Other(String),
}

/// The result of what can fail.
pub(crate) type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    /// A fault told in words.
    pub(crate) fn other(words: impl Into<String>) -> Self {
        Self::Other(words.into())
    }
}

/// Says what was being done when the system failed.
pub(crate) trait Doing<T> {
    /// Adds the words.
    fn doing(self, what: &str) -> Result<T>;
}

impl<T, E: Into<std::io::Error>> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: &str) -> Result<T> {
        self.map_err(|error| Fault::System {
            what: what.to_owned(),
            source: error.into(),
        })
    }
}
