//! What the broker announces, what connections ask for and what the log answers: taken in, in rounds.

use std::time::{Duration, Instant};

use broker::{Broker, Event, Subscription};
use jiff::Timestamp;
use proto::{
    frame::{PRESENCE_CHANNEL, PresenceEvent, ROOMS_CHANNEL, ServerFrame},
    trace_hint::TraceHint,
};
use runtime::trace::Parent;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    asks::{Answer, Ask},
    frame::{Class, Frame},
    peek::{Peek, peek},
    sequencer::Sequencer,
};
use crate::{
    canary::Canary,
    meters,
    recovery::{
        heads::{Heads, Standing, Why, compare},
        seen::{self, Seen},
    },
};

/// Announcements taken in one round, before they are fanned out.
const ROUND: usize = 256;

/// How often to see whether heads have to be compared.
const TICK: Duration = Duration::from_millis(250);

/// Runs until the last connection is gone.
pub(super) async fn run(
    mut sequencer: Sequencer,
    mut heads: Heads,
    broker: Broker,
    canary: Canary,
    mut asks: mpsc::Receiver<Ask>,
    mut answers: mpsc::Receiver<Answer>,
    over: CancellationToken,
) {
    let mut subscription = Some(sequencer.interest().subscribe(&broker, canary.channel()));
    let mut events = Vec::with_capacity(ROUND);
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(ask) = asks.recv() => sequencer.ask(ask).await,
            Some(answer) = answers.recv() => take_answer(&mut sequencer, &mut heads, answer).await,
            count = next(&mut subscription, &mut events) => if count == 0 {
                subscription = None;
                heads.deaf();
                sequencer.interest().delivers(false);
            },
            _ = tick.tick() => {
                let now = Instant::now();
                sequencer.without_hints(now);
                if let Some(subscription) = &mut subscription {
                    sequencer.interest().give_up(&mut **subscription, now);
                }
            }
            () = over.cancelled() => return,
        }
        if !events.is_empty() {
            let now = Timestamp::now();
            for event in events.drain(..) {
                take_in(&mut sequencer, &mut heads, &canary, &event, now).await;
            }
        }
        sequencer.flush().await;
        if let Some(subscription) = &mut subscription {
            sequencer.interest().take_up(&mut **subscription);
        }
        let now = Instant::now();
        if let Some(why) = heads.take_due(now) {
            let standing = sequencer.standing();
            if standing.is_empty() {
                heads.ended(why);
            } else {
                compare_heads(&sequencer, standing, why);
            }
        }
        if sequencer.has_doubtful() && heads.may_hurry(now) {
            let standing = sequencer.take_doubtful();
            compare_heads(&sequencer, standing, Why::Hint);
        }
    }
}

async fn take_answer(sequencer: &mut Sequencer, heads: &mut Heads, answer: Answer) {
    match &answer {
        Answer::NotCompared(why) => return heads.failed(*why, Instant::now()),
        Answer::Heads(compared) => heads.ended(compared.why),
        Answer::Started { .. } | Answer::Page { .. } => {}
    }
    let unhinted = sequencer.answer(answer).await;
    if unhinted > 0 {
        heads.unhinted(unhinted, Instant::now());
    }
}

/// Waits for announcements and takes those of a round; none once the broker is gone for good.
async fn next(subscription: &mut Option<Box<dyn Subscription>>, events: &mut Vec<Event>) -> usize {
    match subscription {
        Some(subscription) => subscription.recv_many(events, ROUND).await,
        None => std::future::pending().await,
    }
}

async fn take_in(
    sequencer: &mut Sequencer,
    heads: &mut Heads,
    canary: &Canary,
    event: &Event,
    now: Timestamp,
) {
    let message = match event {
        Event::Message(message) => message,
        Event::Connected => {
            heads.heard(event, Instant::now());
            return sequencer.connected();
        }
        Event::Interrupted => {
            heads.heard(event, Instant::now());
            return sequencer.interest().delivers(false);
        }
        Event::Added(channel) => {
            if let Some(room) = channel.strip_prefix("room:") {
                sequencer.added(room);
            }
            return;
        }
    };
    let (channel, payload) = (message.channel(), message.payload());
    if let Some(room) = channel.strip_prefix("room:") {
        room_frame(sequencer, heads, room, payload, now).await;
    } else if let Some(user) = channel.strip_prefix("user:") {
        if peek(payload).is_some() {
            sequencer.to_user(user, Frame::text(payload, Class::Kept)).await;
        }
    } else if channel == ROOMS_CHANNEL {
        if peek(payload).is_some_and(|peek| peek.kind == "room_updated") {
            sequencer.to_all(Frame::text(payload, Class::Kept)).await;
        }
    } else if channel == PRESENCE_CHANNEL {
        presence(sequencer, payload).await;
    } else if channel == canary.channel() {
        canary.heard(payload);
    } else if let Some(room) = channel.strip_prefix("trace:") {
        trace_hint(sequencer, room, payload);
    }
}

fn trace_hint(sequencer: &mut Sequencer, room: &str, payload: &[u8]) {
    let Ok(hint) = serde_json::from_slice::<TraceHint>(payload) else {
        tracing::debug!(room, "something on the room's trace channel is no hint");
        return;
    };
    let trace = Parent::remote(&hint.traceparent);
    if trace.is_some() {
        sequencer.announce(room, hint.seq, trace);
    }
}

async fn room_frame(
    sequencer: &mut Sequencer,
    heads: &mut Heads,
    room: &str,
    payload: &[u8],
    now: Timestamp,
) {
    let Some(peek) = peek(payload) else {
        tracing::debug!(room, "something on the room's channel is no frame");
        return;
    };
    match (&*peek.kind, peek.seq) {
        ("room_updated", _) => {
            if sequencer.interest().hears_all() {
                sequencer.to_all(Frame::text(payload, Class::Kept)).await;
            }
        }
        (_, Some(seq)) => {
            if let Some(lag) = lag(&peek, now) {
                meters::publish_lag(lag);
            }
            heads.hinted();
            let id = peek.id.as_deref().and_then(seen::parse);
            sequencer.hint(room, Some(Seen { seq, id }), payload).await;
        }
        ("typing" | "stop_typing" | "user_joined" | "user_left", None) => {
            sequencer.hint(room, None, payload).await;
        }
        (kind, None) => tracing::debug!(room, kind, "a frame that is in no log is not passed on"),
    }
}

/// How long a new message was on its way.
fn lag(peek: &Peek<'_>, now: Timestamp) -> Option<Duration> {
    if peek.kind != "message" {
        return None;
    }
    let at: Timestamp = peek.timestamp.as_ref()?.parse().ok()?;
    Duration::try_from(now.duration_since(at)).ok()
}

async fn presence(sequencer: &mut Sequencer, payload: &[u8]) {
    let Ok(event) = serde_json::from_slice::<PresenceEvent>(payload) else {
        tracing::debug!("something on the presence channel is no presence event");
        return;
    };
    let frame = ServerFrame::Presence {
        user_id: &event.user_id,
        username: &event.username,
        status: event.status,
    };
    let frame = Frame::text(&frame.encode(), Class::Ephemeral);
    sequencer.to_rooms(event.rooms, frame).await;
}

fn compare_heads(sequencer: &Sequencer, standing: Vec<Standing>, why: Why) {
    if standing.is_empty() {
        return;
    }
    let (log, answers, shutdown) = sequencer.log();
    shutdown.spawn(async move {
        let compared = compare(&log, standing, why).await;
        let _ = answers
            .send(compared.map_or(Answer::NotCompared(why), Answer::Heads))
            .await;
    });
}
