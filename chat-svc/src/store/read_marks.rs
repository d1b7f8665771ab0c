//! Read marks in the database.

use diesel::{ExpressionMethods as _, QueryDsl as _, query_dsl::methods::FilterDsl, upsert::excluded};
use sql::fetch;

use super::{
    ReadMarks, SqlStore,
    number::{from_sql, to_sql},
    schema::read_marks,
};
use crate::error::{Error, Result};

impl ReadMarks for SqlStore {
    async fn mark_read(&self, room_id: &str, user_id: &str, seq: u64) -> Result<u64> {
        let row = || {
            (
                read_marks::room_id.eq(room_id.to_owned()),
                read_marks::user_id.eq(user_id.to_owned()),
                read_marks::seq.eq(to_sql(seq)),
            )
        };
        fetch!(
            self.db,
            write,
            execute,
            FilterDsl::filter(
                diesel::insert_into(read_marks::table)
                    .values(row())
                    .on_conflict((read_marks::user_id, read_marks::room_id))
                    .do_update()
                    .set(read_marks::seq.eq(excluded(read_marks::seq))),
                read_marks::seq.lt(excluded(read_marks::seq))
            )
        )
        .await
        .map_err(|error| match error {
            sql::Error::MissingReference => Error::NoSuchRoom,
            other => other.into(),
        })?;
        let mark: i64 = fetch!(
            self.db,
            read,
            get_result,
            read_marks::table
                .find((user_id.to_owned(), room_id.to_owned()))
                .select(read_marks::seq)
        )
        .await?;
        Ok(from_sql(mark))
    }

    async fn read_marks(&self, user_id: &str) -> Result<Vec<(String, u64)>> {
        let rows: Vec<(String, i64)> = fetch!(
            self.db,
            read,
            load,
            FilterDsl::filter(read_marks::table, read_marks::user_id.eq(user_id.to_owned()))
                .select((read_marks::room_id, read_marks::seq))
        )
        .await?;
        Ok(rows.into_iter().map(|(id, seq)| (id, from_sql(seq))).collect())
    }
}
