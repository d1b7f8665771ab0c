//! Whether a database knows a room's log as far as another one does.

use diesel::{
    AppearsOnTable, Expression, QueryResult, SelectableExpression,
    expression::ValidGrouping,
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{BigInt, Bool, Text},
};

use super::{Head, number::to_sql};

/// A condition of a statement: the last change that the primary knows of a room is in this database too, and with it, as
/// logs have no gaps, everything before. It goes by the message and not by the number alone, so that the copy of a database
/// that was set back since does not count, nor another database. Part of the statement that reads, and so of its snapshot.
#[derive(Debug, Clone, QueryId, ValidGrouping)]
pub(super) struct Knows {
    room_id: String,
    id: String,
    seq: i64,
}

impl Knows {
    /// `None` for a room without messages: there is nothing to read either.
    pub(super) fn new(room_id: &str, head: &Head) -> Option<Self> {
        Some(Self {
            room_id: room_id.to_owned(),
            id: head.last_id.clone()?,
            seq: to_sql(head.last_seq),
        })
    }
}

impl Expression for Knows {
    type SqlType = Bool;
}

impl<Tables> AppearsOnTable<Tables> for Knows {}

impl<Tables> SelectableExpression<Tables> for Knows {}

impl QueryFragment<Pg> for Knows {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // The message may have been changed again since: then its row names a later change, and no other the last one.
        out.push_sql("(EXISTS (SELECT 1 FROM messages AS its WHERE its.room_id = ");
        out.push_bind_param::<Text, _>(&self.room_id)?;
        out.push_sql(" AND its.id = ");
        out.push_bind_param::<Text, _>(&self.id)?;
        out.push_sql(" AND its.change_seq >= ");
        out.push_bind_param::<BigInt, _>(&self.seq)?;
        out.push_sql(") AND NOT EXISTS (SELECT 1 FROM messages AS other WHERE other.room_id = ");
        out.push_bind_param::<Text, _>(&self.room_id)?;
        out.push_sql(" AND other.change_seq = ");
        out.push_bind_param::<BigInt, _>(&self.seq)?;
        out.push_sql(" AND other.id <> ");
        out.push_bind_param::<Text, _>(&self.id)?;
        out.push_sql("))");
        Ok(())
    }
}
