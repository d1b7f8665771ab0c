//! Watches one replica's health: hears at once that it stops serving, and asks again and again in case it went silent.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::timeout};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};

use super::balance::Member;

/// How often a replica that serves is asked whether it still answers.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// How soon one that does not serve is asked again whether it does: at first it may only have started a moment later than
/// its caller. Twice as long each time, up to [`ASK_EVERY_WHEN_DOWN`].
const ASK_AGAIN: Duration = Duration::from_millis(10);

/// How often one that does not serve for longer is asked.
const ASK_EVERY_WHEN_DOWN: Duration = Duration::from_millis(200);

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// A watch is opened anew after this time: it must not keep a connection alive that the replica wants to retire.
const WATCH_FOR: Duration = Duration::from_mins(1);

/// Keeps `member` true for ever, and says when it changed.
pub(super) async fn watch(member: Member, changed: Arc<Notify>) {
    let mut health = HealthClient::new(member.channel.clone());
    let mut pause = ASK_AGAIN;
    loop {
        // Returns when the replica does not serve (or after a while): only then is there something to do here.
        if serves(&mut health).await {
            member.set_serves(true, &changed);
            pause = ASK_AGAIN;
            let _ = timeout(WATCH_FOR, until_it_stops(&mut health)).await;
            if serves(&mut health).await {
                continue;
            }
        }
        member.set_serves(false, &changed);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(ASK_EVERY_WHEN_DOWN);
    }
}

async fn serves(health: &mut HealthClient<tonic::transport::Channel>) -> bool {
    let answer = timeout(ANSWER_WITHIN, health.check(HealthCheckRequest::default())).await;
    matches!(answer, Ok(Ok(answer)) if is_serving(*answer.get_ref()))
}

async fn until_it_stops(health: &mut HealthClient<tonic::transport::Channel>) {
    let Ok(Ok(stream)) = timeout(ANSWER_WITHIN, health.watch(HealthCheckRequest::default())).await else {
        return;
    };
    let mut statuses = stream.into_inner();
    loop {
        match timeout(ASK_EVERY, statuses.message()).await {
            Ok(Ok(Some(status))) if is_serving(status) => {}
            // Silence is the rule; but a replica that hangs is silent too.
            Err(_) if serves(health).await => {}
            _ => return,
        }
    }
}

fn is_serving(answer: HealthCheckResponse) -> bool {
    answer.status() == ServingStatus::Serving
}
