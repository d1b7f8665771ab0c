//! A small town without faults: logs that grow, and people who come, go, resume elsewhere and read. Its histories are good
//! by construction.

use std::{collections::BTreeMap, time::Duration};

use chaos::history::{
    Content, Event, History, Name, Person, Room, Seen, Session, StoredMessage, StoredRoom, What,
};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

/// Messages of a page of history.
const PAGE: usize = 12;

/// How much happens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) people: u32,
    pub(crate) rooms: u32,
    pub(crate) steps: usize,
    /// Whether databases are restored now and then.
    pub(crate) set_backs: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            people: 4,
            rooms: 2,
            steps: 400,
            set_backs: false,
        }
    }
}

/// The history that a seed decides.
pub(crate) fn history(seed: u64, shape: Shape) -> History {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let logs = (0..shape.rooms)
        .map(|room| (Room(room), Log::default()))
        .collect();
    let people = (0..shape.people).map(|_| Someone::default()).collect();
    let mut model = Model {
        // Rooms in which nothing was ever changed have rules of their own.
        edits: random.random_bool(0.7),
        random,
        shape,
        now: Duration::ZERO,
        events: Vec::new(),
        logs,
        people,
        waiting: Vec::new(),
        committed: Vec::new(),
        reads: Vec::new(),
        names: 0,
        sessions: 0,
        ids: 0,
    };
    for _ in 0..shape.steps {
        model.step();
    }
    model.finish()
}

struct Model {
    random: ChaCha8Rng,
    shape: Shape,
    edits: bool,
    now: Duration,
    events: Vec<Event>,
    logs: BTreeMap<Room, Log>,
    people: Vec<Someone>,
    /// Sent, and not stored yet.
    waiting: Vec<Message>,
    /// Stored, and not acknowledged yet.
    committed: Vec<(Message, Uuid, u64)>,
    /// Pages on their way.
    reads: Vec<(Person, What)>,
    names: u32,
    sessions: u32,
    ids: u128,
}

#[derive(Debug, Clone, Copy)]
struct Message {
    author: Person,
    room: Room,
    name: Name,
    content: Content,
}

#[derive(Debug, Default)]
struct Log {
    /// What was told of each seq when it was taken.
    frames: Vec<(Uuid, Seen)>,
    messages: BTreeMap<Uuid, StoredMessage>,
    by_seq: BTreeMap<u64, Uuid>,
    by_change: BTreeMap<u64, Uuid>,
}

#[derive(Debug, Default)]
struct Someone {
    sessions: Vec<Connection>,
    has: BTreeMap<Room, u64>,
    /// The highest seq that was seen or read in any way.
    touched: BTreeMap<Room, u64>,
}

#[derive(Debug)]
struct Connection {
    session: Session,
    at: BTreeMap<Room, u64>,
}

fn index(seq: u64) -> usize {
    usize::try_from(seq).expect("logs fit into memory")
}

fn person(number: usize) -> Person {
    Person(u32::try_from(number).expect("people are few"))
}

impl Log {
    fn head(&self) -> u64 {
        self.frames.len() as u64
    }

    fn change(&mut self, mut message: StoredMessage) {
        let seq = self.head() + 1;
        let change = if message.deleted {
            Seen::Deleted
        } else {
            Seen::Text {
                author: message.author,
                name: message.name,
                content: message.content,
            }
        };
        self.frames.push((message.id, change));
        self.by_change.remove(&message.change_seq);
        self.by_change.insert(seq, message.id);
        if message.seq == 0 {
            message.seq = seq;
            self.by_seq.insert(seq, message.id);
        }
        message.change_seq = seq;
        self.messages.insert(message.id, message);
    }

    /// What a log that is read from behind `after` tells next.
    fn next_stored(&self, after: u64) -> Option<(u64, Uuid, Seen)> {
        let (seq, id) = self.by_change.range(after + 1..).next()?;
        Some(self.told(*seq, *id))
    }

    fn told(&self, seq: u64, id: Uuid) -> (u64, Uuid, Seen) {
        let at = index(seq - 1);
        (seq, id, self.frames[at].1)
    }

    fn next_live(&self, after: u64) -> Option<(u64, Uuid, Seen)> {
        let at = index(after);
        let (id, change) = *self.frames.get(at)?;
        Some((after + 1, id, change))
    }
}

impl Model {
    fn step(&mut self) {
        match self.random.random_range(0..200) {
            0..40 => self.send(),
            40..80 => self.commit(),
            80..115 => self.ack(),
            115..123 if self.edits => self.change(),
            123..170 => self.deliver_some(),
            170..181 => self.join(),
            181..186 => self.leave(),
            186..192 => self.ask(),
            192..196 => self.answer(),
            196..198 => self.refuse(),
            198..200 if self.shape.set_backs => self.set_back(),
            _ => {}
        }
    }

    fn note(&mut self, person: Person, what: What) {
        // Events of one moment are common on a busy machine.
        self.now += Duration::from_millis(self.random.random_range(0..8));
        let at = self.now;
        self.events.push(Event { at, person, what });
    }

