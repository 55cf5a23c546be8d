//! The module's sockets over the kernel's: what became ready is learnt from epoll, edge by edge, as the module is told.
//!
//! The camera's port is bound before the module runs, so that a port in use is found out at start. While no module
//! listens on it (it is being started afresh) whoever comes is reset, as by a board without a listener.
//!
//! Slow viewers never see the past: what is new (a part of a stream, an answer) is taken only while little is under
//! way on that connection and the peer reads what it has got; what was begun is taken as fast as the kernel takes it.
//! To the module that is a socket that has room or has none, and with each frame it begins with the newest there is
//! then. See [`crate::queue`].

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use board::clock::{MILLISECOND, Micros, NEVER, SECOND};
use board::fault::{Fault, Mistake, Refusal};
use board::log::{Level, Log};
use board::sockets::{Close, Ready, Sockets};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, SocketFlags, sockopt};

use crate::dial::{Dial, Lookups, Progress, connect};
use crate::queue::{Room, bound_unsent, under_way};

/// The ports on which the module listens, wherever the command line shows them: for HTTP, and for upstreams.
pub const CAMERA_PORT: u32 = 80;
pub const PUSH_PORT: u32 = 9999;
/// Connections that wait to be accepted; the kernel's own limit may be lower.
const BACKLOG: i32 = 511;
/// How long a connection that was closed in order may take to deliver its last bytes.
const ORDERLY_MAX: Micros = 5 * SECOND;
/// Connections that may be ending at once; the oldest is cut for a further one.
const ENDINGS_MAX: usize = 512;
/// A peer from which nothing came for so long is gone; an idle one is asked for a sign of life after a while.
const SILENCE_MAX: Duration = Duration::from_secs(30);
const ASK_IDLE_AFTER: Duration = Duration::from_secs(10);
const ASK_IDLE_EVERY: Duration = Duration::from_secs(5);
const ASK_IDLE_TIMES: u32 = 4;
/// How soon, and how late, it is looked again whether less is under way.
const LOOK_AGAIN_MIN: Micros = 2 * MILLISECOND;
const LOOK_AGAIN_MAX: Micros = 30 * MILLISECOND;
const LOOK_AT_ROOM_AGAIN: Micros = 10 * MILLISECOND;
/// Whoever has got all and offers little room for so long has no more.
const ROOM_SETTLES_AFTER: Micros = SECOND;
/// A peer is looked at closely at so many of its first sends, and after one that it did not take at once.
const CLOSE_LOOKS: u32 = 64;
/// The pause after a connection could not be accepted (too many open files, above all).
const ACCEPT_PAUSE: Micros = SECOND;
/// Events that are asked for at once.
const EVENTS: usize = 64;
/// What still arrives on a connection that is ending is read in pieces of this, so many at a time, and thrown away.
const TRASH_BYTES: usize = 16 << 10;
const TRASH_READS_MAX: usize = 16;

/// What epoll is told to answer for the port; for a connection it is the handle, which is above.
const OF_PORTS: u64 = 0;
const OF_LOOKUPS: u64 = u64::MAX - 1;
const OF_ENDINGS: u64 = u64::MAX;

/// What is to be told of a connection.
const NEWS: EventFlags = EventFlags::IN.union(EventFlags::OUT).union(EventFlags::RDHUP).union(EventFlags::ET);

enum Entry {
    Listener,
    /// A connection that does not stand yet, or never will.
    Dial(Dial),
    Connection(Connection),
}

/// Whether a connection takes what is new.
#[derive(Clone, Copy, PartialEq)]
enum Gate {
    /// It is asked at the next send.
    Unasked,
    /// Too much was under way. It is asked again at this time.
    Closed(Micros),
    /// What the last send began was not taken whole: what goes on with it is taken without asking.
    Passed,
}

struct Connection {
    socket: OwnedFd,
    peer: IpAddr,
    /// The module was told AGAIN (or got less than it asked for) and counts on being told when that changes.
    awaits_bytes: bool,
    awaits_room: bool,
    /// What epoll said since.
    has_bytes: bool,
    has_room: bool,
    /// There will be no more bytes, so that no further event tells of what is left to read.
    ended: bool,
    /// The connection is gone.
    gone: bool,
    gate: Gate,
    room: Room,
    /// Since when its room is short.
    room_short_since: Option<Micros>,
    /// Sends at which it is still to be looked at closely.
    close_looks: u32,
    /// It stands in the list of those that became ready.
    raised: bool,
}

