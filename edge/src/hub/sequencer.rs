//! Makes of hints and pages of the log one gapless stream per room that somebody here listens to.

mod starting;

use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use proto::frame::RoomUser;
use runtime::{Shutdown, trace::Parent};
use tokio::sync::mpsc;

use super::{
    RoomId,
    announce::Announcer,
    asks::{Answer, Ask},
    frame::{Batch, Class, Frame},
    interest::Interest,
    served::{Served, Waiting},
    shard::{Command, Share},
    shards::Shards,
    traced::Places,
};
use crate::{
    meters,
    recovery::{
        heads::{Compared, Standing, Why},
        log::{Log, Unread},
        seen::Seen,
        tail::{Next, Page},
    },
    socket::connection::Connection,
};

/// Answers of the log that may wait.
const ANSWERS: usize = 256;

/// How long to wait before asking a log again that did not answer.
const AGAIN: Duration = Duration::from_millis(250);

/// See the module.
pub(super) struct Sequencer {
    /// Boxed, so that the table's empty places are small.
    rooms: HashMap<RoomId, Box<Served>>,
    /// Rooms in which something is due; some may be named twice.
    dirty: Vec<RoomId>,
    /// For announcements in the rooms.
    places: Places,
    /// Rooms whose heads are to be compared soon.
    doubtful: HashSet<RoomId>,
    to_start: Vec<(RoomId, u64)>,
    starting: bool,
    epochs: u64,
    interest: Interest,
    log: Log,
    shards: Shards,
    announcer: Announcer,
    answers: mpsc::Sender<Answer>,
    served: Arc<AtomicUsize>,
    shutdown: Shutdown,
}

impl Sequencer {
    pub(super) fn new(
        interest: Interest,
        log: Log,
        shards: Shards,
        announcer: Announcer,
        served: Arc<AtomicUsize>,
        shutdown: &Shutdown,
    ) -> (Self, mpsc::Receiver<Answer>) {
        let (answers, receiver) = mpsc::channel(ANSWERS);
        let sequencer = Self {
            rooms: HashMap::new(),
            dirty: Vec::new(),
            places: Places::default(),
            doubtful: HashSet::new(),
            to_start: Vec::new(),
            starting: false,
            epochs: 0,
            interest,
            log,
            shards,
            announcer,
            answers,
            served,
            shutdown: shutdown.clone(),
        };
        (sequencer, receiver)
    }

