//! What the hub keeps, and what subscribers are told, while some lanes work and some do not.

use futures_util::FutureExt as _;

use super::*;
use crate::Event;

/// A hub on which `presence` works on lane 0, and rooms are on lane 1, which is down.
fn half_connected() -> (Arc<Hub>, Box<dyn Subscription>, Lane) {
    let hub = Hub::unconnected(1 << 20);
    let down = hub.add_lane();
    hub.reroute(move |pattern| if pattern.starts_with("room:") { down } else { 0 });
    let mut heard = hub.subscribe(&["presence"]);
    hub.begin(0);
    hub.publishes(Publishes::Everything);
    confirm_all(&hub, 0);
    assert_eq!(told(&mut heard), [Event::Connected]);
    (hub, heard, down)
}

/// Subscribes to whatever is asked for.
fn confirm_all(hub: &Hub, lane: Lane) {
    for pattern in asked(hub, lane) {
        hub.confirm(lane, &pattern);
    }
}

/// What a lane is to subscribe to, in no order of its own.
fn asked(hub: &Hub, lane: Lane) -> Vec<Arc<str>> {
    let (mut more, less) = hub.take(lane, usize::MAX);
    assert!(less.is_empty());
    more.sort_unstable();
    more
}

fn names(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

fn told(subscription: &mut Box<dyn Subscription>) -> Vec<Event> {
    std::iter::from_fn(|| subscription.recv().now_or_never().flatten()).collect()
}

#[test]
fn who_gives_up_what_does_not_work_works() {
    let (hub, mut heard, _) = half_connected();
    let connected = hub.connected();
    heard.add(&["room:a"]);
    assert_eq!(told(&mut heard), [Event::Interrupted]);
    assert!(!*connected.borrow());
    heard.remove(&["room:a"]);
    assert_eq!(told(&mut heard), [Event::Connected]);
    assert!(*connected.borrow());
}

#[test]
fn who_is_gone_does_not_count_as_one_that_does_not_work() {
    let (hub, mut heard, down) = half_connected();
    let connected = hub.connected();
    let other = hub.subscribe(&["room:a"]);
    hub.begin(down);
    hub.lost(down);
    hub.publishes(Publishes::Some);
    hub.publishes(Publishes::Everything);
    assert!(!*connected.borrow());
    drop(other);
    assert!(*connected.borrow());
    assert_eq!(told(&mut heard), []);
}

#[test]
fn what_comes_and_goes_while_a_lane_is_down_leaves_nothing_behind() {
    let (hub, mut heard, down) = half_connected();
    for room in 0..1000 {
        let room = format!("room:{room}");
        heard.add(&[&room]);
        heard.remove(&[&room]);
    }
    heard.add(&["room:last"]);
    assert_eq!(hub.lock().lanes[down].touched.len(), 0);
    assert_eq!(hub.lock().wanted.len(), 2);
    hub.begin(down);
    assert_eq!(asked(&hub, down), names(&["room:last"]));
}

#[test]
fn what_is_denied_is_asked_for_on_the_next_connection_and_forgotten_with_its_hearers() {
    let (hub, mut heard, down) = half_connected();
    hub.begin(down);
    heard.add(&["trace:a", "trace:b"]);
    let both = asked(&hub, 0);
    assert_eq!(both, names(&["trace:a", "trace:b"]));
    hub.denied(0, &both);
    heard.remove(&["trace:a"]);
    assert_eq!(asked(&hub, 0), names(&[]));
    assert_eq!(hub.lock().wanted.len(), 2);
    assert_eq!(told(&mut heard), []);
    hub.lost(0);
    hub.begin(0);
    assert_eq!(asked(&hub, 0), names(&["presence", "trace:b"]));
}

#[test]
fn extras_on_a_lane_that_is_down_disturb_nobody() {
    let (hub, mut heard, _) = half_connected();
    let down = hub.add_lane();
    hub.reroute(move |pattern| if pattern.starts_with("trace:") { down } else { 0 });
    heard.add(&["trace:a"]);
    assert_eq!(told(&mut heard), []);
    assert!(*hub.connected().borrow());
}

#[test]
fn what_moves_to_another_lane_is_given_up_on_its_own_and_works_again_there() {
    let (hub, mut heard, other) = half_connected();
    hub.begin(other);
    hub.reroute(move |_| other);
    assert_eq!(hub.take(0, usize::MAX), (Vec::new(), names(&["presence"])));
    assert_eq!(told(&mut heard), [Event::Interrupted]);
    assert!(!*hub.connected().borrow());
    confirm_all(&hub, other);
    assert_eq!(told(&mut heard), [Event::Connected]);
    assert!(*hub.connected().borrow());
}

#[test]
fn what_a_server_gives_up_by_itself_is_told_and_asked_for_again() {
    let (hub, mut heard, _) = half_connected();
    hub.dropped(0, "presence");
    assert_eq!(told(&mut heard), [Event::Interrupted]);
    assert!(!*hub.connected().borrow());
    assert_eq!(asked(&hub, 0), names(&[]));
    hub.refused(0, &names(&["presence"]));
    confirm_all(&hub, 0);
    assert_eq!(told(&mut heard), [Event::Connected]);
    assert!(*hub.connected().borrow());
}
