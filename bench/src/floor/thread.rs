//! One of the floor's threads: a listener, a subscription, and the sockets that came to it.

use std::{
    net::{Ipv4Addr, SocketAddrV4, TcpStream},
    os::fd::OwnedFd,
};

use rustix::{
    event::epoll,
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SocketFlags, SocketType, accept_with, bind, listen, recv, socket_with,
        sockopt::{set_socket_reuseaddr, set_socket_reuseport, set_tcp_nodelay},
    },
};

use super::{
    Arguments, Write, bus,
    member::{Member, Read},
    rooms::Rooms,
};
use crate::{
    fault::{Doing, Fault, Result},
    limits,
};
use send_ring::Ring;

const LISTENER: u64 = u64::MAX;
const BUS: u64 = u64::MAX - 1;

/// Read from Redis at once, in bytes.
const READ: usize = 1024 * 1024;

/// Events taken at once.
const EVENTS: usize = 1024;

/// One of the floor's threads.
pub(super) struct Thread {
    epoll: OwnedFd,
    listener: OwnedFd,
    bus: TcpStream,
    write: Write,
    members: Vec<Option<Member>>,
    free: Vec<u32>,
    rooms: Rooms,
    ring: Option<Ring>,
    /// What Redis sent, and how much of it there is.
    read: (Vec<u8>, usize),
}

impl Thread {
    /// Listens and subscribes.
    pub(super) fn open(arguments: &Arguments) -> Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let listener =
            socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).doing("a listener")?;
        set_socket_reuseaddr(&listener, true).doing("a listener")?;
        set_socket_reuseport(&listener, true).doing("a listener per thread")?;
        bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, arguments.port)).doing("a port")?;
        listen(&listener, 4096).doing("a listener")?;
        let bus = bus::subscribe(arguments.redis)?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).doing("an epoll")?;
        let add = |fd: &dyn std::os::fd::AsFd, data| {
            epoll::add(
                &epoll,
                fd.as_fd(),
                epoll::EventData::new_u64(data),
                epoll::EventFlags::IN,
            )
            .doing("events")
        };
        add(&listener, LISTENER)?;
        add(&bus, BUS)?;
        Ok(Self {
            epoll,
            listener,
            bus,
            write: arguments.write,
            members: Vec::new(),
            free: Vec::new(),
            rooms: Rooms::default(),
            ring: None,
            read: (vec![0; READ], 0),
        })
    }

    /// Serves for ever.
    pub(super) fn run(&mut self) -> Result<()> {
        if self.write == Write::Ring {
            // Here, since a ring belongs to the thread that made it.
            let places = u32::try_from(limits::sockets()).unwrap_or(u32::MAX).min(1 << 15);
            self.ring = Some(Ring::new(places).doing("a ring")?);
        }
        let mut events = Vec::with_capacity(EVENTS);
        let mut scratch = vec![0; 16 * 1024];
        loop {
            events.clear();
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error).doing("waiting"),
            }
            for event in &events {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    BUS => self.hear()?,
                    place => self.serve(u32::try_from(place).unwrap_or(0), event.flags, &mut scratch),
                }
            }
        }
    }

    fn accept(&mut self) -> Result<()> {
        for _ in 0..256 {
            let fd = match accept_with(&self.listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(fd) => fd,
                Err(Errno::AGAIN | Errno::CONNABORTED | Errno::INTR) => return Ok(()),
                Err(error) => return Err(error).doing("accepting"),
            };
            set_tcp_nodelay(&fd, true).doing("accepting")?;
            let place = self.free.pop().unwrap_or_else(|| {
                self.members.push(None);
                u32::try_from(self.members.len() - 1).unwrap_or(0)
            });
            let data = epoll::EventData::new_u64(u64::from(place));
            epoll::add(&self.epoll, &fd, data, epoll::EventFlags::IN).doing("events")?;
            if let Some(ring) = &self.ring {
                ring.put(place, Some(&fd)).doing("a place in the ring")?;
            }
            if let Some(free) = self.members.get_mut(place as usize) {
                *free = Some(Member::new(fd));
            }
        }
        Ok(())
    }

    fn serve(&mut self, place: u32, flags: epoll::EventFlags, scratch: &mut [u8]) {
        let Some(Some(member)) = self.members.get_mut(place as usize) else {
            return;
        };
        if flags.contains(epoll::EventFlags::OUT) && member.drain() {
            let data = epoll::EventData::new_u64(u64::from(place));
            let _ = epoll::modify(&self.epoll, &member.fd, data, epoll::EventFlags::IN);
        }
        if flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::ERR) {
            match member.read(scratch) {
                Read::Nothing => {}
                Read::Joins(name) => member.room = Some(self.rooms.join(name, place)),
                Read::Gone => {
                    if let Some(room) = member.room {
                        self.rooms.leave(room, place);
                    }
                    if let Some(ring) = &self.ring {
                        // Otherwise the ring would keep it open.
                        let _ = ring.put(place, None::<&OwnedFd>);
                    }
                    self.members[place as usize] = None;
                    self.free.push(place);
                }
            }
        }
    }

    /// Reads what Redis has, once, and writes it to the members.
    fn hear(&mut self) -> Result<()> {
        let (buffer, filled) = &mut self.read;
        let free = buffer.get_mut(*filled..).filter(|free| !free.is_empty());
        let free = free.ok_or_else(|| Fault::other("a message larger than the buffer"))?;
        match recv(&self.bus, free, RecvFlags::DONTWAIT) {
            Ok((0, _)) => return Err(Fault::other("Redis has gone")),
            Ok((count, _)) => *filled += count,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(error) => return Err(error).doing("reading from Redis"),
        }
        let mut bytes = buffer.get(..*filled).unwrap_or_default();
        let mut taken = 0;
        while let Some((message, length)) = bus::next(bytes) {
            taken += length;
            bytes = bytes.get(length..).unwrap_or_default();
            let Some(room) = message.and_then(|(name, payload)| self.rooms.append(name, payload)) else {
                continue;
            };
            if self.write == Write::Frame {
                flush(&self.epoll, &mut self.members, &mut self.rooms, room);
            }
        }
        buffer.copy_within(taken..*filled, 0);
        *filled -= taken;
        let dirty = std::mem::take(&mut self.rooms.dirty);
        if let Some(ring) = &mut self.ring {
            flush_all(&self.epoll, &mut self.members, &self.rooms, &dirty, ring);
        }
        for room in &dirty {
            if self.ring.is_some() {
                self.rooms.written(*room);
            } else {
                flush(&self.epoll, &mut self.members, &mut self.rooms, *room);
            }
        }
        self.rooms.dirty = dirty;
        self.rooms.dirty.clear();
        Ok(())
    }
}

