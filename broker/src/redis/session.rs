//! A connection that subscribes, while it lasts: what it asks for and what it hears.

use std::{
    collections::{BTreeMap, VecDeque},
    mem, str,
    sync::Arc,
    time::Duration,
};

use bytes::BytesMut;
use redis::{ConnectionAddr, ConnectionInfo};
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{self, Instant, MissedTickBehavior},
};

use super::{
    chunk::Chunk,
    cluster::Changes,
    command::{self, Kind},
    link::{PING_EVERY, USER_TIMEOUT, without_arguments},
    resp::{self, Said, Stop, What},
};
use crate::{
    hub::{Hub, Lane},
    is_extra,
    message::Part,
};

/// Names in one command.
const NAMES: usize = 1000;

/// Names that may be unanswered, before more are asked for.
const UNANSWERED: usize = 8 * NAMES;

/// Pause before a subscription that Redis refused is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Why a connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error("the connection was closed")]
    Closed,
    #[error("no answer")]
    Silent,
    #[error("what came is not Redis")]
    Malformed,
    #[error("{0}")]
    Broken(#[from] std::io::Error),
    #[error("{0}")]
    Refused(String),
}

/// What was asked of Redis and is not answered in full.
enum Asked {
    /// One answer.
    Question,
    /// Those names are still to be confirmed.
    Names(VecDeque<Arc<str>>),
    /// Those names are still to be confirmed as given up.
    Less(VecDeque<Arc<str>>),
}

/// What was said, once nothing refers to the bytes any more.
enum Told {
    Subscribed(String),
    Unsubscribed(String),
    Answer,
    Refused(String),
    TooLong(usize),
    Other,
    Incomplete(usize),
    Malformed,
}

/// See the module.
pub(super) struct Session {
    stream: TcpStream,
    talk: Talk,
}

/// What is said on the connection.
struct Talk {
    chunk: Chunk,
    out: BytesMut,
    asked: VecDeque<Asked>,
    /// Names among them.
    unanswered: usize,
    /// Refused, to be asked for again then.
    again: Option<Instant>,
    refused: Vec<Arc<str>>,
    /// Whether anything came since the last ping.
    heard: bool,
    told_refused: bool,
    told_without: bool,
    cluster: Option<Changes>,
}

impl Session {
    /// Connects and says who is there.
    pub(super) async fn open(info: &ConnectionInfo, cluster: Option<Changes>) -> Result<Self, Lost> {
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err(Lost::Refused("not an address of the network".to_owned()));
        };
        let mut stream = TcpStream::connect((&**host, *port)).await?;
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_user_timeout(Some(USER_TIMEOUT))?;
        let mut talk = Talk::new(cluster);
        let questions = command::greet(&mut talk.out, info.redis_settings());
        talk.asked.extend((0..questions).map(|_| Asked::Question));
        stream.write_all_buf(&mut talk.out).await?;
        while !talk.asked.is_empty() {
            if stream.read_buf(talk.chunk.space()).await? == 0 {
                return Err(Lost::Closed);
            }
            talk.hear(None)?;
        }
        Ok(Self { stream, talk })
    }

    /// Subscribes to what is wanted of a lane and hands on what comes, until the connection is lost.
    pub(super) async fn serve(&mut self, hub: &Hub, lane: Lane) -> Lost {
        match self.talk.go_on(&mut self.stream, hub, lane).await {
            Err(lost) => lost,
            Ok(never) => match never {},
        }
    }
}

impl Talk {
    fn new(cluster: Option<Changes>) -> Self {
        Self {
            chunk: Chunk::new(),
            out: BytesMut::new(),
            asked: VecDeque::new(),
            unanswered: 0,
            again: None,
            refused: Vec::new(),
            heard: false,
            told_refused: false,
            told_without: false,
            cluster,
        }
    }

