//! Reading the log, and the statement that changes a message in it.

use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, QueryDsl as _, SelectableHelper as _, dsl::auto_type,
};
use sql::{Db, Millis, fetch};

use super::{Span, number::to_sql, rows::MessageRow, schema::messages, store_error};
use crate::{error::Result, message::Message};

pub(super) async fn history(
    db: &Db,
    room_id: &str,
    span: Span,
    head: u64,
    limit: u32,
) -> Result<Vec<Message>> {
    let limit = i64::from(limit);
    let rows: Vec<MessageRow> = match span {
        Span::Before(seq) => {
            let below = to_sql(seq.min(head.saturating_add(1)));
            let mut newest_first: Vec<MessageRow> = fetch!(
                db,
                read,
                load,
                of_room(room_id.to_owned())
                    .filter(messages::deleted_at.is_null())
                    .filter(messages::seq.lt(below))
                    .order(messages::seq.desc())
                    .limit(limit)
                    .select(MessageRow::as_select())
            )
            .await
            .map_err(store_error)?;
            newest_first.reverse();
            newest_first
        }
        Span::After(seq) => fetch!(
            db,
            read,
            load,
            of_room(room_id.to_owned())
                .filter(messages::deleted_at.is_null())
                .filter(messages::seq.gt(to_sql(seq)))
                .filter(messages::seq.le(to_sql(head)))
                .order(messages::seq.asc())
                .limit(limit)
                .select(MessageRow::as_select())
        )
        .await
        .map_err(store_error)?,
    };
    Ok(rows.into_iter().map(Into::into).collect())
}

pub(super) async fn changes(
    db: &Db,
    room_id: &str,
    after: u64,
    up_to: u64,
    limit: u32,
) -> Result<Vec<Message>> {
    let rows: Vec<MessageRow> = fetch!(
        db,
        read,
        load,
        of_room(room_id.to_owned())
            .filter(messages::change_seq.gt(to_sql(after)))
            .filter(messages::change_seq.le(to_sql(up_to)))
            .order(messages::change_seq.asc())
            .limit(i64::from(limit))
            .select(MessageRow::as_select())
    )
    .await
    .map_err(store_error)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

pub(super) async fn was_of(db: &Db, room_id: &str, seq: u64, id: &str) -> Result<bool> {
    let seq = to_sql(seq);
    let rows: Vec<(String, i64)> = fetch!(
        db,
        read,
        load,
        of_room(room_id.to_owned())
            .filter(messages::id.eq(id.to_owned()).or(messages::change_seq.eq(seq)))
            .select((messages::id, messages::change_seq))
    )
    .await
    .map_err(store_error)?;
    // Messages are never removed, and their last change only moves on: what was seen once can still be found.
    let (its_own, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(found, _)| found == id);
    Ok(others.is_empty() && its_own.iter().any(|(_, last)| *last >= seq))
}

#[auto_type(no_type_alias)]
fn of_room(room_id: String) -> _ {
    messages::table.filter(messages::room_id.eq(room_id))
}

/// Writes what an edit or a deletion changes of a message.
#[auto_type(no_type_alias)]
pub(super) fn rewrite(row: MessageRow) -> _ {
    let content: String = row.content;
    let file_url: Option<String> = row.file_url;
    let change_seq: i64 = row.change_seq;
    let edited_at: Option<Millis> = row.edited_at;
    let deleted_at: Option<Millis> = row.deleted_at;
    let (room_id, id): (String, String) = (row.room_id, row.id);
    // With its room: where the table is partitioned, one partition is asked instead of all.
    diesel::dsl::update(messages::table.find(id).filter(messages::room_id.eq(room_id))).set((
        messages::content.eq(content),
        messages::file_url.eq(file_url),
        messages::change_seq.eq(change_seq),
        messages::edited_at.eq(edited_at),
        messages::deleted_at.eq(deleted_at),
    ))
}