/// Writes what a room has to each of its members.
fn flush(epoll: &OwnedFd, members: &mut [Option<Member>], rooms: &mut Rooms, number: u32) {
    let Some(room) = rooms.to_write(number) else {
        return;
    };
    for place in &room.members {
        if let Some(Some(member)) = members.get_mut(*place as usize)
            && member.send(&room.batch)
        {
            tell_when_it_can_go_on(epoll, member, *place);
        }
    }
    rooms.written(number);
}

/// Writes what all these rooms have to each of their members, at once.
fn flush_all(epoll: &OwnedFd, members: &mut [Option<Member>], rooms: &Rooms, dirty: &[u32], ring: &mut Ring) {
    let mut sends = Vec::new();
    for room in dirty.iter().filter_map(|room| rooms.to_write(*room)) {
        for place in &room.members {
            if let Some(Some(member)) = members.get_mut(*place as usize)
                && !member.waits(&room.batch)
            {
                sends.push((*place, room.batch.as_slice()));
            }
        }
    }
    let mut short = Vec::new();
    ring.send_all(&sends, &mut short);
    for (index, sent) in short {
        let Some((place, bytes)) = sends.get(index) else {
            continue;
        };
        if let Some(Some(member)) = members.get_mut(*place as usize)
            && member.keep(bytes.get(sent..).unwrap_or_default())
        {
            tell_when_it_can_go_on(epoll, member, *place);
        }
    }
}

fn tell_when_it_can_go_on(epoll: &OwnedFd, member: &Member, place: u32) {
    let data = epoll::EventData::new_u64(u64::from(place));
    let both = epoll::EventFlags::IN | epoll::EventFlags::OUT;
    let _ = epoll::modify(epoll, &member.fd, data, both);
}