    fn person(&mut self) -> (Person, usize) {
        let number = self.random.random_range(0..self.shape.people);
        (Person(number), number as usize)
    }

    fn room(&mut self) -> Room {
        Room(self.random.random_range(0..self.shape.rooms))
    }

    fn pick<T>(&mut self, from: &[T]) -> Option<usize> {
        (!from.is_empty()).then(|| self.random.random_range(0..from.len()))
    }

    fn log(&mut self, room: Room) -> &mut Log {
        self.logs.get_mut(&room).expect("every room has a log")
    }

    fn content(&mut self) -> Content {
        Content(self.random.random())
    }

    fn send(&mut self) {
        let ((author, _), room, content) = (self.person(), self.room(), self.content());
        let name = Name(self.names);
        self.names += 1;
        self.note(author, What::Sent { room, name, content });
        self.waiting.push(Message {
            author,
            room,
            name,
            content,
        });
    }

    fn refuse(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        if let Some(at) = self.pick(&waiting) {
            let Message {
                author, room, name, ..
            } = waiting[at];
            self.note(author, What::Refused { room, name });
        }
        self.waiting = waiting;
    }

    fn commit(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        if let Some(at) = self.pick(&waiting) {
            let message = waiting.swap_remove(at);
            self.ids += 1;
            let id = Uuid::from_u128(self.ids);
            let log = self.log(message.room);
            log.change(StoredMessage {
                id,
                author: message.author,
                name: message.name,
                content: message.content,
                seq: 0,
                change_seq: 0,
                deleted: false,
            });
            let seq = log.head();
            self.committed.push((message, id, seq));
        }
        self.waiting = waiting;
    }

    fn ack(&mut self) {
        let mut committed = std::mem::take(&mut self.committed);
        if let Some(at) = self.pick(&committed) {
            let (message, id, seq) = committed.swap_remove(at);
            let Message {
                author, room, name, ..
            } = message;
            // A repeated message is acknowledged again.
            for _ in 0..=usize::from(self.random.random_bool(0.2)) {
                self.note(author, What::Acked { room, name, id, seq });
            }
        }
        self.committed = committed;
    }

    fn change(&mut self) {
        let (room, content) = (self.room(), self.content());
        let deletes = self.random.random_bool(0.4);
        let back = self.random.random_range(0..=self.logs[&room].head());
        let log = self.log(room);
        let id = log.by_seq.range(back..).next().map(|(_, id)| *id);
        let Some(mut message) = id.and_then(|id| log.messages.get(&id).cloned()) else {
            return;
        };
        if message.deleted {
            return;
        }
        message.content = content;
        message.deleted = deletes;
        log.change(message);
    }

    fn join(&mut self) {
        let ((person, number), room) = (self.person(), self.room());
        let head = self.logs[&room].head();
        let someone = &self.people[number];
        let is_new = someone.sessions.is_empty() || self.random.random_bool(0.5);
        let has = someone.has.get(&room).copied();
        let after = match has {
            _ if self.random.random_bool(0.1) => Some(0),
            _ if self.random.random_bool(0.15) => None,
            has => has,
        };
        let is_room_socket = is_new && self.random.random_bool(0.3);
        let last_seq = (!is_room_socket).then_some(head);
        let at = after.unwrap_or(head);
        if is_new {
            let session = Session(self.sessions);
            self.sessions += 1;
            let at = BTreeMap::new();
            self.people[number].sessions.push(Connection { session, at });
        }
        let someone = &mut self.people[number];
        let count = someone.sessions.len();
        let chosen = if is_new {
            count - 1
        } else {
            self.random.random_range(0..count)
        };
        let connection = &mut someone.sessions[chosen];
        let session = connection.session;
        connection.at.insert(room, at);
        let has = someone.has.entry(room).or_default();
        *has = at.max(*has);
        self.note(
            person,
            What::Joined {
                session,
                room,
                after,
                last_seq,
            },
        );
    }

    fn leave(&mut self) {
        let (person, number) = self.person();
        let count = self.people[number].sessions.len();
        if count > 0 {
            let chosen = self.random.random_range(0..count);
            let session = self.people[number].sessions.swap_remove(chosen).session;
            self.note(person, What::Left { session });
        }
    }

    fn deliver_some(&mut self) {
        let (_, number) = self.person();
        let sessions = std::mem::take(&mut self.people[number].sessions);
        let chosen = self.pick(&sessions);
        let rooms: Vec<Room> =
            chosen.map_or(Vec::new(), |chosen| sessions[chosen].at.keys().copied().collect());
        self.people[number].sessions = sessions;
        if let (Some(chosen), Some(room)) = (chosen, self.pick(&rooms)) {
            let count = self.random.random_range(1..8);
            self.deliver(number, chosen, rooms[room], count, u64::MAX);
        }
    }

