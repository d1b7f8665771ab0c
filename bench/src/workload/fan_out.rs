//! Messages to rooms: what a delivery costs the server.

use std::time::Duration;

use super::{Size, cost::Cost, start};
use crate::{
    contender::{Running, Setup},
    control::{Greeting, Open, Pace, Publish, RUN},
    fault::Result,
    load::Load,
    record::Record,
};

/// Messages per second of the workload `latency`: a fifth of what one core can write to a thousand sockets.
const CALM: f64 = 80.0;

/// How long a message may take until it is clear that somebody is not in its room yet.
const JOINING: Duration = Duration::from_secs(5);

/// Senders to many rooms.
const SENDERS: u64 = 100;

/// Sockets of each room of those that are sent nothing.
const IDLE_ROOM: u64 = 10;

/// What is sent to whom, and how fast.
#[derive(Debug, Clone, Copy)]
struct Work {
    workload: &'static str,
    sockets: u64,
    /// Sockets of each room.
    room_size: u64,
    /// Rooms of each socket.
    rooms_per_socket: u64,
    users: u64,
    /// Further sockets, in rooms of ten, that are sent nothing.
    idle: u64,
    /// Whether all sockets of a room are at the same edge.
    apart: bool,
    pace: Pace,
    /// Whether it is looked at how long each message takes.
    tracks: bool,
}

/// One room, one message at a time at a fixed pace, so that nothing can be batched.
pub(super) async fn room_single(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let pace = Pace::Every(size.rate.unwrap_or(100.0));
    Work::room("room-single", size, pace)
        .run(contender, size, setup)
        .await
}

/// The same room at a pace that leaves the server idle for most of the time: how long a message takes to its last receiver.
pub(super) async fn latency(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let pace = Pace::Every(size.rate.unwrap_or(CALM));
    Work::room("latency", size, pace)
        .run(contender, size, setup)
        .await
}

/// The same room; many messages at once, and the next when all have been received.
pub(super) async fn room_burst(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let pace = Pace::Bursts(size.burst.unwrap_or(500));
    let work = Work::room("room-burst", size, pace);
    Work {
        tracks: false,
        ..work
    }
    .run(contender, size, setup)
    .await
}

/// A thousand rooms of ten, and a hundred senders at full speed, each with ten of the rooms, one after the other.
pub(super) async fn small_rooms(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let work = Work::rooms("small-rooms", size, 1);
    work.run(contender, size, setup).await
}

/// Rooms of ten in which each socket is with several: as many rooms as there are sockets, times what each subscribes to, by ten.
pub(super) async fn many_rooms(contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
    let work = Work::rooms("many-rooms", size, size.rooms_per_socket.unwrap_or(10));
    work.run(contender, size, setup).await
}

