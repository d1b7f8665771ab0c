//! A thread with an epoll of its own that connects sockets and reads what comes.

use std::{
    mem::take,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    },
    time::Duration,
};

use memchr::memmem::Finder;
use rustix::{
    event::{EventfdFlags, Timespec, epoll, eventfd},
    io::{Errno, read, write},
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, connect, recv, send, socket_with,
        sockopt::{set_socket_linger, set_socket_reuseaddr, set_tcp_nodelay},
    },
};

use super::{
    counters::Counters,
    frames::{self, Control},
    sockets::Plan,
    talk::{self, ACK, ERROR, Talk},
};
use crate::{
    clock, control,
    fault::{Doing, Fault, Result},
    payload,
};

/// Read at once, in bytes.
const READ: usize = 512 * 1024;

/// Events taken at once.
const EVENTS: usize = 1024;

/// Stands for the wake-up among the events.
const WAKE: u64 = u64::MAX;

/// A worker, seen from outside.
pub(super) struct Worker {
    tasks: SyncSender<Task>,
    wake: OwnedFd,
}

/// What a worker is told.
pub(super) enum Task {
    /// Lets its senders send, and the next for each that is acknowledged until then.
    Talk(control::Talk, u64),
    /// Connects its share.
    Open(Share),
    /// Closes all.
    Close,
}

/// A worker's part of the sockets of a plan: every `step`th from `next` on.
pub(super) struct Share {
    pub(super) plan: Arc<Plan>,
    pub(super) next: u64,
    pub(super) step: u64,
}

impl Worker {
    /// Starts the thread. It ends with the process.
    pub(super) fn start(counters: Arc<Counters>) -> Result<Self> {
        let (tasks, receiver) = sync_channel(16);
        let wake = eventfd(0, EventfdFlags::NONBLOCK).doing("a wake-up")?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).doing("an epoll")?;
        epoll::add(
            &epoll,
            &wake,
            epoll::EventData::new_u64(WAKE),
            epoll::EventFlags::IN,
        )
        .doing("the wake-up's events")?;
        let mut thread = Thread {
            epoll,
            wake: wake.try_clone().doing("the wake-up's other end")?,
            tasks: receiver,
            counters,
            share: None,
            opening: 0,
            sockets: Vec::new(),
            free: Vec::new(),
            buffer: vec![0; READ],
            round: Round::default(),
            talk: None,
        };
        std::thread::Builder::new()
            .name("worker".into())
            .spawn(move || thread.run())
            .doing("a thread for sockets")?;
        Ok(Self { tasks, wake })
    }

    /// Gives it something to do.
    pub(super) fn tell(&self, task: Task) -> Result<()> {
        self.tasks
            .send(task)
            .map_err(|_| Fault::other("a thread for sockets has ended"))?;
        write(&self.wake, &1_u64.to_ne_bytes()).doing("waking a thread")?;
        Ok(())
    }
}

struct Thread {
    epoll: OwnedFd,
    wake: OwnedFd,
    tasks: Receiver<Task>,
    counters: Arc<Counters>,
    share: Option<Share>,
    /// Sockets that are not ready yet.
    opening: usize,
    sockets: Vec<Option<Socket>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
    round: Round,
    talk: Option<Talk>,
}

/// What came between two waits.
#[derive(Default)]
struct Round {
    deliveries: u64,
    bytes: u64,
    reads: u64,
    seen: Vec<(u64, u64)>,
    /// Whether the sockets send messages themselves.
    talks: bool,
    /// Of the socket that was read last.
    acknowledged: u64,
    refused: u64,
    refusal: Option<String>,
}

pub(super) struct Socket {
    pub(super) fd: OwnedFd,
    state: State,
    /// The begin of a frame whose end has not come.
    rest: Option<Box<[u8]>>,
}

enum State {
    /// Until the handshake could be sent.
    Connecting(Arc<Plan>, u64),
    /// Until it was answered.
    Shaking(Arc<Plan>, u64),
    /// Until so many frames with data came, and then so many messages.
    Greeting(u32, u32),
    Ready,
}

impl State {
    fn after(frames: u32, messages: u32) -> Self {
        if frames == 0 && messages == 0 {
            Self::Ready
        } else {
            Self::Greeting(frames, messages)
        }
    }
}

/// Why a socket is over.
type Over = String;

