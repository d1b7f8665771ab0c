//! Numbers between the wire (unsigned) and SQL (signed).

/// To SQL. What does not fit is larger than any seq there can be.
pub(super) fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// From SQL, where our columns are never negative.
pub(super) fn from_sql(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
