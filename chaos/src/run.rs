//! A seeded run: a town on a cluster, a schedule of faults, and the verdict at the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    panic::AssertUnwindSafe,
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use test_support::{cluster::Cluster, postgres::Durability};
use tokio::time::{Instant, sleep_until};

use crate::{
    check::{
        self, Verdict,
        stalls::{Stalls, Window},
    },
    fault::Scheduled,
    filer::Uploads,
    history::{History, Person},
    holds::Holds,
    inject,
    running::{Places, Running},
    schedule::{self, Pace, Shape},
    town::{self, Reads, Resident, Size},
};

/// How often the progress line comes.
const PROGRESS: Duration = Duration::from_secs(5);

/// How long everybody may take to have everything once all is healed.
const SETTLES_WITHIN: Duration = Duration::from_mins(1);

/// How long after its healing a fault may still be what makes a message late.
const AFTERMATH: Duration = Duration::from_secs(2);

/// A run before it runs: everything that the seed decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// How long people live before everything comes to rest.
    pub lasts: Duration,
    /// How many replicas.
    pub shape: Shape,
    /// Who lives there.
    pub town: Vec<Resident>,
    /// What happens to them.
    pub schedule: Vec<Scheduled>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The checker's verdict.
    pub verdict: Verdict,
    /// What the checker does not see, and no fault excuses.
    pub troubles: Vec<String>,
    /// How long people waited, by kind of fault.
    pub stalls: Stalls,
    /// Uploads.
    pub uploads: Uploads,
    /// How often each kind of fault happened.
    pub faults: BTreeMap<String, usize>,
}

impl Plan {
    /// Draws everything from a seed.
    pub fn draw(seed: u64, lasts: Duration, size: Size, shape: Shape, pace: Pace) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let town = town::draw(size, &mut random);
        let schedule = schedule::draw(shape, pace, lasts, &mut random);
        Self {
            seed,
            lasts,
            shape,
            town,
            schedule,
        }
    }

    /// Starts a cluster on which every fault of a schedule can be done.
    pub async fn cluster(&self) -> Cluster {
        let Shape {
            edges,
            chats,
            presences,
            notifies,
            files,
        } = self.shape;
        Cluster::builder()
            .edges(edges)
            .chats(chats)
            .presences(presences)
            .notifies(notifies)
            .files(files)
            .durability(Durability::Full)
            .links()
            .jumping_clocks()
            .start()
            .await
    }

    /// Runs it on a cluster; `tell` gets a line for each fault and for the progress.
    ///
    /// # Errors
    /// Where the town can't begin to live.
    pub async fn run(&self, cluster: &Cluster, tell: impl Fn(String)) -> Result<Outcome, String> {
        let running = Running::start(Places::of(cluster), self.town.clone(), self.seed).await?;
        let running = running.with_uploads(self.seed);
        let began = Instant::now();
        let holds = Holds::default();
        let fault = async |scheduled: &Scheduled| {
            sleep_until(began + scheduled.at).await;
            let Scheduled { lasts, fault, .. } = scheduled;
            // The one before may have taken longer to heal than the schedule knew.
            let _hold = holds.take(fault.holds()).await;
            let from = running.now();
            tell(format!(
                "{:>6.1} s  {fault} for {:.1} s",
                from.as_secs_f64(),
                lasts.as_secs_f64()
            ));
            inject::inject(cluster, fault, *lasts).await;
            let (kind, until) = (fault.kind(), running.now() + AFTERMATH);
            Window { kind, from, until }
        };
        // One that does not heal panics: that is told in the verdict, with the logs beside it.
        let mut faults: FuturesUnordered<_> = self
            .schedule
            .iter()
            .map(|scheduled| AssertUnwindSafe(fault(scheduled)).catch_unwind())
            .collect();
        let (mut windows, mut troubles) = (Vec::new(), Vec::new());
        let mut next = began + PROGRESS;
        let end = began + self.lasts;
        while Instant::now() < end || !faults.is_empty() {
            tokio::select! {
                Some(healed) = faults.next() => match healed {
                    Ok(window) => windows.push(window),
                    Err(_) => troubles.push("a fault did not heal: see the panic above".to_owned()),
                },
                () = sleep_until(next.min(end)), if Instant::now() < end => {
                    tell(progress(&running));
                    next += PROGRESS;
                }
            }
        }
        drop(faults);
        if AssertUnwindSafe(inject::all_ready(cluster))
            .catch_unwind()
            .await
            .is_err()
        {
            troubles.push("not every process is ready in the end: see the panic above".to_owned());
        }
        tell(format!("{}; coming to rest", progress(&running)));
        if let Err(late) = running.settle(SETTLES_WITHIN).await {
            troubles.push(format!("not everybody came to rest: {late}"));
        }
        let ended = running.finish().await;
        troubles.extend(ended.troubles);
        troubles.extend(inject::crashes(cluster));
        let mut counts = BTreeMap::new();
        for window in &windows {
            *counts.entry(window.kind.clone()).or_default() += 1;
        }
        let verdict = check::check(&ended.history);
        Ok(Outcome {
            seed: self.seed,
            verdict,
            stalls: check::stalls::stalls(&prompt(ended.history, &self.town), &windows),
            troubles,
            uploads: ended.uploads,
            faults: counts,
        })
    }
}

impl Outcome {
    /// Whether everything that is promised held.
    pub fn is_ok(&self) -> bool {
        self.verdict.is_ok() && self.troubles.is_empty()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.verdict)?;
        writeln!(
            f,
            "uploads: {} tried, {} accepted, each of those there at the end unless told below",
            self.uploads.tried, self.uploads.accepted
        )?;
        writeln!(f, "\n{}", self.stalls)?;
        for trouble in &self.troubles {
            writeln!(f, "trouble: {trouble}")?;
        }
        let verdict = if self.is_ok() { "OK" } else { "FAILED" };
        write!(f, "seed {}: {verdict}", self.seed)
    }
}

/// What happened to those who read as it comes: the others make themselves wait.
fn prompt(mut history: History, town: &[Resident]) -> History {
    let people: BTreeSet<Person> = town
        .iter()
        .filter(|resident| resident.reads == Reads::Promptly)
        .map(|resident| resident.person)
        .collect();
    history.events.retain(|event| people.contains(&event.person));
    history
}

fn progress(running: &Running) -> String {
    let counts = running.counts();
    format!(
        "{:>6.1} s  sent {}, acked {}, delivered {}",
        running.now().as_secs_f64(),
        counts.sent,
        counts.acked,
        counts.seen
    )
}
