//! A town that lives on a cluster: started, brought to rest, and asked for its history.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::json;
use test_support::cluster::Cluster;
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use crate::{
    board::Board,
    errands::Errands,
    filer::{self, Uploads},
    history::{History, Person, Room, What},
    person::{self, Phase},
    recorder::{Counts, Recorder},
    stored::Stored,
    town::Resident,
};

/// How often to see whether all are through.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long presence may take to be right again: one heartbeat of the edge, and its way.
const PRESENCE_WITHIN: Duration = Duration::from_secs(12);

/// How long notifications may take: the relay's longest pause, which is also how long it takes until what a dead replica
/// has claimed is free again, and a little.
const NOTIFIED_WITHIN: Duration = Duration::from_secs(45);

/// How many examples a trouble names.
const EXAMPLES: usize = 3;

/// Where a town lives.
#[derive(Debug, Clone)]
pub struct Places {
    /// `host:port` of each edge, as people reach it.
    pub doors: Arc<[String]>,
    /// The URL of chat-svc's database.
    pub chat_db: String,
    /// The URL of notify-svc's database.
    pub notifications_db: String,
}

impl Places {
    /// The places of a cluster.
    pub fn of(cluster: &Cluster) -> Self {
        let doors = (0..cluster.edges()).map(|edge| cluster.base_url(edge).replacen("http://", "", 1));
        Self {
            doors: doors.collect(),
            chat_db: cluster.postgres.url("chat_db"),
            notifications_db: cluster.postgres.url("notifications_db"),
        }
    }
}

/// A town that lives.
pub struct Running {
    places: Places,
    residents: Vec<Resident>,
    recorder: Recorder,
    board: Board,
    errands: Errands,
    phase: watch::Sender<Phase>,
    lives: JoinSet<()>,
    filer: Option<JoinHandle<Uploads>>,
}

/// A town that has come to its end.
#[derive(Debug)]
pub struct Ended {
    /// What the checker checks.
    pub history: History,
    /// What no fault excuses, in words.
    pub troubles: Vec<String>,
    /// Uploads, if anybody made some.
    pub uploads: Uploads,
}

impl Running {
    /// Makes the rooms and lets everybody live.
    ///
    /// # Errors
    /// What kept a room from being made.
    pub async fn start(places: Places, residents: Vec<Resident>, seed: u64) -> Result<Self, String> {
        make_rooms(&places, &residents).await?;
        let (recorder, board) = (Recorder::default(), Board::default());
        let errands = Errands::new(Arc::clone(&places.doors), recorder.clone(), board.clone());
        let (phase, following) = watch::channel(Phase::Living);
        let shared = person::Shared {
            doors: Arc::clone(&places.doors),
            recorder: recorder.clone(),
            board: board.clone(),
            errands: errands.clone(),
            phase: following,
            people: u32::try_from(residents.len()).unwrap_or(u32::MAX),
        };
        let mut lives = JoinSet::new();
        for resident in &residents {
            lives.spawn(person::live(resident.clone(), shared.clone(), seed));
        }
        Ok(Self {
            places,
            residents,
            recorder,
            board,
            errands,
            phase,
            lives,
            filer: None,
        })
    }

    /// Lets somebody upload files, too.
    #[must_use]
    pub fn with_uploads(mut self, seed: u64) -> Self {
        let live = filer::live(
            Arc::clone(&self.places.doors),
            self.board.clone(),
            self.phase.subscribe(),
            seed,
        );
        self.filer = Some(tokio::spawn(live));
        self
    }

    /// Since the town began to live, by the clock of its history.
    pub fn now(&self) -> Duration {
        self.recorder.now()
    }

    /// How much happened so far.
    pub fn counts(&self) -> Counts {
        self.recorder.counts()
    }

