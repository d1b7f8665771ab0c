//! Points in time: `timestamptz` in PostgreSQL, so that people can read them there; whole milliseconds in SQLite.

use diesel::{
    data_types::PgTimestamp,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue},
    query_builder::QueryId,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{BigInt, SqlType, Timestamptz},
    sqlite::{Sqlite, SqliteValue},
};
use jiff::Timestamp;

/// From the Unix epoch to PostgreSQL's (2000-01-01T00:00:00Z), in microseconds.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// The column type: `created_at -> sql::Moment` in `table!`, `TIMESTAMPTZ` in PostgreSQL's migrations, `INTEGER`
/// (milliseconds since the Unix epoch) in SQLite's.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185), sqlite_type(name = "Long"))]
pub struct Moment;

/// The value of a [`Moment`], in whole milliseconds: both backends give back what was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = Moment)]
pub struct Millis(Timestamp);

impl From<Timestamp> for Millis {
    fn from(at: Timestamp) -> Self {
        Self(Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at))
    }
}

impl From<Millis> for Timestamp {
    fn from(at: Millis) -> Self {
        at.0
    }
}

impl ToSql<Moment, Pg> for Millis {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let at = PgTimestamp(self.0.as_microsecond() - POSTGRES_EPOCH);
        ToSql::<Timestamptz, Pg>::to_sql(&at, &mut out.reborrow())
    }
}

impl FromSql<Moment, Pg> for Millis {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let PgTimestamp(at) = FromSql::<Timestamptz, Pg>::from_sql(value)?;
        let at = at.checked_add(POSTGRES_EPOCH).ok_or("a time out of range")?;
        Ok(Timestamp::from_microsecond(at)?.into())
    }
}

impl ToSql<Moment, Sqlite> for Millis {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_millisecond());
        Ok(IsNull::No)
    }
}

impl FromSql<Moment, Sqlite> for Millis {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let at = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
        Ok(Self(Timestamp::from_millisecond(at)?))
    }
}