impl Thread {
    fn run(&mut self) {
        let finder = Finder::new(payload::MARK);
        let mut events = Vec::with_capacity(EVENTS);
        let soon = Timespec {
            tv_sec: 0,
            tv_nsec: 1_000_000,
        };
        loop {
            self.connect_more();
            events.clear();
            let patience = self.share.is_some().then_some(&soon);
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), patience) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
            let now = if self.counters.tracks() {
                Some(clock::now())
            } else {
                None
            };
            for event in &events {
                let data = event.data.u64();
                if data == WAKE {
                    if !self.take_task() {
                        return;
                    }
                } else if let Ok(place) = usize::try_from(data) {
                    self.serve(place, now.is_some(), &finder);
                }
            }
            self.tell_round();
        }
    }

    fn tell_round(&mut self) {
        if self.round.refused > 0 {
            self.counters
                .refused(self.round.refused, &self.round.refusal.take().unwrap_or_default());
            self.round.refused = 0;
        }
        if !self.round.seen.is_empty() {
            self.counters.track(&self.round.seen);
            self.round.seen.clear();
        }
        if self.round.bytes > 0 {
            let Round {
                deliveries,
                bytes,
                reads,
                ..
            } = &mut self.round;
            self.counters.add(take(deliveries), take(bytes), take(reads));
        }
    }

    /// `false` where nobody can tell it anything more.
    fn take_task(&mut self) -> bool {
        let _ = read(&self.wake, &mut [0_u8; 8]);
        loop {
            match self.tasks.try_recv() {
                Ok(Task::Open(share)) => self.share = Some(share),
                Ok(Task::Talk(talk, until)) => {
                    self.round.talks = true;
                    self.talk = Some(Talk::begin(&self.sockets, talk, until, &self.counters));
                }
                Ok(Task::Close) => {
                    for place in 0..self.sockets.len() {
                        self.close(place, None);
                    }
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn connect_more(&mut self) {
        while let Some(share) = &mut self.share {
            if share.next >= share.plan.open.sockets {
                self.share = None;
                return;
            }
            let at_once = share
                .plan
                .open
                .at_once
                .div_ceil(usize::try_from(share.step).unwrap_or(1));
            if self.opening >= at_once.max(1) {
                return;
            }
            let (plan, index) = (Arc::clone(&share.plan), share.next);
            share.next += share.step;
            if let Err(why) = self.connect(plan, index) {
                self.counters.failed_because(&why);
            }
        }
    }

    fn connect(&mut self, plan: Arc<Plan>, index: u64) -> Result<()> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let fd = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).doing("a socket")?;
        set_tcp_nodelay(&fd, true).doing("a socket without delay")?;
        set_socket_reuseaddr(&fd, true).doing("a socket with a port of its own")?;
        let mut source = plan.source(index);
        if bind(&fd, &source).is_err() {
            source.set_port(0);
            bind(&fd, &source).doing("a source address")?;
        }
        match connect(&fd, &plan.address(index)) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error).doing("connect"),
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.sockets.push(None);
            self.sockets.len() - 1
        });
        let data = epoll::EventData::new_u64(place as u64);
        // On loopback the connection is there already, as a rule.
        let (state, flags) = match send(&fd, plan.request(index).as_bytes(), SendFlags::NOSIGNAL) {
            Ok(_) => (State::Shaking(plan, index), epoll::EventFlags::IN),
            Err(_) => (State::Connecting(plan, index), epoll::EventFlags::OUT),
        };
        epoll::add(&self.epoll, &fd, data, flags).doing("a socket's events")?;
        if let Some(free) = self.sockets.get_mut(place) {
            *free = Some(Socket {
                fd,
                state,
                rest: None,
            });
        }
        self.opening += 1;
        Ok(())
    }

    /// Does what there is to do for the socket at this place.
    fn serve(&mut self, place: usize, tracks: bool, finder: &Finder<'_>) {
        let Some(Some(socket)) = self.sockets.get_mut(place) else {
            return;
        };
        let was_ready = matches!(socket.state, State::Ready);
        let result = if matches!(socket.state, State::Connecting(..)) {
            socket.shake(&self.epoll, place)
        } else {
            socket.receive(&mut self.buffer, &mut self.round, tracks, finder)
        };
        let is_ready = matches!(socket.state, State::Ready);
        if is_ready && !was_ready {
            self.opening -= 1;
            self.counters.one_is_ready();
        }
        if let Err(over) = result {
            self.close(place, Some(&over));
        } else if self.round.acknowledged > 0 {
            if let Some(talk) = &mut self.talk {
                talk.go_on(&self.sockets, place, self.round.acknowledged, &self.counters);
            }
            self.round.acknowledged = 0;
        }
    }

    fn close(&mut self, place: usize, why: Option<&Over>) {
        let Some(socket) = self.sockets.get_mut(place).and_then(Option::take) else {
            return;
        };
        self.free.push(place);
        // Without waiting for what is under way: a million of such sockets would wait for a minute.
        let _ = set_socket_linger(&socket.fd, Some(Duration::ZERO));
        if matches!(socket.state, State::Ready) {
            self.counters.one_is_gone(why.map(String::as_str));
        } else {
            self.opening -= 1;
            self.counters.failed_because(
                why.map_or(&"closed before it was ready", |why| why as &dyn std::fmt::Display),
            );
        }
    }
}