    /// Where everybody stands.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Nobody writes or leaves any more; returns when everybody has everything, or tells who has not after `deadline`.
    ///
    /// # Errors
    /// Who has not, in words.
    pub async fn settle(&self, deadline: Duration) -> Result<(), String> {
        self.phase.send_replace(Phase::Settling);
        let end = Instant::now() + deadline;
        self.errands.done().await;
        loop {
            let late = self.late().await;
            if late.is_ok() || Instant::now() >= end {
                return late;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Who has not got everything yet.
    async fn late(&self) -> Result<(), String> {
        let failed = |error: tokio_postgres::Error| format!("the database fails: {error}");
        let stored = Stored::connect(&self.places.chat_db).await.map_err(failed)?;
        let heads = stored.heads().await.map_err(failed)?;
        let standings = self.board.standings();
        for resident in &self.residents {
            let user = resident.person.user_id();
            let standing = standings
                .get(&resident.person)
                .ok_or_else(|| format!("{user} has not begun"))?;
            if standing.waits {
                return Err(format!("{user} waits for an acknowledgement"));
            }
            for room in &resident.rooms {
                let head = heads.get(room).copied().unwrap_or(0);
                match standing.joined.get(room) {
                    Some(position) if *position == head => {}
                    Some(position) => {
                        return Err(format!("{user} is at {position} of {head} in {}", room.id()));
                    }
                    None => return Err(format!("{user} is not in {}", room.id())),
                }
            }
        }
        Ok(())
    }

    /// Ends the town and tells its history; for a good one, [`Running::settle`] first.
    pub async fn finish(mut self) -> Ended {
        let mut troubles = Vec::new();
        let present = self.present();
        troubles.extend(self.online_within(PRESENCE_WITHIN).await.err());
        self.phase.send_replace(Phase::Over);
        while self.lives.join_next().await.is_some() {}
        let uploads = match self.filer.take() {
            Some(filer) => filer.await.unwrap_or_default(),
            None => Uploads::default(),
        };
        let mut history = History {
            events: self.recorder.take(),
            present,
            ..History::default()
        };
        let stored = async {
            let stored = Stored::connect(&self.places.chat_db).await?;
            stored.logs(&mut troubles).await
        };
        match stored.await {
            Ok(logs) => history.stored = logs,
            Err(error) => troubles.push(format!("the log can't be read: {error}")),
        }
        let events = history.events.iter();
        let resets = events
            .filter(|event| matches!(event.what, What::Reset { .. }))
            .count();
        if resets > 0 {
            // What was seen and then lost would be excused by it.
            troubles.push(format!(
                "{resets} times a log was said to be set back: only a restored database may be"
            ));
        }
        troubles.extend(self.not_notified(&history).await);
        troubles.extend(self.board.troubles());
        Ended {
            history,
            troubles,
            uploads,
        }
    }

    /// Everybody, with all of their rooms.
    fn present(&self) -> Vec<(Person, Room)> {
        let residents = self.residents.iter();
        residents
            .flat_map(|resident| resident.rooms.iter().map(|room| (resident.person, *room)))
            .collect()
    }

    /// Waits until everybody counts as online; all are connected, most of the time.
    ///
    /// # Errors
    /// Who does not after `deadline`, in words.
    pub async fn online_within(&self, deadline: Duration) -> Result<(), String> {
        let end = Instant::now() + deadline;
        loop {
            let online = tokio::time::timeout(deadline, self.online()).await;
            let online = online.ok().flatten().unwrap_or_default();
            let people = self.residents.iter().map(|resident| resident.person.user_id());
            let absent: Vec<String> = people.filter(|user| !online.contains(user)).collect();
            if absent.is_empty() {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(format!("connected, and not online: {absent:?}"));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn online(&self) -> Option<BTreeSet<String>> {
        #[derive(Deserialize)]
        struct Online {
            user_id: String,
        }
        for door in &*self.places.doors {
            let url = format!("http://{door}/api/presence");
            if let Ok(answer) = reqwest::get(&url).await
                && let Ok(online) = answer.json::<Vec<Online>>().await
            {
                return Some(online.into_iter().map(|one| one.user_id).collect());
            }
        }
        None
    }

    /// Mentions that were not told, or told more than once.
    async fn not_notified(&self, history: &History) -> Option<String> {
        let mentions = self.recorder.mentions();
        let wrong = async || -> Result<Vec<String>, tokio_postgres::Error> {
            let told = Stored::connect(&self.places.notifications_db)
                .await?
                .notifications()
                .await?;
            let mut wrong = Vec::new();
            for mention in &mentions {
                let log = history.stored.get(&mention.room);
                let message = log.and_then(|log| {
                    log.messages
                        .iter()
                        .find(|message| message.author == mention.author && message.name == mention.name)
                });
                let Some(message) = message else { continue };
                let count = told.get(&(message.id, mention.whom)).copied().unwrap_or(0);
                // What was deleted before anybody heard of it need not be told.
                if count > 1 || count == 0 && !message.deleted {
                    let whom = mention.whom.user_id();
                    wrong.push(format!("{whom} was told {count} times of {}", message.id));
                }
            }
            Ok(wrong)
        };
        let end = Instant::now() + NOTIFIED_WITHIN;
        loop {
            let wrong = match wrong().await {
                Ok(wrong) if wrong.is_empty() => return None,
                Ok(wrong) => wrong,
                Err(error) => vec![error.to_string()],
            };
            if Instant::now() >= end {
                let examples = wrong.iter().take(EXAMPLES).cloned().collect::<Vec<_>>();
                return Some(format!(
                    "{} mentions were not told once: {}",
                    wrong.len(),
                    examples.join("; ")
                ));
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

async fn make_rooms(places: &Places, residents: &[Resident]) -> Result<(), String> {
    let rooms: BTreeSet<Room> = residents
        .iter()
        .flat_map(|resident| resident.rooms.iter().copied())
        .collect();
    let http = reqwest::Client::new();
    for room in rooms {
        let body = json!({"id": room.id(), "name": room.id()});
        let url = format!("http://{}/api/chat/rooms", places.doors[0]);
        let answer = http.post(url).json(&body).send().await;
        let answer = answer.map_err(|error| format!("{} can't be made: {error}", room.id()))?;
        if ![201, 409].contains(&answer.status().as_u16()) {
            return Err(format!("{} can't be made: {}", room.id(), answer.status()));
        }
    }
    Ok(())
}