    /// Does what a connection asks for.
    pub(super) async fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Subscribe {
                connection,
                room,
                generation,
                after,
            } => {
                let waiting = Waiting {
                    connection,
                    generation,
                    after,
                };
                self.subscribe(room, waiting).await;
            }
            Ask::Unsubscribe { connection, room } => self.leave(&connection, &room, true).await,
            Ask::Gone { connection, rooms } => {
                for room in rooms {
                    self.leave(&connection, &room, false).await;
                }
            }
        }
        self.count();
    }

    /// Tells how many rooms are served.
    fn count(&self) {
        let count = self.rooms.len();
        self.served.store(count, Ordering::Relaxed);
        meters::rooms_served(count);
    }

    async fn subscribe(&mut self, id: RoomId, waiting: Waiting) {
        let entry = self.rooms.entry(Arc::clone(&id)).or_insert_with(|| {
            self.epochs += 1;
            let mut entry = Served::new(Arc::clone(&id), self.epochs, self.shards.count());
            if self.interest.join(&id, Instant::now()) {
                entry.is_asked = true;
                self.to_start.push((Arc::clone(&id), self.epochs));
            }
            Box::new(entry)
        });
        if entry.tail.has_started() {
            let (id, last) = (Arc::clone(&entry.id), entry.tail.stands_at());
            self.admit(&id, waiting, last).await;
        } else {
            entry.wait(waiting);
        }
        self.start_rooms();
    }

    /// Makes a connection a member of the stream from behind `last`.
    async fn admit(&mut self, id: &RoomId, waiting: Waiting, last: Seen) {
        let Waiting {
            connection,
            generation,
            after,
        } = waiting;
        let Some(entry) = self.rooms.get_mut(id) else {
            return;
        };
        let shard = self.shards.index(connection.user_id());
        let is_told = entry.enter(&connection, shard) && entry.is_told();
        let command = Command::Join {
            connection: Arc::clone(&connection),
            room: Arc::clone(id),
            generation,
            after,
            last,
        };
        self.shards.at(shard).send(command).await;
        if is_told {
            self.announcer.joined(who(&connection, id));
        }
    }

    async fn leave(&mut self, connection: &Arc<Connection>, id: &RoomId, answer: bool) {
        let mut is_told = false;
        let shard = self.shards.index(connection.user_id());
        if let Some(entry) = self.rooms.get_mut(id) {
            is_told = entry.leave(connection, shard) && entry.is_told();
            if entry.is_idle() {
                self.rooms.remove(id);
                self.interest.leave(id, Instant::now());
            }
        }
        let command = Command::Leave {
            connection: Arc::clone(connection),
            room: Arc::clone(id),
            answer,
        };
        self.shards.at(shard).send(command).await;
        // Clients of an edge that stops come back at another one: nobody has left.
        if is_told && !self.shutdown.has_begun() {
            self.announcer.left(who(connection, id));
        }
    }

    /// Takes in what the log answered. Tells how many rooms turn out to have changes that no hint told of in time.
    pub(super) async fn answer(&mut self, answer: Answer) -> usize {
        match answer {
            Answer::Started { asked, heads } => {
                self.starting = false;
                for (room, epoch) in asked {
                    let head = match &heads {
                        Ok(heads) => heads.get(&room).copied().ok_or(Unread::NoSuchRoom),
                        Err(unread) => Err(*unread),
                    };
                    self.started(&room, epoch, head).await;
                }
                self.start_rooms();
                // Rooms that can't be listened to were taken out again.
                self.count();
                0
            }
            Answer::Page {
                room,
                epoch,
                asked,
                page,
            } => {
                self.page(&room, epoch, asked, page).await;
                0
            }
            Answer::Heads(compared) => self.compare(compared).await,
            Answer::NotCompared(_) => 0,
        }
    }

    async fn page(&mut self, room: &RoomId, epoch: u64, asked: Seen, page: Result<Page, Unread>) {
        let Some(entry) = self.rooms.get_mut(room).filter(|entry| entry.epoch == epoch) else {
            return;
        };
        let page = match page {
            Ok(page) => page,
            Err(Unread::NoSuchRoom) => Page::of_nothing(asked),
            Err(Unread::Unavailable) => {
                self.fetch(room, asked);
                return;
            }
        };
        let next = entry.tail.page(page, &mut entry.due);
        self.dirty.push(Arc::clone(room));
        self.follow(room, next).await;
    }

    /// The text of a hint, or of an ephemeral frame (of no change), of a room.
    pub(super) async fn hint(&mut self, room: &str, seen: Option<Seen>, text: &[u8]) {
        let Some(entry) = self.rooms.get_mut(room) else {
            return;
        };
        let was_clean = entry.due.is_empty();
        let next = match seen {
            None => {
                entry.due.push(Frame::text(text, Class::Ephemeral));
                Next::Listen
            }
            Some(seen) => {
                let frame = Frame::text(text, Class::Logged(seen.seq));
                entry.tail.offer(seen, frame, &mut entry.due)
            }
        };
        if was_clean && !entry.due.is_empty() {
            self.dirty.push(Arc::clone(&entry.id));
        }
        if !matches!(next, Next::Listen) {
            let id = Arc::clone(&entry.id);
            self.follow(&id, next).await;
        }
    }

    /// The trace of a change whose hint should come now.
    pub(super) fn announce(&mut self, room: &str, seq: u64, trace: Parent) {
        if let Some(entry) = self.rooms.get_mut(room)
            && seq > entry.tail.stands_at().seq
        {
            entry.announced.add(seq, trace, &self.places);
        }
    }

    /// For the sockets of one user.
    pub(super) async fn to_user(&self, user_id: &str, frame: Frame) {
        let shard = self.shards.at(self.shards.index(user_id));
        let user_id = user_id.into();
        shard.send(Command::ToUser { user_id, frame }).await;
    }

    /// For everybody's multiplexed sockets.
    pub(super) async fn to_all(&self, frame: Frame) {
        self.shards.all(|| Command::ToAll(frame.clone())).await;
    }

    /// For the multiplexed sockets in some rooms.
    pub(super) async fn to_rooms(&self, rooms: Vec<String>, frame: Frame) {
        if !rooms.iter().any(|room| self.rooms.contains_key(room.as_str())) {
            return;
        }
        let rooms: Arc<[String]> = rooms.into();
        let command = || Command::ToRooms {
            rooms: Arc::clone(&rooms),
            frame: frame.clone(),
        };
        self.shards.all(command).await;
    }

    /// Where each room stands, to be compared with the log.
    pub(super) fn standing(&self) -> Vec<Standing> {
        let rooms = self.rooms.iter();
        rooms.filter_map(|(id, entry)| entry.standing(id)).collect()
    }

    /// Whether there are rooms whose heads are to be compared soon.
    pub(super) fn has_doubtful(&self) -> bool {
        !self.doubtful.is_empty()
    }

    /// Where those rooms stand.
    pub(super) fn take_doubtful(&mut self) -> Vec<Standing> {
        let rooms = mem::take(&mut self.doubtful).into_iter();
        rooms
            .filter_map(|id| self.rooms.get(&id)?.standing(&id))
            .collect()
    }

    /// Reads the log, and where answers of it go.
    pub(super) fn log(&self) -> (Log, mpsc::Sender<Answer>, Shutdown) {
        (self.log.clone(), self.answers.clone(), self.shutdown.clone())
    }

    /// Tells how many rooms have changes that no hint told of in time.
    async fn compare(&mut self, compared: Compared) -> usize {
        let mut unhinted = 0;
        for (Standing { room, epoch, at }, head) in compared.rooms {
            let Some(entry) = self.rooms.get_mut(&room).filter(|entry| entry.epoch == epoch) else {
                continue;
            };
            let next = entry.tail.head(at, head, compared.why == Why::Lost);
            unhinted += usize::from(compared.why == Why::Routine && matches!(next, Next::Fetch(_)));
            self.follow(&room, next).await;
        }
        unhinted
    }

    async fn follow(&mut self, id: &RoomId, next: Next) {
        match next {
            Next::Listen => {}
            Next::Compare => {
                self.doubtful.insert(Arc::clone(id));
            }
            Next::Fetch(after) => {
                meters::gap_repair();
                self.fetch(id, after);
            }
            Next::Reset(last) => self.reset(id, last).await,
        }
    }

    async fn reset(&mut self, id: &RoomId, last: Seen) {
        meters::reset();
        tracing::warn!(room = &**id, last = last.seq, "the log was set back");
        self.flush().await;
        let command = || Command::Reset {
            room: Arc::clone(id),
            last,
        };
        self.shards.all(command).await;
        // Comparisons on their way are of the stream as it was.
        self.epochs += 1;
        if let Some(entry) = self.rooms.get_mut(id) {
            entry.epoch = self.epochs;
            entry.announced.clear();
        }
        // Hints that came while this was found out are forgotten with the rest.
        self.doubtful.insert(Arc::clone(id));
    }

    fn fetch(&self, id: &RoomId, after: Seen) {
        let Some(entry) = self.rooms.get(id) else {
            return;
        };
        let (log, answers, room, epoch) = (
            self.log.clone(),
            self.answers.clone(),
            Arc::clone(id),
            entry.epoch,
        );
        self.shutdown.spawn(async move {
            let turn = log.repair_turn().await;
            let page = log.since(&room, after).await;
            drop(turn);
            if page.as_ref().is_err_and(|unread| *unread == Unread::Unavailable) {
                tokio::time::sleep(AGAIN).await;
            }
            let answer = Answer::Page {
                room,
                epoch,
                asked: after,
                page,
            };
            let _ = answers.send(answer).await;
        });
    }

    /// Hands this round's frames to the shards.
    pub(super) async fn flush(&mut self) {
        if self.dirty.is_empty() {
            return;
        }
        let mut shares = vec![Vec::new(); self.shards.count()];
        for id in self.dirty.drain(..) {
            let Some(entry) = self.rooms.get_mut(&id).filter(|entry| !entry.due.is_empty()) else {
                continue;
            };
            // Not to be kept: a crowd that came leaves a long list in each room.
            let due = mem::take(&mut entry.due);
            let last = entry.tail.stands_at();
            let delivery = entry.announced.pass(&id, &due, last.seq);
            let batch = Arc::new(Batch::of(&due));
            for (shares, members) in shares.iter_mut().zip(entry.by_shard()) {
                if *members > 0 {
                    shares.push(Share {
                        room: Arc::clone(&id),
                        batch: Arc::clone(&batch),
                        last,
                        delivery: delivery.clone(),
                    });
                }
            }
        }
        self.shards.publish(shares).await;
    }
}

fn who<'a>(connection: &'a Connection, room_id: &'a str) -> RoomUser<'a> {
    RoomUser {
        user_id: connection.user_id(),
        username: connection.username(),
        room_id,
    }
}
