//! Accounts and sessions in the database.

use diesel::{
    ExpressionMethods as _, Insertable, JoinOnDsl as _, NullableExpressionMethods as _, QueryDsl as _,
    Queryable, Selectable, SelectableHelper as _,
};
use jiff::Timestamp;
use sql::{Millis, fetch};

use super::{
    Account, Identities, SqlStore, StoredSession,
    schema::{accounts, sessions},
};
use crate::error::{Error, Result};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    token_hash: Vec<u8>,
    user_id: String,
    username: String,
    guest: bool,
    created_at: Millis,
    expires_at: Millis,
}

impl Identities for SqlStore {
    async fn create_account(&self, account: Account, now: Timestamp) -> Result<()> {
        let row = || {
            (
                accounts::user_id.eq(account.user_id.clone()),
                accounts::username.eq(account.username.clone()),
                accounts::password_hash.eq(account.password_hash.clone()),
                accounts::created_at.eq(Millis::from(now)),
            )
        };
        match fetch!(
            self.db,
            write,
            execute,
            diesel::insert_into(accounts::table).values(row())
        )
        .await
        {
            Ok(_) => {}
            Err(sql::Error::Duplicate(_)) => return Err(Error::AccountExists),
            Err(error) => return Err(error.into()),
        }
        // From here on these sessions open nothing any more (see `sessions`): this only tidies up.
        fetch!(
            self.db,
            write,
            execute,
            diesel::delete(
                sessions::table
                    .filter(sessions::user_id.eq(account.user_id.clone()))
                    .filter(sessions::guest.eq(true))
            )
        )
        .await?;
        Ok(())
    }

    async fn account(&self, user_id: &str) -> Result<Option<Account>> {
        let found: sql::Result<(String, String, String)> = fetch!(
            self.db,
            read,
            get_result,
            accounts::table.find(user_id.to_owned()).select((
                accounts::user_id,
                accounts::username,
                accounts::password_hash
            ))
        )
        .await;
        match found {
            Ok((user_id, username, password_hash)) => Ok(Some(Account {
                user_id,
                username,
                password_hash,
            })),
            Err(sql::Error::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn owned(&self, user_ids: Vec<String>) -> Result<Vec<String>> {
        let owned = fetch!(
            self.db,
            read,
            load,
            accounts::table
                .filter(accounts::user_id.eq_any(user_ids.clone()))
                .select(accounts::user_id)
        )
        .await?;
        Ok(owned)
    }

    async fn open_session(&self, session: StoredSession, now: Timestamp) -> Result<()> {
        let row = SessionRow {
            token_hash: session.token_hash.to_vec(),
            user_id: session.user_id,
            username: session.username,
            guest: session.guest,
            created_at: Millis::from(now),
            expires_at: Millis::from(session.expires_at),
        };
        fetch!(
            self.db,
            write,
            execute,
            diesel::insert_into(sessions::table).values(row.clone())
        )
        .await?;
        Ok(())
    }

    async fn sessions(&self, token_hashes: Vec<[u8; 32]>, now: Timestamp) -> Result<Vec<StoredSession>> {
        let hashes: Vec<Vec<u8>> = token_hashes.iter().map(|hash| hash.to_vec()).collect();
        let found: Vec<(SessionRow, Option<String>)> = fetch!(
            self.db,
            read,
            load,
            sessions::table
                .left_join(accounts::table.on(accounts::user_id.eq(sessions::user_id)))
                .filter(sessions::token_hash.eq_any(hashes.clone()))
                .filter(sessions::expires_at.gt(Millis::from(now)))
                .select((SessionRow::as_select(), accounts::user_id.nullable()))
        )
        .await?;
        let valid = found
            .into_iter()
            .filter(|(row, owner)| !row.guest || owner.is_none());
        let sessions = valid.filter_map(|(row, _)| {
            Some(StoredSession {
                token_hash: row.token_hash.try_into().ok()?,
                user_id: row.user_id,
                username: row.username,
                guest: row.guest,
                expires_at: row.expires_at.into(),
            })
        });
        Ok(sessions.collect())
    }

    async fn end_session(&self, token_hash: [u8; 32]) -> Result<()> {
        fetch!(
            self.db,
            write,
            execute,
            diesel::delete(sessions::table.find(token_hash.to_vec()))
        )
        .await?;
        Ok(())
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize> {
        let swept = fetch!(
            self.db,
            write,
            execute,
            diesel::delete(sessions::table.filter(sessions::expires_at.le(Millis::from(now))))
        )
        .await?;
        Ok(swept)
    }
}