    async fn go_on(
        &mut self,
        stream: &mut TcpStream,
        hub: &Hub,
        lane: Lane,
    ) -> Result<std::convert::Infallible, Lost> {
        let changed = hub.changed(lane);
        let (mut reader, mut writer) = stream.split();
        let mut tick = time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.retry(hub, lane);
            self.ask(hub, lane);
            let again = self.again;
            tokio::select! {
                biased;
                written = writer.write_buf(&mut self.out), if !self.out.is_empty() => {
                    written?;
                }
                read = reader.read_buf(self.chunk.space()) => {
                    if read? == 0 {
                        return Err(Lost::Closed);
                    }
                    self.hear(Some((hub, lane)))?;
                }
                () = changed.notified() => {}
                () = time::sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => {}
                _ = tick.tick() => self.ping()?,
            }
        }
    }

    /// Gives back what was refused, once its pause is over. Looked at in each round: where there is always something to
    /// read, no timer gets its turn.
    fn retry(&mut self, hub: &Hub, lane: Lane) {
        if self.again.take_if(|at| *at <= Instant::now()).is_some() {
            hub.refused(lane, &mem::take(&mut self.refused));
        }
    }

    /// A server that is frozen, or behind a network that drops everything, keeps its connection open: only the missing
    /// answer tells.
    fn ping(&mut self) -> Result<(), Lost> {
        if !self.asked.is_empty() && !self.heard {
            return Err(Lost::Silent);
        }
        self.heard = false;
        if !matches!(self.asked.back(), Some(Asked::Question)) {
            command::write(&mut self.out, &["PING"]);
            self.asked.push_back(Asked::Question);
        }
        Ok(())
    }

    /// Asks for what has come to be wanted.
    fn ask(&mut self, hub: &Hub, lane: Lane) {
        while self.unanswered < UNANSWERED {
            let (more, less) = hub.take(lane, NAMES);
            if more.is_empty() && less.is_empty() {
                return;
            }
            let is_cluster = self.cluster.is_some();
            let kind = |name: &str| Kind::of(name, is_cluster);
            self.unanswered += more.len() + less.len();
            for (kind, names) in by(&less, kind) {
                command::about(&mut self.out, kind.unsubscribe(), &names);
                self.asked.push_back(Asked::Less(names.into()));
            }
            // Extras are refused without consequences for the others.
            for ((_, kind), names) in by(&more, |name| (!is_extra(name), kind(name))) {
                command::about(&mut self.out, kind.subscribe(), &names);
                self.asked.push_back(Asked::Names(names.into()));
            }
        }
    }

    /// Takes in what was read. Publications become events, in their order, so that a confirmation stands between what was
    /// missed and what is delivered.
    fn hear(&mut self, hub: Option<(&Hub, Lane)>) -> Result<(), Lost> {
        self.heard = true;
        loop {
            let bytes = self.chunk.filled();
            if bytes.is_empty() {
                return Ok(());
            }
            let mut at = 0;
            let mut delivery = None;
            let told = loop {
                let Said { what, length } = match resp::read(&bytes[at..]) {
                    Ok(said) => said,
                    Err(Stop::Incomplete(needed)) => break Told::Incomplete(needed),
                    Err(Stop::Malformed) => break Told::Malformed,
                };
                let from = at;
                at += length;
                match what {
                    What::Message {
                        pattern,
                        channel,
                        payload,
                    } => {
                        let text = |bytes| str::from_utf8(bytes).ok();
                        let name = text(&bytes[from..][channel.clone()]);
                        if let (Some((hub, lane)), Some(pattern), Some(name)) = (hub, text(pattern), name) {
                            let part = Part {
                                start: from + channel.start,
                                channel: channel.len(),
                                payload: payload.start - channel.start,
                                end: from + payload.end,
                            };
                            let delivery = delivery.get_or_insert_with(|| hub.delivery(lane));
                            delivery.stage(pattern, name, part);
                        }
                    }
                    What::TooLong {
                        pattern,
                        channel,
                        payload,
                    } => {
                        let text = |bytes| str::from_utf8(bytes).ok();
                        if let (Some((hub, lane)), Some(pattern), Some(name)) =
                            (hub, text(pattern), text(channel))
                        {
                            let delivery = delivery.get_or_insert_with(|| hub.delivery(lane));
                            delivery.skipped(pattern, name);
                        }
                        break Told::TooLong(payload);
                    }
                    What::Subscribed(name) => {
                        break Told::Subscribed(String::from_utf8_lossy(name).into_owned());
                    }
                    What::Unsubscribed(name) => {
                        break Told::Unsubscribed(String::from_utf8_lossy(name).into_owned());
                    }
                    What::Answer => break Told::Answer,
                    What::Refused(why) => {
                        break Told::Refused(without_arguments(&String::from_utf8_lossy(why)));
                    }
                    What::Other => break Told::Other,
                }
            };
            let (taken, size) = self.chunk.take(at);
            if let Some(delivery) = delivery {
                delivery.finish(&taken, size);
            }
            match told {
                Told::Incomplete(needed) => {
                    self.chunk.need(needed);
                    return Ok(());
                }
                Told::Malformed => return Err(Lost::Malformed),
                Told::TooLong(payload) => self.chunk.skip(payload),
                Told::Subscribed(name) => {
                    self.subscribed(&name);
                    if let Some((hub, lane)) = hub {
                        hub.confirm(lane, &name);
                    }
                }
                Told::Unsubscribed(name) => {
                    if let Some((hub, lane)) = hub
                        && !self.unsubscribed(&name)
                    {
                        hub.dropped(lane, &name);
                        self.again(vec![name.into()]);
                    }
                }
                Told::Answer => {
                    if let Some(Asked::Question) = self.asked.front() {
                        self.asked.pop_front();
                    }
                }
                Told::Refused(why) => self.refused(why, hub)?,
                Told::Other => {}
            }
        }
    }

    fn subscribed(&mut self, name: &str) {
        if let Some(Asked::Names(names)) = self.asked.front_mut()
            && names.front().is_some_and(|next| **next == *name)
        {
            names.pop_front();
            self.unanswered -= 1;
            if names.is_empty() {
                self.asked.pop_front();
            }
        }
    }

    /// Returns whether that was asked for. A server of a cluster gives up what has moved to another one.
    fn unsubscribed(&mut self, name: &str) -> bool {
        let Some(Asked::Less(names)) = self.asked.front_mut() else {
            return false;
        };
        if names.front().is_none_or(|next| **next != *name) {
            return false;
        }
        names.pop_front();
        self.unanswered -= 1;
        if names.is_empty() {
            self.asked.pop_front();
        }
        true
    }

    fn refused(&mut self, error: String, hub: Option<(&Hub, Lane)>) -> Result<(), Lost> {
        if self.cluster.is_some() && moved(&error).is_some_and(|slot| !self.asks_about(slot)) {
            return Ok(());
        }
        let (mut names, more) = match self.asked.pop_front() {
            Some(Asked::Names(names)) => (names, true),
            Some(Asked::Less(names)) => (names, false),
            Some(Asked::Question) | None => return Err(Lost::Refused(error)),
        };
        self.unanswered -= names.len();
        if !more {
            return Ok(());
        }
        if error.starts_with("NOPERM") && names.iter().all(|name| is_extra(name)) {
            if !mem::replace(&mut self.told_without, true) {
                tracing::warn!(error, patterns = ?names, "can't subscribe; going on without");
            }
            if let Some((hub, lane)) = hub {
                hub.denied(lane, names.make_contiguous());
            }
            return Ok(());
        }
        let moves =
            self.cluster.is_some() && (error.starts_with("MOVED") || error.starts_with("CLUSTERDOWN"));
        if !moves && !mem::replace(&mut self.told_refused, true) {
            tracing::warn!(error, patterns = ?names, "can't subscribe; trying on");
        }
        self.again(names.into());
        Ok(())
    }

    /// Whether what is answered next is about a slot. If not, a server that says it has moved refuses a wish that counts as
    /// fulfilled: it gave up the room by itself just before.
    fn asks_about(&self, slot: u16) -> bool {
        match self.asked.front() {
            Some(Asked::Names(names) | Asked::Less(names)) => names
                .front()
                .is_some_and(|name| Kind::of(name, true) == Kind::Slot(slot)),
            Some(Asked::Question) | None => false,
        }
    }

    /// Asks for those again a little later, unless they have moved elsewhere then.
    fn again(&mut self, names: Vec<Arc<str>>) {
        self.refused.extend(names);
        self.again.get_or_insert_with(|| Instant::now() + AGAIN);
        if let Some(cluster) = &self.cluster {
            cluster.suspected();
        }
    }
}

/// The slot that is elsewhere, where an error says so.
fn moved(error: &str) -> Option<u16> {
    error.strip_prefix("MOVED ")?.split(' ').next()?.parse().ok()
}

/// Names that have a key in common, with it.
fn by<K: Ord>(names: &[Arc<str>], key: impl Fn(&str) -> K) -> BTreeMap<K, Vec<Arc<str>>> {
    let mut sorted = BTreeMap::<K, Vec<Arc<str>>>::new();
    for name in names {
        sorted.entry(key(name)).or_default().push(Arc::clone(name));
    }
    sorted
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
