//! One diesel code base on two backends: SQLite for the embedded store, PostgreSQL for servers.
//!
//! A query is written once and compiled for both by [`fetch!`] (one statement) and [`transaction!`] (several). Never
//! import `diesel::prelude::*` and `diesel_async::RunQueryDsl` into one scope: their methods have the same names.

mod bring_up;
mod checkout;
mod db;
mod error;
mod macros;
mod migrate;
mod moment;
mod url;

pub use bring_up::bring_up;
#[doc(hidden)]
pub use checkout::{STATEMENT, TRANSACTION, checkout_lite, checkout_postgres, within};
#[doc(hidden)]
pub use db::Pools;
pub use db::{Db, LITE_SETTINGS, Lite, Postgres};
pub use error::{Error, Result};
pub use migrate::Migrations;
pub use moment::{Millis, Moment};
pub use url::DatabaseUrl;

// For the macros, which expand in other crates.
#[doc(hidden)]
pub use diesel;
#[doc(hidden)]
pub use diesel_async;
