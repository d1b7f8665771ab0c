//! Points in time in both backends: `timestamptz` in PostgreSQL, so that people can read them in psql; milliseconds
//! since 1970 in SQLite.

use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue},
    query_builder::QueryId,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{BigInt, SqlType},
    sqlite::{Sqlite, SqliteValue},
};
use jiff::Timestamp;

/// The column type.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Long"))]
pub struct Moment;

/// A value of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Moment)]
pub(super) struct At(pub(super) Timestamp);

impl From<At> for Timestamp {
    fn from(at: At) -> Self {
        at.0
    }
}

/// PostgreSQL counts microseconds since the year 2000.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl ToSql<Moment, Pg> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let micros = self.0.as_microsecond() - POSTGRES_EPOCH;
        ToSql::<BigInt, Pg>::to_sql(&micros, &mut out.reborrow())
    }
}

impl FromSql<Moment, Pg> for At {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Pg>>::from_sql(value)?;
        let since_1970 = micros
            .checked_add(POSTGRES_EPOCH)
            .ok_or("a timestamp beyond the range of ours")?;
        Ok(Self(Timestamp::from_microsecond(since_1970)?))
    }
}

impl ToSql<Moment, Sqlite> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_millisecond());
        Ok(IsNull::No)
    }
}

impl FromSql<Moment, Sqlite> for At {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let millis = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
        Ok(Self(Timestamp::from_millisecond(millis)?))
    }
}
