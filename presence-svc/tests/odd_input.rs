//! `HeartbeatMany` with whatever a caller may send: all of it is taken, or nothing, and never is it a fault of ours.

mod support;

use std::collections::BTreeSet;

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use proto::presence::{HeartbeatManyRequest, HeartbeatRequest};
use support::{LONG, Service, lifetimes};
use tonic::Code;
use tonic_types::StatusExt as _;

/// Calls that are made.
const CALLS: u32 = 150;

fn is_id(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 64
        && text.starts_with(plain)
        && text.chars().all(|c| plain(c) || matches!(c, '.' | '_' | '-'))
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        60 => "[a-z0-9][a-z0-9._-]{0,63}",
        1 => "[a-z0-9._-]{60,70}",
        1 => any::<String>(),
        1 => Just(String::new()),
    ]
}

/// A name, and whether it is one.
fn name() -> impl Strategy<Value = (String, bool)> {
    prop_oneof![
        30 => "[A-Za-z0-9\u{4e00}-\u{4e20}]{0,64}".prop_map(|name| (name, true)),
        1 => "[ \u{202E}\u{200B}\n\0]{1,3}x".prop_map(|name| (name, false)),
        1 => "[a-z]{65,200}".prop_map(|name| (name, false)),
    ]
}

fn user() -> impl Strategy<Value = (HeartbeatRequest, bool)> {
    let rooms = prop_oneof![
        40 => prop::collection::vec(id(), 0..4),
        1 => prop::collection::vec("[a-z]", 195..205),
    ];
    (id(), name(), rooms).prop_map(|(user_id, (username, named), room_ids)| {
        let fits = named && is_id(&user_id) && room_ids.len() <= 200 && room_ids.iter().all(|id| is_id(id));
        let request = HeartbeatRequest {
            user_id,
            username,
            room_ids,
        };
        (request, fits)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_taken_whole_or_not_at_all() {
    let (service, _broker) = Service::in_process(lifetimes(LONG, LONG)).await;
    let mut client = service.client.clone();
    let mut runner = TestRunner::new(Config::default());
    let calls = prop::collection::vec(user(), 0..12);
    let mut online: BTreeSet<String> = BTreeSet::new();
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..CALLS {
        let (users, fits): (Vec<HeartbeatRequest>, Vec<bool>) =
            calls.new_tree(&mut runner).unwrap().current().into_iter().unzip();
        let ids: Vec<String> = users.iter().map(|user| user.user_id.clone()).collect();
        let shown = format!("{users:?}");
        match client.heartbeat_many(HeartbeatManyRequest { users }).await {
            Ok(_) => {
                assert!(fits.iter().all(|fits| *fits), "taken: {shown}");
                online.extend(ids);
                taken += 1;
            }
            Err(status) => {
                assert!(!fits.iter().all(|fits| *fits), "refused: {shown}: {status:?}");
                assert_eq!(status.code(), Code::InvalidArgument, "{shown}");
                let details = status.get_error_details();
                let field = &details.bad_request().unwrap().field_violations[0].field;
                assert!(field.starts_with("users."), "{field}");
                refused += 1;
            }
        }
        let expected: Vec<String> = online.iter().cloned().collect();
        assert_eq!(service.online().await, expected, "{shown}");
    }
    assert!(
        taken > CALLS / 10 && refused > CALLS / 10,
        "{taken} taken, {refused} refused"
    );
}