impl Connection {
    fn new(socket: OwnedFd, peer: IpAddr) -> Self {
        Connection {
            socket,
            peer: peer.to_canonical(),
            awaits_bytes: false,
            awaits_room: false,
            has_bytes: false,
            has_room: false,
            ended: false,
            gone: false,
            gate: Gate::Unasked,
            room: Room::default(),
            room_short_since: None,
            close_looks: CLOSE_LOOKS,
            raised: false,
        }
    }

    fn ready(&self) -> Ready {
        let may_send = match self.gate {
            Gate::Closed(_) => false,
            Gate::Unasked | Gate::Passed => self.has_room,
        };
        Ready {
            readable: self.awaits_bytes && (self.has_bytes || self.ended || self.gone),
            writable: self.awaits_room && (may_send || self.gone),
        }
    }
}

/// A connection that the module is done with: it is shut, and what still arrives is thrown away.
struct Ending {
    socket: OwnedFd,
    until: Micros,
}

/// A port that is bound, whether the module listens on it or not.
struct Port {
    /// The module's number of it.
    number: u32,
    socket: TcpListener,
    /// The module's listener, if it listens.
    listener: Option<i32>,
    /// It was told that nobody waits.
    listener_awaits: bool,
    /// Somebody waits, or may.
    somebody_waits: bool,
}

impl Port {
    /// Whether the module is to be told that somebody waits.
    fn has_event(&self) -> bool {
        self.listener.is_some() && self.listener_awaits && self.somebody_waits
    }
}

pub struct KernelSockets {
    epoll: Rc<OwnedFd>,
    ports: Vec<Port>,
    address: SocketAddr,
    lookups: Lookups,
    /// Handle n is entry n - 1.
    entries: Vec<Option<Entry>>,
    /// Why the last one could not be accepted, until it was logged, and when to try again.
    accept_error: Option<Errno>,
    accept_at: Micros,
    /// Connections that became ready. Each is looked at again before the module is told.
    raised: VecDeque<i32>,
    /// Connections whose gate is closed.
    gated: Vec<i32>,
    endings: VecDeque<Ending>,
    now: Micros,
}

