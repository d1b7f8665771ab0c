//! From a database that may not be there yet to one that is watched.

use std::time::Duration;

use runtime::{Shutdown, health::Part, server::probe};

use crate::{Db, Migrations};

const PAUSE: Duration = Duration::from_millis(500);

/// Migrates as soon as the database answers, however long that takes, then keeps `part` true. Until then every query
/// fails with [`Error::Unavailable`](crate::Error::Unavailable). Returns once the first try is over, so that an
/// embedded store is ready then.
pub async fn bring_up(db: &Db, migrations: &'static Migrations, part: Part, shutdown: &Shutdown) {
    let watch = {
        let shutdown = shutdown.clone();
        move |db: Db, part: Part| {
            probe(part, &shutdown, move || {
                let db = db.clone();
                async move { db.ping().await }
            });
        }
    };
    if attempt(db, migrations, &part).await {
        part.up();
        watch(db.clone(), part);
        return;
    }
    let db = db.clone();
    shutdown.spawn_until_begun(async move {
        while !attempt(&db, migrations, &part).await {
            tokio::time::sleep(PAUSE).await;
        }
        part.up();
        watch(db, part);
    });
}

async fn attempt(db: &Db, migrations: &'static Migrations, part: &Part) -> bool {
    match db.migrate(migrations).await {
        Ok(()) => true,
        Err(error) => {
            part.down(error.to_string());
            false
        }
    }
}