impl Socket {
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready)
    }

    fn shake(&mut self, epoll: &OwnedFd, place: usize) -> std::result::Result<(), Over> {
        let State::Connecting(plan, index) = &self.state else {
            return Ok(());
        };
        send(&self.fd, plan.request(*index).as_bytes(), SendFlags::NOSIGNAL)
            .map_err(|error| format!("connect: {error}"))?;
        self.state = State::Shaking(Arc::clone(plan), *index);
        let data = epoll::EventData::new_u64(place as u64);
        epoll::modify(epoll, &self.fd, data, epoll::EventFlags::IN).map_err(|error| error.to_string())
    }

    /// Reads once: where there is more, the next wait tells it.
    fn receive(
        &mut self,
        buffer: &mut [u8],
        round: &mut Round,
        tracks: bool,
        finder: &Finder<'_>,
    ) -> std::result::Result<(), Over> {
        let kept = self.rest.take().map_or(0, |rest| {
            let kept = rest.len();
            if let Some(begin) = buffer.get_mut(..kept) {
                begin.copy_from_slice(&rest);
            }
            kept
        });
        let free = buffer
            .get_mut(kept..)
            .filter(|free| !free.is_empty())
            .ok_or("a frame larger than the buffer")?;
        let count = match recv(self.fd.as_fd(), free, RecvFlags::empty()) {
            Ok((0, _)) => return Err("closed by the server".into()),
            Ok((count, _)) => count,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            Err(error) => return Err(format!("read: {error}")),
        };
        round.bytes += count as u64;
        let mut bytes = buffer.get(..kept + count).unwrap_or_default();
        if matches!(self.state, State::Shaking(..)) {
            let Some(rest) = self.shaken(bytes)? else {
                self.keep(bytes);
                return Ok(());
            };
            bytes = rest;
        }
        let fd = self.fd.as_fd();
        let mut closed = None;
        let (whole, data) = frames::walk(bytes, |control| match control {
            Control::Ping(payload) => {
                let _ = send(fd, &frames::client(10, payload), SendFlags::NOSIGNAL);
            }
            Control::Close(code) => closed = Some(code),
        });
        let (whole, rest) = bytes.split_at(whole);
        if data > 0 {
            let before = round.deliveries;
            if tracks {
                let read = clock::now();
                let known = round.seen.len();
                round
                    .seen
                    .extend(payload::times(finder, whole).map(|sent| (sent, read)));
                round.deliveries += (round.seen.len() - known) as u64;
            } else {
                round.deliveries += payload::count(finder, whole);
            }
            round.reads += u64::from(round.deliveries > before);
            if let State::Greeting(frames, messages) = self.state {
                let came = u32::try_from(round.deliveries - before).unwrap_or(u32::MAX);
                let (frames, messages) = (frames.saturating_sub(data), messages.saturating_sub(came));
                self.state = State::after(frames, messages);
            }
            if round.talks {
                round.acknowledged = talk::times(ACK, whole);
                let refused = talk::times(ERROR, whole);
                if refused > 0 && round.refusal.is_none() {
                    round.refusal = Some(String::from_utf8_lossy(whole).chars().take(300).collect());
                }
                round.refused += refused;
            }
        }
        self.keep(rest);
        closed.map_or(Ok(()), |code| Err(format!("the server closes with {code}")))
    }

    /// What follows the answer to the handshake, once that is whole.
    fn shaken<'a>(&mut self, bytes: &'a [u8]) -> std::result::Result<Option<&'a [u8]>, Over> {
        let State::Shaking(plan, index) = &self.state else {
            return Ok(Some(bytes));
        };
        let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
            return Ok(None);
        };
        if !bytes.starts_with(b"HTTP/1.1 101") {
            let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
            return Err(format!("handshake: {}", String::from_utf8_lossy(line)));
        }
        let says = plan.says(*index);
        if !says.is_empty() {
            send(&self.fd, &says, SendFlags::NOSIGNAL).map_err(|error| format!("say: {error}"))?;
        }
        self.state = State::after(plan.open.greeting.ready_after, plan.open.ready_after_messages);
        Ok(bytes.get(end + 4..))
    }

    fn keep(&mut self, rest: &[u8]) {
        self.rest = (!rest.is_empty()).then(|| rest.into());
    }
}