impl KernelSockets {
    /// Binds the port for HTTP.
    pub fn bind(address: SocketAddr) -> io::Result<KernelSockets> {
        let lookups = Lookups::new()?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, lookups.alarm(), EventData::new_u64(OF_LOOKUPS), EventFlags::IN | EventFlags::ET)?;
        let mut sockets = KernelSockets {
            epoll: Rc::new(epoll),
            address,
            ports: vec![],
            lookups,
            entries: vec![],
            accept_error: None,
            accept_at: 0,
            raised: VecDeque::new(),
            gated: vec![],
            endings: VecDeque::new(),
            now: 0,
        };
        sockets.address = sockets.add_port(CAMERA_PORT, address)?;
        Ok(sockets)
    }

    /// Binds one more port, the module's `number`. Answers where it is.
    pub fn add_port(&mut self, number: u32, address: SocketAddr) -> io::Result<SocketAddr> {
        // It sets SO_REUSEADDR: a port that is in use is refused all the same, one that was a minute ago is not.
        let socket = TcpListener::bind(address)?;
        socket.set_nonblocking(true)?;
        rustix::net::listen(&socket, BACKLOG)?; // again, with a longer queue
        prepare(socket.as_fd())?; // connections inherit it
        epoll::add(&*self.epoll, &socket, EventData::new_u64(OF_PORTS), EventFlags::IN | EventFlags::ET)?;
        let address = socket.local_addr()?;
        self.ports.push(Port { number, socket, listener: None, listener_awaits: false, somebody_waits: true });
        Ok(address)
    }

    /// Readable when there is something for `poll`: to sleep on.
    pub fn alarm(&self) -> Rc<OwnedFd> {
        self.epoll.clone()
    }

    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    fn connection(&mut self, handle: i32) -> Result<&mut Connection, Mistake> {
        match self.entries.get_mut((handle as usize).wrapping_sub(1)) {
            Some(Some(Entry::Connection(connection))) => Ok(connection),
            _ => Err(Mistake("a handle that is no connection's")),
        }
    }

    /// A connection that does not stand yet, or never will.
    fn dialing(&mut self, handle: i32) -> Option<&mut Dial> {
        match self.entries.get_mut((handle as usize).wrapping_sub(1)) {
            Some(Some(Entry::Dial(dial))) => Some(dial),
            _ => None,
        }
    }

    /// The lowest free handle.
    fn free_handle(&mut self) -> i32 {
        let index = self.entries.iter().position(Option::is_none).unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() - 1
        });
        index as i32 + 1
    }

    fn set(&mut self, handle: i32, entry: Option<Entry>) -> Option<Entry> {
        std::mem::replace(&mut self.entries[handle as usize - 1], entry)
    }

    /// Notes that a connection may be ready.
    fn raise(&mut self, handle: i32) {
        if let Ok(connection) = self.connection(handle)
            && !connection.raised
        {
            connection.raised = true;
            self.raised.push_back(handle);
        }
    }

    /// The next one who waits at a port, by its place among them.
    fn next(&mut self, port: usize) -> Option<OwnedFd> {
        if self.now < self.accept_at {
            return None;
        }
        loop {
            match rustix::net::accept_with(&self.ports[port].socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(socket) => return Some(socket),
                Err(Errno::AGAIN) => self.ports[port].somebody_waits = false,
                // These are of the one connection, which is gone: accept(2).
                Err(Errno::CONNABORTED | Errno::INTR | Errno::PROTO | Errno::PERM) => continue,
                Err(error) => {
                    self.accept_error.get_or_insert(error);
                    self.accept_at = self.now + ACCEPT_PAUSE;
                }
            }
            return None;
        }
    }

    /// Takes in what epoll has to tell.
    fn take_news(&mut self) {
        let mut news: Vec<epoll::Event> = Vec::with_capacity(EVENTS);
        let mut endings_have_news = false;
        loop {
            news.clear();
            let at_once = rustix::time::Timespec::default();
            // It fails where a signal comes in between, and then there is a next time.
            if epoll::wait(&*self.epoll, spare_capacity(&mut news), Some(&at_once)).is_err() {
                break;
            }
            for event in &news {
                let (flags, of) = (event.flags, event.data.u64());
                match of {
                    OF_PORTS => self.ports.iter_mut().for_each(|port| port.somebody_waits = true),
                    OF_LOOKUPS => self.take_lookups(),
                    OF_ENDINGS => endings_have_news = true,
                    handle => self.hear(handle as i32, flags),
                }
            }
            if news.len() < EVENTS {
                break;
            }
        }
        if endings_have_news || self.endings.front().is_some_and(|ending| ending.until <= self.now) {
            self.tend_endings();
        }
    }

    /// Takes in what became of the names that were looked up.
    fn take_lookups(&mut self) {
        while let Some((ticket, addresses)) = self.lookups.next() {
            let waits = |entry: &Option<Entry>| matches!(entry, Some(Entry::Dial(dial)) if dial.waits_for(ticket));
            let Some(index) = self.entries.iter().position(waits) else { continue }; // given up meanwhile
            self.go_on_dialing(index as i32 + 1, |dial| dial.found(addresses));
        }
    }

    /// Has something happen to a connection that does not stand yet, and does what follows.
    fn go_on_dialing(&mut self, handle: i32, happen: impl FnOnce(&mut Dial)) {
        let Some(Some(Entry::Dial(dial))) = self.entries.get_mut(handle as usize - 1) else { return };
        happen(dial);
        let epoll = self.epoll.clone();
        let progress = dial.go_on(|address| {
            let socket = connect(address)?;
            prepare(socket.as_fd())?;
            epoll::add(&*epoll, &socket, EventData::new_u64(handle as u64), NEWS)?;
            Ok(socket)
        });
        let (awaits_bytes, awaits_room) = (dial.awaits_bytes, dial.awaits_room);
        match progress {
            Progress::Waits => {}
            Progress::Failed => self.raised.push_back(handle),
            Progress::Stands(socket, address) => {
                let mut connection = Connection::new(socket, address.ip());
                (connection.awaits_bytes, connection.awaits_room) = (awaits_bytes, awaits_room);
                connection.has_room = true;
                // What came with it was told of before.
                connection.has_bytes = true;
                self.set(handle, Some(Entry::Connection(connection)));
                self.raise(handle);
            }
        }
    }

    fn hear(&mut self, handle: i32, flags: EventFlags) {
        self.go_on_dialing(handle, |dial| dial.hear(flags));
        let Ok(connection) = self.connection(handle) else { return };
        connection.has_bytes |= flags.intersects(EventFlags::IN | EventFlags::RDHUP);
        connection.has_room |= flags.contains(EventFlags::OUT);
        connection.ended |= flags.contains(EventFlags::RDHUP);
        connection.gone |= flags.intersects(EventFlags::ERR | EventFlags::HUP);
        if connection.ready().any() {
            self.raise(handle);
        }
    }

    /// Looks whether gates can be opened.
    fn tend_gates(&mut self) {
        for handle in std::mem::take(&mut self.gated) {
            let now = self.now;
            let Ok(connection) = self.connection(handle) else { continue };
            match connection.gate {
                Gate::Closed(at) if at <= now => {
                    ask(connection, now);
                    match connection.gate {
                        Gate::Closed(_) => self.gated.push(handle),
                        // The kernel's own bound was not asked: the send will.
                        Gate::Unasked | Gate::Passed => {
                            connection.has_room = true;
                            self.raise(handle);
                        }
                    }
                }
                Gate::Closed(_) => self.gated.push(handle),
                Gate::Unasked | Gate::Passed => {}
            }
        }
    }

    /// Throws away what arrived on connections that are ending; drops those whose peer has ended or whose time is up.
    fn tend_endings(&mut self) {
        let now = self.now;
        self.endings.retain(|ending| {
            let late = ending.until <= now;
            if late {
                cut(&ending.socket);
            }
            !late && peer_stays(&ending.socket)
        });
    }
}

