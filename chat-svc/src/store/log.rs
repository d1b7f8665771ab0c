//! Reading the log, and the statement that changes a message in it.

use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, QueryDsl as _, SelectableHelper as _, dsl::auto_type,
};
use sql::{Db, Millis, fetch};

use super::{
    Head, Span, knows::Knows, number::to_sql, replicas::Replicas, rows::MessageRow, schema::messages,
};
use crate::{error::Result, message::Message};

/// As many changes at most are read at the primary whatever replicas there are: they are wanted at once, and replicas are
/// late where a log ends.
const TAIL: u64 = 100;

pub(super) async fn history(
    db: &Db,
    replicas: &Replicas,
    room_id: &str,
    span: Span,
    head: &Head,
    limit: u32,
) -> Result<Vec<Message>> {
    let limit = i64::from(limit);
    let rows = match span {
        Span::Before(seq) => {
            let below = to_sql(seq.min(head.last_seq.saturating_add(1)));
            if below <= 1 {
                return Ok(Vec::new());
            }
            let query = || newest_below(room_id.to_owned(), below, limit);
            let of_replica = replicas.read(room_id, head, |knows: Knows| {
                query().filter(knows).select(MessageRow::as_select())
            });
            let mut newest_first: Vec<MessageRow> = match of_replica.await {
                Some(rows) => rows,
                None => fetch!(db, read, load, query().select(MessageRow::as_select())).await?,
            };
            newest_first.reverse();
            newest_first
        }
        Span::After(seq) => {
            if seq >= head.last_seq {
                return Ok(Vec::new());
            }
            let query = || oldest_behind(room_id.to_owned(), to_sql(seq), to_sql(head.last_seq), limit);
            let of_replica = replicas.read(room_id, head, |knows: Knows| {
                query().filter(knows).select(MessageRow::as_select())
            });
            match of_replica.await {
                Some(rows) => rows,
                None => fetch!(db, read, load, query().select(MessageRow::as_select())).await?,
            }
        }
    };
    Ok(rows.into_iter().map(Into::into).collect())
}

pub(super) async fn changes(
    db: &Db,
    replicas: &Replicas,
    room_id: &str,
    (after, up_to): (u64, u64),
    head: &Head,
    limit: u32,
) -> Result<Vec<Message>> {
    let query = || changed(room_id.to_owned(), to_sql(after), to_sql(up_to), i64::from(limit));
    let of_replica = async {
        if up_to.saturating_sub(after) <= TAIL {
            return None;
        }
        let filtered = |knows: Knows| query().filter(knows).select(MessageRow::as_select());
        replicas.read(room_id, head, filtered).await
    };
    let rows: Vec<MessageRow> = match of_replica.await {
        Some(rows) => rows,
        None => fetch!(db, read, load, query().select(MessageRow::as_select())).await?,
    };
    Ok(rows.into_iter().map(Into::into).collect())
}

#[auto_type(no_type_alias)]
fn newest_below(room_id: String, below: i64, limit: i64) -> _ {
    messages::table
        .filter(messages::room_id.eq(room_id))
        .filter(messages::deleted_at.is_null())
        .filter(messages::seq.lt(below))
        .order(messages::seq.desc())
        .limit(limit)
}

#[auto_type(no_type_alias)]
fn oldest_behind(room_id: String, seq: i64, last: i64, limit: i64) -> _ {
    messages::table
        .filter(messages::room_id.eq(room_id))
        .filter(messages::deleted_at.is_null())
        .filter(messages::seq.gt(seq))
        .filter(messages::seq.le(last))
        .order(messages::seq.asc())
        .limit(limit)
}

#[auto_type(no_type_alias)]
fn changed(room_id: String, after: i64, up_to: i64, limit: i64) -> _ {
    messages::table
        .filter(messages::room_id.eq(room_id))
        .filter(messages::change_seq.gt(after))
        .filter(messages::change_seq.le(up_to))
        .order(messages::change_seq.asc())
        .limit(limit)
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
    .await?;
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