    /// Delivers what comes next on a connection: as it happened, or as the log holds it by now.
    fn deliver(&mut self, number: usize, chosen: usize, room: Room, count: usize, up_to: u64) {
        let is_live = self.random.random_bool(0.7);
        for _ in 0..count {
            let log = &self.logs[&room];
            let connection = &self.people[number].sessions[chosen];
            let (session, at) = (connection.session, connection.at[&room]);
            let next = if is_live {
                log.next_live(at)
            } else {
                log.next_stored(at)
            };
            let Some((seq, id, change)) = next.filter(|(seq, ..)| *seq <= up_to) else {
                return;
            };
            let someone = &mut self.people[number];
            someone.sessions[chosen].at.insert(room, seq);
            for known in [&mut someone.has, &mut someone.touched] {
                let known = known.entry(room).or_default();
                *known = seq.max(*known);
            }
            self.note(
                person(number),
                What::Saw {
                    session,
                    room,
                    seq,
                    id,
                    change,
                },
            );
        }
    }

    /// Somebody asks for a page: it is read now, and arrives later.
    fn ask(&mut self) {
        let ((person, number), room) = (self.person(), self.room());
        let log = &self.logs[&room];
        let newest_first = log.by_seq.iter().rev();
        let mut page: Vec<(u64, Uuid)> = newest_first
            .filter(|(_, id)| !log.messages[*id].deleted)
            .map(|(seq, id)| (*seq, *id))
            .take(PAGE)
            .collect();
        page.reverse();
        if let Some((seq, _)) = page.last() {
            let touched = self.people[number].touched.entry(room).or_default();
            *touched = (*touched).max(*seq);
        }
        let read = What::Read {
            room,
            asked: self.now,
            whole: page.len() < PAGE,
            page,
        };
        self.reads.push((person, read));
    }

    fn answer(&mut self) {
        let mut reads = std::mem::take(&mut self.reads);
        if let Some(at) = self.pick(&reads) {
            let (person, read) = reads.swap_remove(at);
            self.note(person, read);
        }
        self.reads = reads;
    }

    /// The database is restored to before some messages that nobody has an ack of yet; their authors send them again.
    fn set_back(&mut self) {
        let room = self.room();
        let log = &self.logs[&room];
        let is_lost = |seq: u64| {
            let id = log.by_change.get(&seq)?;
            let is_new = log.messages[id].seq == seq;
            self.committed
                .iter()
                .position(|(_, committed, _)| is_new && committed == id)
        };
        let mut end = log.head();
        let mut lost = Vec::new();
        while let Some(at) = is_lost(end) {
            lost.push(at);
            end -= 1;
        }
        let misled = |someone: &Someone| {
            let is_told = someone
                .sessions
                .iter()
                .any(|connection| connection.at.contains_key(&room));
            !is_told && someone.touched.get(&room).is_some_and(|touched| *touched > end)
        };
        // Who comes back only when the log has overtaken them is never told.
        if lost.is_empty() || self.people.iter().any(misled) {
            return;
        }
        lost.sort_unstable_by(|one, other| other.cmp(one));
        for at in lost {
            let (message, id, seq) = self.committed.swap_remove(at);
            self.waiting.push(message);
            let log = self.log(room);
            log.messages.remove(&id);
            log.by_seq.remove(&seq);
            log.by_change.remove(&seq);
        }
        self.log(room).frames.truncate(index(end));
        self.reads
            .retain(|(_, read)| !matches!(read, What::Read { room: of, .. } if *of == room));
        for number in 0..self.people.len() {
            for chosen in 0..self.people[number].sessions.len() {
                let connection = &self.people[number].sessions[chosen];
                let session = connection.session;
                if connection.at.contains_key(&room) {
                    self.deliver(number, chosen, room, usize::MAX, end);
                    let last_seq = end;
                    let person = person(number);
                    self.note(
                        person,
                        What::Reset {
                            session,
                            room,
                            last_seq,
                        },
                    );
                    self.people[number].sessions[chosen].at.insert(room, end);
                }
            }
            let someone = &mut self.people[number];
            for known in [&mut someone.has, &mut someone.touched] {
                known.entry(room).and_modify(|known| *known = end.min(*known));
            }
        }
    }

    /// Everything comes to its end: all is acknowledged, and whoever is there gets it all.
    fn finish(mut self) -> History {
        while !self.waiting.is_empty() {
            self.commit();
        }
        while !self.committed.is_empty() {
            self.ack();
        }
        let mut present = Vec::new();
        for number in 0..self.people.len() {
            for chosen in 0..self.people[number].sessions.len() {
                let rooms: Vec<Room> = self.people[number].sessions[chosen].at.keys().copied().collect();
                for room in rooms {
                    self.deliver(number, chosen, room, usize::MAX, u64::MAX);
                    present.push((person(number), room));
                }
            }
        }
        present.sort_unstable();
        present.dedup();
        if self.random.random_bool(0.5) {
            for number in 0..self.people.len() {
                while let Some(connection) = self.people[number].sessions.pop() {
                    let session = connection.session;
                    self.note(person(number), What::Left { session });
                }
            }
        }
        let stored = self.logs.iter().map(|(room, log)| {
            let mut messages: Vec<StoredMessage> = log.messages.values().cloned().collect();
            messages.sort_by_key(|message| message.seq);
            let last_seq = log.head();
            (*room, StoredRoom { last_seq, messages })
        });
        History {
            stored: stored.collect(),
            events: self.events,
            present,
        }
    }
}