/// Whole answers and frames are sent: waiting for more to come only adds delay. And a peer that is gone is found out.
fn prepare(socket: BorrowedFd<'_>) -> io::Result<()> {
    sockopt::set_tcp_nodelay(socket, true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, ASK_IDLE_AFTER)?;
    sockopt::set_tcp_keepintvl(socket, ASK_IDLE_EVERY)?;
    sockopt::set_tcp_keepcnt(socket, ASK_IDLE_TIMES)?;
    sockopt::set_tcp_user_timeout(socket, SILENCE_MAX.as_millis() as u32)?;
    bound_unsent(socket)
}

/// Asks whether a connection takes what is new.
fn ask(connection: &mut Connection, now: Micros) {
    connection.gate = Gate::Unasked;
    // Of a connection that is gone the send tells.
    let Some(path) = under_way(connection.socket.as_fd(), connection.close_looks > 0) else { return };
    let room_is_short = path.window.is_some_and(|window| {
        let is_short = connection.room.is_short(window);
        let since = is_short.then(|| connection.room_short_since.unwrap_or(now));
        if path.bytes == 0 && since.is_some_and(|since| now - since >= ROOM_SETTLES_AFTER) {
            connection.room.settle_for(window);
        }
        connection.room_short_since = since;
        is_short
    });
    if !path.is_little() {
        let span = path.little_after().clamp(LOOK_AGAIN_MIN, LOOK_AGAIN_MAX);
        connection.gate = Gate::Closed(now + span);
    } else if room_is_short {
        connection.gate = Gate::Closed(now + LOOK_AT_ROOM_AGAIN);
    }
    connection.close_looks = match connection.gate {
        Gate::Closed(_) => CLOSE_LOOKS,
        Gate::Unasked | Gate::Passed => connection.close_looks.saturating_sub(1),
    };
}

/// Has a socket end with a reset when it is dropped.
fn cut(socket: &OwnedFd) {
    // It can't fail on a socket; if it did, the end would be an orderly one.
    let _ = sockopt::set_socket_linger(socket, Some(Duration::ZERO));
}

/// Throws away what arrived. Answers whether the peer may still send.
fn peer_stays(socket: &OwnedFd) -> bool {
    let mut trash = [0; TRASH_BYTES];
    for _ in 0..TRASH_READS_MAX {
        match rustix::net::recv(socket, &mut trash, RecvFlags::DONTWAIT) {
            Ok((0, _)) => return false,
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return true,
            Err(_) => return false,
        }
    }
    // It goes on sending: what is left makes the end a reset.
    false
}

