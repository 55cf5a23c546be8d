//! Connections that the module asks for, until they stand: names are looked up beside the loop, each in a thread of its
//! own (the system's resolver waits), and a host's addresses are tried one after the other.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use board::fault::Fault;
use board::sockets::Ready;
use rustix::event::epoll::EventFlags;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

/// Names that are looked up at once, at most. One takes as long as the system's resolver does.
const LOOKUPS_MAX: usize = 4;

/// Tells lookups apart.
type Ticket = u64;

/// The names that are being looked up.
pub struct Lookups {
    alarm: OwnedFd,
    results: Receiver<(Ticket, Vec<SocketAddr>)>,
    sender: Sender<(Ticket, Vec<SocketAddr>)>,
    running: usize,
    begun: Ticket,
}

impl Lookups {
    pub fn new() -> io::Result<Self> {
        let (sender, results) = channel();
        let alarm = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Lookups { alarm, results, sender, running: 0, begun: 0 })
    }

    /// Readable when there may be a result.
    pub fn alarm(&self) -> BorrowedFd<'_> {
        self.alarm.as_fd()
    }

    pub fn begin(&mut self, name: &str, port: u16) -> Result<Ticket, Fault> {
        if self.running == LOOKUPS_MAX {
            return Err(Fault::Refused);
        }
        let ticket = self.begun;
        let (name, sender) = (name.to_string(), self.sender.clone());
        let alarm = self.alarm.try_clone().map_err(|_| Fault::Refused)?;
        let look_up = move || {
            // Why there are none is not told apart: no such name, nobody to ask.
            let addresses = (name.as_str(), port).to_socket_addrs().map(Iterator::collect).unwrap_or_default();
            // Nobody listens any more where the program ends.
            let _ = sender.send((ticket, addresses));
            let _ = rustix::io::write(&alarm, &1u64.to_ne_bytes());
        };
        thread::Builder::new().name("lookup".into()).spawn(look_up).map_err(|_| Fault::Refused)?;
        self.running += 1;
        self.begun += 1;
        Ok(ticket)
    }

    /// The next result, if there is one.
    pub fn next(&mut self) -> Option<(Ticket, Vec<SocketAddr>)> {
        // Emptied before the results are looked at: one that comes after is told of again.
        let _ = rustix::io::read(&self.alarm, &mut [0; 8]);
        let result = self.results.try_recv().ok()?;
        self.running -= 1;
        Some(result)
    }
}

enum Stage {
    Naming(Ticket),
    /// The next address is to be tried.
    Trying,
    Connecting(OwnedFd, SocketAddr),
    /// The host has taken the connection.
    Stands(OwnedFd, SocketAddr),
    Failed(Fault),
}

/// What became of an attempt.
pub enum Progress {
    Waits,
    Stands(OwnedFd, SocketAddr),
    Failed,
}

/// A connection that does not stand yet, or never will.
pub struct Dial {
    stage: Stage,
    /// Addresses that were not tried yet.
    addresses: VecDeque<SocketAddr>,
    /// The module was told AGAIN.
    pub awaits_bytes: bool,
    pub awaits_room: bool,
}

impl Dial {
    fn new(stage: Stage, addresses: VecDeque<SocketAddr>) -> Self {
        Dial { stage, addresses, awaits_bytes: false, awaits_room: false }
    }

    pub fn to(address: SocketAddr) -> Self {
        Dial::new(Stage::Trying, [address].into())
    }

    /// To the addresses of a name, when they are known.
    pub fn after(ticket: Ticket) -> Self {
        Dial::new(Stage::Naming(ticket), VecDeque::new())
    }

    pub fn waits_for(&self, ticket: Ticket) -> bool {
        matches!(self.stage, Stage::Naming(waits_for) if waits_for == ticket)
    }

    /// The name's addresses are known.
    pub fn found(&mut self, addresses: Vec<SocketAddr>) {
        self.stage = if addresses.is_empty() { Stage::Failed(Fault::Missing) } else { Stage::Trying };
        self.addresses = addresses.into();
    }

    /// The kernel tells of the attempt that is under way.
    pub fn hear(&mut self, flags: EventFlags) {
        let Stage::Connecting(socket, address) = &self.stage else { return };
        if !flags.intersects(EventFlags::OUT | EventFlags::ERR | EventFlags::HUP) {
            return;
        }
        let stands = sockopt::socket_error(socket) == Ok(Ok(())) && !flags.contains(EventFlags::ERR);
        let address = *address;
        self.stage = match std::mem::replace(&mut self.stage, Stage::Trying) {
            Stage::Connecting(socket, _) if stands => Stage::Stands(socket, address),
            _ => Stage::Trying,
        };
    }

    /// Tries the next address, if that is due; `connect` begins with one.
    pub fn go_on(&mut self, mut connect: impl FnMut(SocketAddr) -> io::Result<OwnedFd>) -> Progress {
        while let Stage::Trying = self.stage {
            self.stage = match self.addresses.pop_front() {
                None => Stage::Failed(Fault::Closed),
                Some(address) => match connect(address) {
                    Ok(socket) => Stage::Connecting(socket, address),
                    Err(_) => Stage::Trying, // there is no way to that one
                },
            };
        }
        match std::mem::replace(&mut self.stage, Stage::Trying) {
            Stage::Stands(socket, address) => Progress::Stands(socket, address),
            stage @ Stage::Failed(_) => {
                self.stage = stage;
                Progress::Failed
            }
            stage => {
                self.stage = stage;
                Progress::Waits
            }
        }
    }

    fn fault(&self) -> Fault {
        match self.stage {
            Stage::Failed(fault) => fault,
            _ => Fault::Again,
        }
    }

    /// What receiving answers.
    pub fn receive(&mut self) -> Fault {
        self.awaits_bytes = self.fault() == Fault::Again;
        self.fault()
    }

    /// What sending answers.
    pub fn send(&mut self) -> Fault {
        self.awaits_room = self.fault() == Fault::Again;
        self.fault()
    }

    /// What the module is to be told, which it is by this.
    pub fn take_ready(&mut self) -> Ready {
        let has_failed = self.fault() != Fault::Again;
        let ready = Ready { readable: has_failed && self.awaits_bytes, writable: has_failed && self.awaits_room };
        self.awaits_bytes &= !has_failed;
        self.awaits_room &= !has_failed;
        ready
    }
}

/// Begins to connect. The socket is writable, or has an error, when it is known what became of it.
pub fn connect(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}
