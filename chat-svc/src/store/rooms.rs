//! Rooms in the database.

use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, JoinOnDsl as _, NullableExpressionMethods as _,
    QueryDsl as _, SelectableHelper as _,
};
use jiff::Timestamp;
use sql::{Millis, fetch};

use super::{
    Head, Rooms, SqlStore,
    number::from_sql,
    rows::RoomRow,
    schema::{messages, rooms},
};
use crate::{
    error::{Error, Result},
    room::{NewRoom, Room},
};

impl Rooms for SqlStore {
    async fn create_room(&self, room: NewRoom, now: Timestamp) -> Result<Room> {
        let row = RoomRow {
            id: room.id,
            name: room.name,
            description: room.description,
            created_at: Millis::from(now),
            last_seq: 0,
        };
        let stored = row.clone();
        match fetch!(
            self.db,
            write,
            execute,
            diesel::insert_into(rooms::table).values(row)
        )
        .await
        {
            Ok(_) => Ok(stored.into()),
            Err(sql::Error::Duplicate(_)) => Err(Error::RoomExists),
            Err(error) => Err(error.into()),
        }
    }

    async fn room(&self, id: &str) -> Result<Option<Room>> {
        let found: sql::Result<RoomRow> = fetch!(
            self.db,
            read,
            get_result,
            rooms::table.find(id.to_owned()).select(RoomRow::as_select())
        )
        .await;
        match found {
            Ok(row) => Ok(Some(row.into())),
            Err(sql::Error::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn rooms(&self, after: Option<&Room>, limit: u32) -> Result<Vec<Room>> {
        let limit = i64::from(limit);
        let rows: Vec<RoomRow> = match after {
            None => {
                fetch!(
                    self.db,
                    read,
                    load,
                    rooms::table
                        .order((rooms::created_at.asc(), rooms::id.asc()))
                        .limit(limit)
                        .select(RoomRow::as_select())
                )
                .await?
            }
            Some(room) => {
                let at = Millis::from(room.created_at);
                fetch!(
                    self.db,
                    read,
                    load,
                    rooms::table
                        .filter(
                            rooms::created_at
                                .gt(at)
                                .or(rooms::created_at.eq(at).and(rooms::id.gt(room.id.clone())))
                        )
                        .order((rooms::created_at.asc(), rooms::id.asc()))
                        .limit(limit)
                        .select(RoomRow::as_select())
                )
                .await?
            }
        };
        Ok(rows.into_iter().map(Into::into).collect())
    }

    async fn heads(&self, ids: Vec<String>) -> Result<Vec<Head>> {
        let rows: Vec<(String, i64, Option<String>)> = fetch!(
            self.db,
            read,
            load,
            rooms::table
                .left_join(
                    messages::table.on(messages::room_id
                        .eq(rooms::id)
                        .and(messages::change_seq.eq(rooms::last_seq)))
                )
                .filter(rooms::id.eq_any(ids.clone()))
                .select((rooms::id, rooms::last_seq, messages::id.nullable()))
        )
        .await?;
        let heads = rows.into_iter().map(|(room_id, last_seq, last_id)| Head {
            room_id,
            last_seq: from_sql(last_seq),
            last_id,
        });
        Ok(heads.collect())
    }
}