impl Sockets for KernelSockets {
    fn listen(&mut self, port: u32) -> Result<i32, Refusal> {
        let is_it = |bound: &Port| bound.number == port && bound.listener.is_none();
        let Some(place) = self.ports.iter().position(is_it) else { return Err(Fault::Refused.into()) };
        let handle = self.free_handle();
        self.set(handle, Some(Entry::Listener));
        let port = &mut self.ports[place];
        port.listener = Some(handle);
        port.listener_awaits = true;
        port.somebody_waits = true;
        Ok(handle)
    }

    fn accept(&mut self, listener: i32) -> Result<i32, Refusal> {
        let Some(port) = self.ports.iter().position(|port| port.listener == Some(listener)) else {
            return Err(Mistake("a handle that is no listener's").into());
        };
        while let Some(socket) = self.next(port) {
            // Without a peer it has gone meanwhile.
            let Ok(Some(peer)) = rustix::net::getpeername(&socket) else { continue };
            let Ok(peer) = SocketAddr::try_from(peer) else { continue };
            let handle = self.free_handle();
            if let Err(error) = epoll::add(&*self.epoll, &socket, EventData::new_u64(handle as u64), NEWS) {
                self.accept_error.get_or_insert(error); // out of memory: that one is lost
                continue;
            }
            self.set(handle, Some(Entry::Connection(Connection::new(socket, peer.ip()))));
            return Ok(handle);
        }
        self.ports[port].listener_awaits = true;
        Err(Fault::Again.into())
    }

    fn dial(&mut self, name: &str, port: u16) -> Result<i32, Refusal> {
        let dial = match name.parse::<IpAddr>() {
            Ok(address) => Dial::to(SocketAddr::new(address, port)),
            Err(_) => Dial::after(self.lookups.begin(name, port)?),
        };
        let handle = self.free_handle();
        self.set(handle, Some(Entry::Dial(dial)));
        self.go_on_dialing(handle, |_| {});
        Ok(handle)
    }

    fn peer(&mut self, socket: i32) -> Result<IpAddr, Refusal> {
        if self.dialing(socket).is_some() {
            return Err(Fault::Closed.into());
        }
        Ok(self.connection(socket)?.peer)
    }

    fn receive(&mut self, socket: i32, to: &mut [u8]) -> Result<usize, Refusal> {
        if let Some(dial) = self.dialing(socket) {
            return Err(dial.receive().into());
        }
        let connection = self.connection(socket)?;
        connection.has_bytes = false;
        let room = to.len();
        let result = loop {
            match rustix::net::recv(&connection.socket, &mut *to, RecvFlags::DONTWAIT) {
                Err(Errno::INTR) => continue,
                result => break result,
            }
        };
        match result {
            Ok((0, _)) => Err(Fault::End.into()),
            Ok((count, _)) => {
                // What is left, or the end, of which no further event tells, is told of again.
                connection.has_bytes = count == room;
                connection.awaits_bytes = count < room;
                if connection.ready().readable {
                    self.raise(socket);
                }
                Ok(count)
            }
            Err(Errno::AGAIN) => {
                connection.awaits_bytes = true;
                Err(Fault::Again.into())
            }
            Err(_) => Err(Fault::Closed.into()),
        }
    }

    fn send(&mut self, socket: i32, bytes: &[u8]) -> Result<usize, Refusal> {
        if let Some(dial) = self.dialing(socket) {
            return Err(dial.send().into());
        }
        let now = self.now;
        let connection = self.connection(socket)?;
        if connection.gate != Gate::Passed {
            ask(connection, now);
            if let Gate::Closed(_) = connection.gate {
                connection.awaits_room = true;
                connection.has_room = false;
                if !self.gated.contains(&socket) {
                    self.gated.push(socket);
                }
                return Err(Fault::Again.into());
            }
        }
        let result = loop {
            match rustix::net::send(&connection.socket, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Err(Errno::INTR) => continue,
                result => break result,
            }
        };
        let taken = match result {
            Ok(taken) => taken,
            Err(Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM) => 0,
            Err(_) => return Err(Fault::Closed.into()),
        };
        if taken == bytes.len() {
            connection.gate = Gate::Unasked;
            return Ok(taken);
        }
        connection.awaits_room = true;
        connection.has_room = false;
        if taken == 0 {
            return Err(Fault::Again.into());
        }
        connection.gate = Gate::Passed;
        connection.close_looks = CLOSE_LOOKS;
        Ok(taken)
    }

