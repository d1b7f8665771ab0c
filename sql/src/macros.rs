//! One query text, compiled for both backends.

/// Runs one statement: `fetch!(db, read, load, query)`.
///
/// The second word is SQLite's pool (`read` or `write`), the third diesel's method (`load`, `get_result`,
/// `get_results`, `first`, `execute`). Bound values must be owned (`room.to_owned()`): SQLite's statement and its row
/// mapping run together on a blocking thread, one hop for both. A running SQLite statement can't be cancelled, so
/// keep it short.
///
/// # Errors
/// [`Error`](crate::Error).
#[macro_export]
macro_rules! fetch {
    ($db:expr, $pool:ident, $run:ident, $query:expr) => {
        async {
            match $crate::Db::pools(&$db)? {
                $crate::Pools::Postgres(pool) => {
                    let mut connection = $crate::checkout_postgres(pool).await?;
                    let answer = $crate::within(
                        $crate::STATEMENT,
                        $crate::diesel_async::RunQueryDsl::$run($query, &mut *connection),
                    )
                    .await?;
                    connection.give_back();
                    answer.map_err($crate::Error::from)
                }
                $crate::Pools::Lite { $pool: pool, .. } => {
                    let mut connection = $crate::checkout_lite(pool).await?;
                    let query = $query;
                    let answer =
                        $crate::diesel_async::sync_connection_wrapper::SyncConnectionWrapper::spawn_blocking(
                            &mut *connection,
                            move |connection| $crate::diesel::RunQueryDsl::$run(query, connection),
                        )
                        .await;
                    connection.give_back();
                    answer.map_err($crate::Error::from)
                }
            }
        }
    };
}

/// Runs several statements in one transaction: `transaction!(db, |c| async { … })`.
///
/// The body is compiled twice: `c` is `&mut Postgres`, then `&mut Lite`; it must own what it uses (clone before). At
/// SQLite transactions take turns. At PostgreSQL they run side by side, each statement seeing what was committed before
/// it (READ COMMITTED): begin with the write that takes the lock which orders this transaction among the others. An
/// `Err` from the body, or dropping the future, rolls everything back.
///
/// # Errors
/// What the body returns, which must be able to hold an [`Error`](crate::Error) made from diesel's.
#[macro_export]
macro_rules! transaction {
    ($db:expr, |$c:ident| $body:expr) => {
        async {
            match $crate::Db::pools(&$db)? {
                $crate::Pools::Postgres(pool) => {
                    let mut connection = $crate::checkout_postgres(pool).await?;
                    let answer = $crate::within(
                        $crate::TRANSACTION,
                        $crate::diesel_async::AsyncConnection::transaction(
                            &mut *connection,
                            async move |$c: &mut $crate::Postgres| $body,
                        ),
                    )
                    .await?;
                    connection.give_back();
                    answer
                }
                $crate::Pools::Lite { write: pool, .. } => {
                    let mut connection = $crate::checkout_lite(pool).await?;
                    let answer = $crate::Lite::immediate_transaction(
                        &mut *connection,
                        async move |$c: &mut $crate::Lite| $body,
                    )
                    .await;
                    connection.give_back();
                    answer
                }
            }
        }
    };
}
