//! The database restored to an earlier state: who is ahead of it is told, and everybody converges on what is stored.

use std::{collections::BTreeSet, time::Duration};

use chaos::{
    check,
    history::{Event, History, Person, Room, What},
};
use test_support::{cluster::Cluster, postgres::Durability};

use crate::support::{SETTLES, life_goes_on, lively, prompt_town};

/// The history as it goes on after the restore: each person begins anew in a room when told so.
fn after_the_resets(history: History) -> (History, BTreeSet<(Person, Room)>) {
    let mut told = BTreeSet::new();
    let mut events = Vec::new();
    let stored_names: BTreeSet<_> = history
        .stored
        .values()
        .flat_map(|log| log.messages.iter().map(|message| message.name))
        .collect();
    let stored_ids: BTreeSet<_> = history
        .stored
        .values()
        .flat_map(|log| log.messages.iter().map(|message| message.id))
        .collect();
    let last_resets: Vec<Option<usize>> = last_resets(&history);
    for (at, event) in history.events.into_iter().enumerate() {
        let Event {
            at: time,
            person,
            what,
        } = event;
        let what = match what {
            // What was lost with the restored state was lost by the operator, not by us.
            What::Sent { name, .. } | What::Refused { name, .. } if !stored_names.contains(&name) => continue,
            What::Acked { id, .. } if !stored_ids.contains(&id) => continue,
            What::Reset {
                session,
                room,
                last_seq,
            } => {
                told.insert((person, room));
                What::Joined {
                    session,
                    room,
                    after: None,
                    last_seq: Some(last_seq),
                }
            }
            What::Read { .. } => continue,
            other => other,
        };
        let is_before = last_resets[at].is_some_and(|reset| at < reset);
        if is_before && matches!(what, What::Joined { .. } | What::Saw { .. }) {
            continue;
        }
        events.push(Event {
            at: time,
            person,
            what,
        });
    }
    let history = History {
        events,
        stored: history.stored,
        present: history.present,
    };
    (history, told)
}

/// For each event about a room, where its person's last reset in that room is.
fn last_resets(history: &History) -> Vec<Option<usize>> {
    let mut last = std::collections::BTreeMap::new();
    for (at, event) in history.events.iter().enumerate() {
        if let What::Reset { room, .. } = event.what {
            last.insert((event.person, room), at);
        }
    }
    let events = history.events.iter();
    events
        .map(|event| match event.what {
            What::Joined { room, .. } | What::Saw { room, .. } | What::Reset { room, .. } => {
                last.get(&(event.person, room)).copied()
            }
            _ => None,
        })
        .collect()
}

async fn restored_after(quiet: bool) {
    let cluster = Cluster::builder()
        .edges(2)
        .chats(2)
        .durability(Durability::Full)
        .start()
        .await;
    let mut town = prompt_town(12);
    for resident in &mut town {
        // Some come back only when the restored log has overtaken what they have.
        resident.leaves_every = Duration::from_secs(8);
    }
    let running = lively(&cluster, town).await;
    let backup = cluster.postgres.snapshot().await;
    life_goes_on(Duration::from_secs(if quiet { 8 } else { 3 })).await;
    let before = running.now();
    cluster.postgres.restore(&backup).await;
    life_goes_on(Duration::from_secs(if quiet { 3 } else { 15 })).await;
    running.settle(SETTLES).await.expect("everybody converges");
    let ended = running.finish().await;
    // The town's only trouble is what this is about.
    let others: Vec<&String> = ended
        .troubles
        .iter()
        .filter(|trouble| !trouble.contains("said to be set back"))
        .collect();
    assert!(others.is_empty(), "{others:?}");
    let ahead: BTreeSet<(Person, Room)> = ahead_of_the_backup(&ended.history, before);
    assert!(ahead.len() > 5, "people were ahead of the restored state");
    let (history, told) = after_the_resets(ended.history);
    let untold: Vec<_> = ahead.difference(&told).collect();
    assert!(untold.is_empty(), "ahead, and not told: {untold:?}");
    let verdict = check::check(&history);
    assert!(verdict.is_ok(), "{verdict}");
}

/// Who had seen, before the restore, messages that are not stored any more.
fn ahead_of_the_backup(history: &History, before: Duration) -> BTreeSet<(Person, Room)> {
    let ids: BTreeSet<_> = history
        .stored
        .values()
        .flat_map(|log| log.messages.iter().map(|message| message.id))
        .collect();
    let seen = history.events.iter().filter(|event| event.at < before);
    seen.filter_map(|event| match event.what {
        What::Saw { room, id, .. } if !ids.contains(&id) => Some((event.person, room)),
        _ => None,
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_ahead_of_a_restored_database_are_told_and_converge() {
    restored_after(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_restored_database_that_has_overtaken_them_are_told_and_converge() {
    restored_after(false).await;
}
