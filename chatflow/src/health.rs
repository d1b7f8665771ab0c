//! The process's health out of its services': each keeps its own, so that one whose store fails does not take the
//! others down, and `/readyz` shows all.

use runtime::{
    Shutdown,
    health::{Health, Part, STARTING},
};

/// A service's own health, told on as one part of the process's.
pub(crate) fn of_service(name: &'static str, process: &Health, shutdown: &Shutdown) -> Health {
    let service = Health::new();
    let (part, followed) = (process.part(name), service.clone());
    shutdown.spawn_until_begun(async move {
        let mut ready = followed.watch();
        loop {
            ready.borrow_and_update();
            tell(&part, &followed);
            if ready.changed().await.is_err() {
                return;
            }
        }
    });
    service
}

fn tell(part: &Part, service: &Health) {
    let report = service.report();
    let troubles: Vec<_> = report
        .iter()
        .filter_map(|(name, trouble)| trouble.as_ref().map(|trouble| (name, trouble)))
        .collect();
    if troubles.is_empty() && !report.is_empty() {
        part.up();
    } else if troubles.iter().all(|(_, trouble)| *trouble == STARTING) {
        part.down(STARTING);
    } else {
        let told: Vec<_> = troubles
            .iter()
            .map(|(name, trouble)| format!("{name}: {trouble}"))
            .collect();
        part.down(told.join("; "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_service_s_trouble_shows_in_the_process_and_nowhere_else() {
        let (process, shutdown) = (Health::new(), Shutdown::new());
        let chat = of_service("chat", &process, &shutdown);
        let files = of_service("files", &process, &shutdown);
        let (chat_store, files_store) = (chat.part("chat-store"), files.part("files-store"));
        chat_store.up();
        files_store.down("disk full");
        let told = async {
            while process.report()["files"].as_deref() != Some("files-store: disk full")
                || process.report()["chat"].is_some()
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), told).await.unwrap();
        assert!(chat.is_ready() && !process.is_ready());
        files_store.up();
        let mut ready = process.watch();
        let told = ready.wait_for(|ready| *ready);
        tokio::time::timeout(Duration::from_secs(5), told)
            .await
            .unwrap()
            .unwrap();
    }
}
