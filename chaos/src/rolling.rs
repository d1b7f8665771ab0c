//! A rolling restart: every process is replaced, one by one, under load, as an upgrade would do it.

use std::time::Duration;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use test_support::{
    cluster::{Cluster, Part},
    postgres::Durability,
    wait,
};
use tokio::time::{Instant, sleep};

use crate::{
    check::{
        self,
        stalls::{self, Window},
    },
    inject,
    running::{Places, Running},
    schedule::Shape,
    town::{self, Size},
};

/// Load before the first, between two, and after the last.
const BETWEEN: Duration = Duration::from_secs(2);

/// How long everybody may take to have everything at the end.
const SETTLES_WITHIN: Duration = Duration::from_secs(30);

/// Two of everything: a service of one replica is away while that one is replaced.
const SHAPE: Shape = Shape {
    edges: 2,
    chats: 2,
    presences: 2,
    notifies: 2,
    files: 2,
};

/// Replaces everything so many times; whether every promise held.
///
/// # Errors
/// Where the town can't begin to live.
pub async fn run(seed: u64, rounds: u32, tell: impl Fn(String)) -> Result<bool, String> {
    let cluster = Cluster::builder()
        .edges(SHAPE.edges)
        .chats(SHAPE.chats)
        .presences(SHAPE.presences)
        .notifies(SHAPE.notifies)
        .files(SHAPE.files)
        .durability(Durability::Full)
        .start()
        .await;
    let residents = town::draw(Size::default(), &mut ChaCha8Rng::seed_from_u64(seed));
    tell(format!("seed {seed}: {} people", residents.len()));
    let running = Running::start(Places::of(&cluster), residents, seed).await?;
    let running = running.with_uploads(seed);
    let mut windows = Vec::new();
    sleep(BETWEEN).await;
    for _ in 0..rounds {
        for part in services_first(&cluster) {
            let (from, began) = (running.now(), Instant::now());
            let _ = cluster.process(part).terminate(wait::SOON).await;
            let stopped = began.elapsed();
            cluster.process(part).start();
            cluster.process(part).wait_ready(wait::START).await;
            tell(format!(
                "{:>6.1} s  {part} replaced: stopped in {:.1} s, ready again after {:.1} s",
                from.as_secs_f64(),
                stopped.as_secs_f64(),
                began.elapsed().as_secs_f64()
            ));
            let (kind, until) = (kind(part), running.now());
            windows.push(Window { kind, from, until });
            sleep(BETWEEN).await;
        }
    }
    let mut troubles = Vec::new();
    if let Err(late) = running.settle(SETTLES_WITHIN).await {
        troubles.push(format!("not everybody came to rest: {late}"));
    }
    let ended = running.finish().await;
    troubles.extend(ended.troubles);
    troubles.extend(inject::crashes(&cluster));
    let verdict = check::check(&ended.history);
    if ended.uploads.accepted < ended.uploads.tried {
        troubles.push(format!(
            "{} of {} uploads failed",
            ended.uploads.tried - ended.uploads.accepted,
            ended.uploads.tried
        ));
    }
    tell(verdict.to_string());
    tell(stalls::stalls(&ended.history, &windows).to_string());
    for trouble in &troubles {
        tell(format!("trouble: {trouble}"));
    }
    let ok = verdict.is_ok() && troubles.is_empty();
    tell(format!("rolling restart: {}", if ok { "OK" } else { "FAILED" }));
    Ok(ok)
}

/// The services before the edges: what clients talk to is then new already.
fn services_first(cluster: &Cluster) -> Vec<Part> {
    let (edges, mut parts): (Vec<Part>, Vec<Part>) =
        cluster.parts().partition(|part| matches!(part, Part::Edge(_)));
    parts.extend(edges);
    parts
}

fn kind(part: Part) -> String {
    let name = part.to_string();
    let service = name
        .rsplit_once('-')
        .map_or(name.as_str(), |(service, _)| service);
    format!("{service} replaced")
}