    fn close(&mut self, socket: i32, how: Close) -> Result<(), Mistake> {
        if let Some(port) = self.ports.iter_mut().find(|port| port.listener == Some(socket)) {
            port.listener = None;
            self.set(socket, None);
            return Ok(());
        }
        if self.dialing(socket).is_some() {
            self.set(socket, None);
            return Ok(());
        }
        self.connection(socket)?;
        let Some(Entry::Connection(Connection { socket, .. })) = self.set(socket, None) else { return Ok(()) };
        match how {
            Close::Abort => cut(&socket),
            Close::Orderly => {
                let news = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
                let of = EventData::new_u64(OF_ENDINGS);
                // Where these fail the connection is gone.
                if rustix::net::shutdown(&socket, Shutdown::Write).is_ok()
                    && epoll::modify(&*self.epoll, &socket, of, news).is_ok()
                {
                    if self.endings.len() == ENDINGS_MAX
                        && let Some(oldest) = self.endings.pop_front()
                    {
                        cut(&oldest.socket);
                    }
                    self.endings.push_back(Ending { socket, until: self.now + ORDERLY_MAX });
                }
            }
        }
        Ok(())
    }

    fn has_event(&self) -> bool {
        !self.raised.is_empty() || self.accept_at <= self.now && self.ports.iter().any(Port::has_event)
    }

    fn take_event(&mut self) -> Option<(i32, Ready)> {
        if self.accept_at <= self.now
            && let Some(port) = self.ports.iter_mut().find(|port| port.has_event())
            && let Some(handle) = port.listener
        {
            port.listener_awaits = false;
            return Some((handle, Ready { readable: true, writable: false }));
        }
        while let Some(handle) = self.raised.pop_front() {
            if let Some(dial) = self.dialing(handle) {
                let ready = dial.take_ready();
                if ready.any() {
                    return Some((handle, ready));
                }
                continue;
            }
            let Ok(connection) = self.connection(handle) else { continue };
            connection.raised = false;
            let ready = connection.ready();
            connection.awaits_bytes &= !ready.readable;
            connection.awaits_room &= !ready.writable;
            if ready.any() {
                return Some((handle, ready));
            }
        }
        None
    }

    fn abort_all(&mut self) {
        for port in &mut self.ports {
            port.listener = None;
        }
        for entry in std::mem::take(&mut self.entries).into_iter().flatten() {
            if let Entry::Connection(connection) = entry {
                cut(&connection.socket);
            }
        }
        for ending in std::mem::take(&mut self.endings) {
            cut(&ending.socket);
        }
        self.raised.clear();
        self.gated.clear();
    }

    fn poll(&mut self, now: Micros, log: &mut dyn Log) {
        self.now = now;
        self.take_news();
        self.tend_gates();
        for port in 0..self.ports.len() {
            if self.ports[port].listener.is_none() && self.ports[port].somebody_waits {
                while let Some(socket) = self.next(port) {
                    cut(&socket);
                }
            }
        }
        if let Some(error) = self.accept_error.take() {
            log.line(now, Level::Warning, format_args!("a connection could not be accepted: {error}"));
        }
    }

    fn poll_at(&mut self, _: Micros) -> Micros {
        let gates = self.gated.iter().filter_map(|&handle| match self.entries.get(handle as usize - 1) {
            Some(Some(Entry::Connection(Connection { gate: Gate::Closed(at), .. }))) => Some(*at),
            _ => None,
        });
        let gates = gates.min().unwrap_or(NEVER);
        let endings = self.endings.front().map_or(NEVER, |ending| ending.until);
        let somebody_waits = self.ports.iter().any(|port| port.somebody_waits);
        let accept = if somebody_waits && self.accept_at > self.now { self.accept_at } else { NEVER };
        gates.min(endings).min(accept)
    }

    fn address(&self) -> Option<String> {
        Some(self.address.to_string())
    }
}
