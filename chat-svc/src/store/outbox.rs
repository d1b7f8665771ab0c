//! The outbox in the database.

use std::collections::HashMap;

use diesel::{ExpressionMethods as _, Insertable, QueryDsl as _, SelectableHelper as _};
use jiff::Timestamp;
use sql::{Millis, fetch};

use super::{
    Delivery, Outbox, SqlStore,
    number::from_sql,
    rows::MessageRow,
    schema::{messages, outbox},
};
use crate::{clock::Clock, error::Result};

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = outbox, treat_none_as_default_value = false)]
pub(super) struct OutboxRow {
    message_id: String,
    user_id: String,
    kind: String,
    due_at: Millis,
}

/// The kind of those who are mentioned.
pub(super) const MENTION: &str = "mention";

/// Id, message, user, kind, attempts.
type Claimed = (i64, String, String, String, i64);

impl OutboxRow {
    /// A mention, due at once, whatever the clock of this replica says.
    pub(super) fn mention(message_id: &str, user_id: String) -> Self {
        Self {
            message_id: message_id.to_owned(),
            user_id,
            kind: MENTION.to_owned(),
            due_at: Millis::from(Timestamp::UNIX_EPOCH),
        }
    }
}

impl Outbox for SqlStore {
    async fn now(&self, clock: &Clock) -> Result<Timestamp> {
        if let sql::Pools::Lite { .. } = self.db.pools()? {
            return Ok(clock.now());
        }
        let now: Millis = fetch!(
            self.db,
            read,
            get_result,
            diesel::select(diesel::dsl::sql::<sql::Moment>("now()"))
        )
        .await?;
        Ok(now.into())
    }

    async fn claim(&self, limit: u32, now: Timestamp, until: Timestamp) -> Result<Vec<Delivery>> {
        let due: Vec<i64> = fetch!(
            self.db,
            read,
            load,
            outbox::table
                .filter(outbox::due_at.le(Millis::from(now)))
                .order((outbox::due_at.asc(), outbox::id.asc()))
                .limit(i64::from(limit))
                .select(outbox::id)
        )
        .await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        // Asked again here, where the row is locked: what another replica has claimed meanwhile is not taken twice.
        let claimed: Vec<Claimed> = fetch!(
            self.db,
            write,
            get_results,
            diesel::update(
                outbox::table
                    .filter(outbox::id.eq_any(due.clone()))
                    .filter(outbox::due_at.le(Millis::from(now)))
            )
            .set((
                outbox::due_at.eq(Millis::from(until)),
                outbox::attempts.eq(outbox::attempts + 1)
            ))
            .returning((
                outbox::id,
                outbox::message_id,
                outbox::user_id,
                outbox::kind,
                outbox::attempts
            ))
        )
        .await?;
        let ids: Vec<String> = claimed.iter().map(|row| row.1.clone()).collect();
        let rows: Vec<MessageRow> = fetch!(
            self.db,
            read,
            load,
            messages::table
                .filter(messages::id.eq_any(ids.clone()))
                .filter(messages::deleted_at.is_null())
                .select(MessageRow::as_select())
        )
        .await?;
        let by_id: HashMap<String, MessageRow> = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        let delivery = |(id, message_id, user_id, kind, attempts): Claimed| Delivery {
            id,
            user_id,
            kind,
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            message: by_id.get(&message_id).cloned().map(Into::into),
        };
        Ok(claimed.into_iter().map(delivery).collect())
    }

    async fn delivered(&self, ids: Vec<i64>) -> Result<()> {
        fetch!(
            self.db,
            write,
            execute,
            diesel::delete(outbox::table.filter(outbox::id.eq_any(ids.clone())))
        )
        .await?;
        Ok(())
    }

    async fn postpone(&self, id: i64, due: Timestamp) -> Result<()> {
        fetch!(
            self.db,
            write,
            execute,
            diesel::update(outbox::table.find(id)).set(outbox::due_at.eq(Millis::from(due)))
        )
        .await?;
        Ok(())
    }

    async fn backlog(&self) -> Result<u64> {
        let count: i64 = fetch!(self.db, read, get_result, outbox::table.count()).await?;
        Ok(from_sql(count))
    }
}
