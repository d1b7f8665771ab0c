//! The rows that the bare databases insert: like those that chat-svc makes of its callers' messages.

/// Whose they are, in turn.
pub(crate) const USERS: usize = 256;

/// The rows of a transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows {
    /// How many.
    pub(crate) batch: usize,
    /// The rooms, which take turns. Each has a place of its own in most indexes, so that pages touched, and with them the
    /// costs of a row, grow with their number.
    pub(crate) rooms: usize,
    /// Characters of a message.
    pub(crate) characters: usize,
}