/// What a socket of ChatFlow says that is in several rooms.
fn subscribing(rooms: u64) -> Greeting {
    Greeting {
        path: "/ws?user_id={user}&username={user}".into(),
        say: vec![r#"{"type":"subscribe","room_id":"{room}"}"#.into()],
        ready_after: u32::try_from(rooms).unwrap_or(u32::MAX),
        ..Greeting::default()
    }
}

impl Work {
    fn room(workload: &'static str, size: &Size, pace: Pace) -> Self {
        let receivers = size.sockets.unwrap_or(1000);
        Self {
            workload,
            sockets: receivers,
            room_size: receivers,
            rooms_per_socket: 1,
            // Whoever comes is announced to all who are there: more users than this would be a workload of its own.
            users: receivers.min(1000),
            idle: size.idle.unwrap_or(0),
            apart: false,
            pace,
            tracks: true,
        }
    }

    fn rooms(workload: &'static str, size: &Size, rooms_per_socket: u64) -> Self {
        let sockets = size.sockets.unwrap_or(10_000);
        Self {
            workload,
            sockets,
            room_size: size.room_size.unwrap_or(10),
            rooms_per_socket,
            users: sockets,
            idle: 0,
            apart: size.apart,
            pace: Pace::Runs(SENDERS),
            tracks: false,
        }
    }

    /// Starts the contender, connects the sockets, waits until all are in their rooms, and measures.
    async fn run(self, contender: &str, size: &Size, setup: &Setup) -> Result<Record> {
        let idle_rooms = (self.sockets + self.idle).div_ceil(IDLE_ROOM);
        let rooms = self
            .count_of_rooms()
            .max(if self.idle > 0 { idle_rooms } else { 0 });
        let running = start(contender, setup, rooms).await?;
        let mut load = Load::start(size.threads.unwrap_or(1))?;
        let mut record = Record::new(self.workload, contender);
        self.measure(&running, &mut load, size.duration(), &mut record)
            .await?;
        Ok(record)
    }

    fn count_of_rooms(&self) -> u64 {
        self.sockets.div_ceil(self.room_size) * self.rooms_per_socket
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    async fn measure(
        self,
        running: &Running,
        load: &mut Load,
        duration: Duration,
        record: &mut Record,
    ) -> Result<()> {
        let Self {
            sockets, room_size, ..
        } = self;
        let mut open = Open {
            rooms_per_socket: self.rooms_per_socket,
            users: self.users,
            apart: self.apart,
            ..Open::plain(running, sockets, room_size)
        };
        if self.workload == "many-rooms" {
            open.greeting = subscribing(self.rooms_per_socket);
        }
        let opening = load.open(open).await?;
        if self.idle > 0 {
            // In rooms whose numbers are above the others', since those are wider.
            let idle = Open {
                first: sockets.next_multiple_of(IDLE_ROOM),
                users: u64::MAX,
                ..Open::plain(running, self.idle, IDLE_ROOM)
            };
            load.open(idle).await?;
        }
        let publish = |pace, duration| Publish {
            way: running.way.clone(),
            rooms: self.count_of_rooms(),
            receivers: room_size,
            pace,
            duration,
            patience: Duration::from_secs(30),
        };
        all_joined(load, publish(Pace::Once, Duration::ZERO)).await?;
        load.reset(None).await?;
        load.publish(publish(self.pace, Duration::from_secs(1))).await?;
        load.reset(self.tracks.then(|| u32::try_from(room_size).unwrap_or(u32::MAX)))
            .await?;

        let cost = Cost::begin(running, [&*load])?;
        let (messages, seconds, acknowledged) = load.publish(publish(self.pace, duration)).await?;
        let counted = load.count().await?;
        cost.end(running, counted.deliveries, record)?;
        for name in ["redis", "chat-svc"] {
            if let Some(cores) = record.figures.get(&format!("{name}_cores")) {
                let per_message = cores * 1e6 * seconds / messages.max(1) as f64;
                record.set(&format!("{name}_us_per_message"), per_message);
            }
        }
        record.set("connections", (sockets + self.idle) as f64);
        record.set("receivers", room_size as f64);
        record.set("messages", messages as f64);
        record.set("deliveries", counted.deliveries as f64);
        record.set("deliveries_per_s", counted.deliveries as f64 / seconds);
        record.set("messages_per_s", messages as f64 / seconds);
        record.set(
            "bytes_per_delivery",
            counted.bytes as f64 / counted.deliveries.max(1) as f64,
        );
        // More than a write of the server has: a read may find several.
        record.set(
            "deliveries_per_read",
            counted.deliveries as f64 / counted.reads.max(1) as f64,
        );
        if let Pace::Runs(senders) = self.pace {
            let in_a_room = (senders * RUN / self.count_of_rooms()).max(RUN);
            record.set("under_way_per_room", in_a_room as f64);
        }
        record.set("incomplete_messages", counted.incomplete as f64);
        record.set("lost_sockets", counted.lost as f64);
        record.set("sockets_per_s", sockets as f64 / opening);
        record.spread("to_last", counted.to_last);
        record.spread("acknowledged", acknowledged);
        if counted.deliveries != messages * room_size {
            record.notes.push(format!(
                "{} deliveries of {messages} messages to {room_size} each",
                counted.deliveries
            ));
        }
        Ok(())
    }
}

/// Sends a message to every room until all sockets receive it: being connected is not yet being in the room.
pub(super) async fn all_joined(load: &mut Load, once: Publish) -> Result<()> {
    let once = Publish {
        patience: JOINING,
        ..once
    };
    for _ in 0..10 {
        load.reset(None).await?;
        if load.publish(once.clone()).await.is_ok() {
            return Ok(());
        }
    }
    load.reset(None).await?;
    load.publish(once).await.map(drop)
}
