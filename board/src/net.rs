//! The module's sockets over smoltcp: a pool of TCP sockets, listeners with a backlog, endings that go on without the
//! module, connections that it makes itself (names by DNS), and the address by DHCP.
//!
//! All buffers are made at start. The pool is larger than what the module holds at once: a connection that it closed in
//! order still occupies its socket until the last bytes are acknowledged, and must not keep newcomers out meanwhile.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use smoltcp::config::DNS_MAX_SERVER_COUNT;
use smoltcp::iface::{Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::{dhcpv4, dns, tcp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{DnsQueryType, EthernetAddress, IpAddress, IpCidr};

use crate::clock::{Micros, NEVER, SECOND};
use crate::fault::{Fault, Mistake, Refusal};
use crate::log::{Level, Log};
use crate::sockets::{Close, Ready, Sockets};

#[cfg(test)]
mod tests;

/// How long a connection that was closed in order may take to deliver its last bytes.
const ORDERLY_MAX: Micros = 5 * SECOND;
/// How long a reset may wait for the wire (for an answer to ARP, say) before its socket is used again without it.
const RESET_MAX: Micros = SECOND;
/// A peer from which nothing came for so long is gone; an idle one is asked for an acknowledgement after a while.
const SILENCE_MAX: Duration = Duration::from_secs(30);
const ASK_IDLE_AFTER: Duration = Duration::from_secs(10);
/// Frames taken in, and rounds of frames sent (one a socket), before the module has its turn again.
const INGRESS_MAX: usize = 64;
const EGRESS_ROUNDS_MAX: usize = 16;

/// How often the cable is looked at, at most: a device may take a while to answer.
const LOOK_EVERY: Micros = SECOND;
/// After the cable was plugged in again the board asks for an address anew, since it may be another network. So long it
/// keeps the one that it had, for a cable that was out for a moment (RFC 2131, section 3.7).
const ADDRESS_PATIENCE: Micros = 60 * SECOND;

/// Names that are looked up at once, at most.
const LOOKUPS_MAX: usize = 2;
/// The ports of connections that the board makes (RFC 6335, section 6).
const OWN_PORTS: core::ops::RangeInclusive<u16> = 49_152..=65_535;

/// Asks a device whether its cable is in.
pub type LinkIsUp<D> = fn(&mut D) -> bool;

/// How much memory the network takes: `sockets * (receive + send)` bytes, all at start.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub sockets: usize,
    /// Bytes of each socket's receive buffer: the window that it offers.
    pub receive: usize,
    /// Bytes of each socket's send buffer: what a viewer can lag behind within the board.
    pub send: usize,
    /// Connections that may come in at once, or wait to be accepted, at one listener.
    pub backlog: usize,
}

/// What stands behind a handle of the module's.
enum Entry {
    Listener(Listener),
    Connection(Connection),
}

struct Listener {
    port: u16,
    /// Sockets that wait for a peer or are about to shake hands with one.
    listening: Vec<SocketHandle>,
    /// Sockets with a peer, the one that waits longest first.
    waiting: VecDeque<SocketHandle>,
    awaits: bool,
}

/// How far a connection is.
enum Stage {
    /// The host's name is being looked up, for a connection to this port.
    Naming(dns::QueryHandle, u16),
    /// The host was asked for it.
    Connecting,
    /// It stands, or stood.
    Standing,
    /// It will never stand.
    Failed(Fault),
}

impl Stage {
    /// Whether bytes can be moved.
    fn check(&self) -> Result<(), Fault> {
        match *self {
            Stage::Naming(..) | Stage::Connecting => Err(Fault::Again),
            Stage::Failed(fault) => Err(fault),
            Stage::Standing => Ok(()),
        }
    }
}

struct Connection {
    socket: SocketHandle,
    stage: Stage,
    /// The module was told AGAIN (or got less than it asked for) and counts on being told when that changes.
    awaits_bytes: bool,
    awaits_room: bool,
}

/// A connection that the module is done with.
struct Ending {
    socket: SocketHandle,
    how: EndingState,
    until: Micros,
}

#[derive(PartialEq)]
enum EndingState {
    /// The last bytes and both ends' goodbyes are under way; what still arrives is thrown away.
    Orderly,
    /// The reset has yet to leave.
    Reset,
}

pub struct Network<D: Device> {
    device: D,
    interface: Interface,
    pool: SocketSet<'static>,
    dhcp: SocketHandle,
    dns: SocketHandle,
    /// The port of the next connection that the board makes.
    own_port: u16,
    /// Handle n is entry n - 1.
    entries: Vec<Option<Entry>>,
    free: Vec<SocketHandle>,
    endings: VecDeque<Ending>,
    backlog: usize,
    now: Micros,
    ask_link: LinkIsUp<D>,
    /// Whether the cable is in, once it was looked at, and when it is looked at next.
    link_is_up: Option<bool>,
    look_at: Micros,
    /// When an address of before the cable was pulled is given up, if there is one.
    old_address_until: Option<Micros>,
}

impl<D: Device> Network<D> {
    /// `seed` varies what must not be guessed or repeated (ports, sequence and transaction numbers).
    pub fn new(mut device: D, ask_link: LinkIsUp<D>, address: EthernetAddress, seed: u64, sizes: Sizes) -> Self {
        let mut config = Config::new(address.into());
        config.random_seed = seed;
        let interface = Interface::new(config, &mut device, Instant::ZERO);
        let mut pool = SocketSet::new(vec![]);
        let dhcp = pool.add(dhcpv4::Socket::new());
        // It has servers as soon as DHCP has told of them. The places are lent for ever, or they would grow in number.
        let lookups: Vec<Option<dns::DnsQuery>> = (0..LOOKUPS_MAX).map(|_| None).collect();
        let dns = pool.add(dns::Socket::new(&[], lookups.leak()));
        let free = (0..sizes.sockets).map(|_| {
            let buffer = |bytes: usize| tcp::SocketBuffer::new(vec![0; bytes]);
            let mut socket = tcp::Socket::new(buffer(sizes.receive), buffer(sizes.send));
            // The module sends whole answers and frames: waiting for more to come only adds delay.
            socket.set_nagle_enabled(false);
            socket.set_ack_delay(None);
            socket.set_timeout(Some(SILENCE_MAX));
            socket.set_keep_alive(Some(ASK_IDLE_AFTER));
            pool.add(socket)
        });
        let free = free.collect();
        Network {
            device,
            interface,
            dhcp,
            dns,
            // Another one than after the last start: the host may still know of that connection.
            own_port: OWN_PORTS.start() + seed as u16 % OWN_PORTS.len() as u16,
            pool,
            entries: vec![],
            free,
            endings: VecDeque::new(),
            backlog: sizes.backlog,
            now: 0,
            ask_link,
            link_is_up: None,
            look_at: 0,
            old_address_until: None,
        }
    }

    fn connection(&mut self, handle: i32) -> Result<(&mut tcp::Socket<'static>, &mut Connection), Mistake> {
        match self.entries.get_mut((handle as usize).wrapping_sub(1)) {
            Some(Some(Entry::Connection(connection))) => Ok((self.pool.get_mut(connection.socket), connection)),
            _ => Err(Mistake("a handle that is no connection's")),
        }
    }

    /// The lowest free handle.
    fn give_handle(&mut self, entry: Entry) -> i32 {
        let index = self.entries.iter().position(Option::is_none).unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() - 1
        });
        self.entries[index] = Some(entry);
        index as i32 + 1
    }

    fn end(&mut self, socket: SocketHandle, how: Close) {
        let tcp = self.pool.get_mut::<tcp::Socket>(socket);
        let (how, span) = match how {
            Close::Orderly => {
                tcp.close();
                (EndingState::Orderly, ORDERLY_MAX)
            }
            Close::Abort => {
                tcp.abort();
                (EndingState::Reset, RESET_MAX)
            }
        };
        self.endings.push_back(Ending { socket, how, until: self.now + span });
    }

    /// Frees the sockets whose connections have ended, and ends those that take too long.
    fn tend_endings(&mut self) {
        let Network { pool, free, endings, now, .. } = self;
        endings.retain_mut(|ending| {
            let tcp = pool.get_mut::<tcp::Socket>(ending.socket);
            let ended = match tcp.state() {
                // Gone once its reset is out: smoltcp forgets the peer then.
                tcp::State::Closed => tcp.remote_endpoint().is_none(),
                // All is delivered. A real host stays here for a minute in case its last acknowledgement was lost; our
                // peer then gets a reset for a connection that it has closed already.
                tcp::State::TimeWait => true,
                _ => {
                    while tcp.recv(|bytes| (bytes.len(), bytes.len())).is_ok_and(|count| count > 0) {}
                    false
                }
            };
            let late = ending.until <= *now;
            if !ended && late && ending.how == EndingState::Orderly {
                tcp.abort();
                (ending.how, ending.until) = (EndingState::Reset, *now + RESET_MAX);
                return true;
            }
            if ended || late {
                free.push(ending.socket);
            }
            !(ended || late)
        });
    }

    /// Moves connections that were made to their listener's queue, and has fresh sockets listen in their place.
    fn tend_listeners(&mut self) {
        let Network { pool, entries, free, endings, backlog, .. } = self;
        for entry in entries.iter_mut().flatten() {
            let Entry::Listener(listener) = entry else { continue };
            listener.listening.retain(|&socket| match pool.get::<tcp::Socket>(socket).state() {
                tcp::State::Listen | tcp::State::SynReceived => true,
                tcp::State::Closed => {
                    free.push(socket); // the handshake timed out
                    false
                }
                _ => {
                    listener.waiting.push_back(socket);
                    false
                }
            });
            while listener.listening.len() + listener.waiting.len() < *backlog {
                // Without any socket newcomers would be refused: rather cut short the oldest ending.
                let oldest = || endings.pop_front().map(|ending| ending.socket);
                let spare = if listener.listening.is_empty() { free.pop().or_else(oldest) } else { free.pop() };
                let Some(socket) = spare else { break };
                listen(pool, socket, listener.port);
                listener.listening.push(socket);
            }
        }
    }

    /// Goes on with the connections that the module has asked for.
    fn tend_dials(&mut self) {
        let Network { pool, entries, interface, dns, own_port, .. } = self;
        for entry in entries.iter_mut().flatten() {
            let Entry::Connection(Connection { socket, stage, .. }) = entry else { continue };
            match *stage {
                Stage::Naming(query, port) => match pool.get_mut::<dns::Socket>(*dns).get_query_result(query) {
                    Err(dns::GetQueryResultError::Pending) => {}
                    Err(dns::GetQueryResultError::Failed) => *stage = Stage::Failed(Fault::Missing),
                    Ok(addresses) => {
                        *stage = match addresses.first() {
                            Some(&address) => connect(pool, interface, *socket, address, port, own_port),
                            None => Stage::Failed(Fault::Missing),
                        }
                    }
                },
                Stage::Connecting => match pool.get::<tcp::Socket>(*socket).state() {
                    tcp::State::SynSent | tcp::State::SynReceived => {}
                    tcp::State::Closed => *stage = Stage::Failed(Fault::Closed),
                    _ => *stage = Stage::Standing,
                },
                Stage::Standing | Stage::Failed(_) => {}
            }
        }
    }

    fn tend_link(&mut self, log: &mut dyn Log) {
        if self.now < self.look_at {
            return;
        }
        self.look_at = self.now + LOOK_EVERY;
        let is_up = (self.ask_link)(&mut self.device);
        match self.link_is_up.replace(is_up) {
            Some(true) if !is_up => log.line(self.now, Level::Warning, format_args!("network: the cable is out")),
            Some(false) if is_up => {
                log.line(self.now, Level::Info, format_args!("network: the cable is in"));
                self.pool.get_mut::<dhcpv4::Socket>(self.dhcp).reset();
                self.old_address_until = self.interface.ipv4_addr().map(|_| self.now + ADDRESS_PATIENCE);
            }
            _ => {}
        }
    }

    fn tend_dhcp(&mut self, log: &mut dyn Log) {
        let config = match self.pool.get_mut::<dhcpv4::Socket>(self.dhcp).poll() {
            Some(dhcpv4::Event::Configured(config)) => {
                let servers: Vec<IpAddress> =
                    config.dns_servers.iter().take(DNS_MAX_SERVER_COUNT).map(|&server| server.into()).collect();
                let network = (config.address, config.router);
                self.pool.get_mut::<dns::Socket>(self.dns).update_servers(&servers);
                Some(network)
            }
            Some(dhcpv4::Event::Deconfigured) if self.old_address_until.is_none() => None,
            // Nothing new; without an answer so far, an address of before stays for a while.
            _ if self.old_address_until.is_none_or(|until| self.now < until) => return,
            _ => None,
        };
        self.old_address_until = None;
        let (address, router) = config.unzip();
        let before = self.interface.ipv4_addr();
        // smoltcp ends the connections of an address that is gone, and the module sees them as closed.
        self.interface.update_ip_addrs(|addresses| {
            addresses.clear();
            // There is room: smoltcp has it for two.
            addresses.extend(address.map(IpCidr::Ipv4));
        });
        match router.flatten() {
            Some(router) => _ = self.interface.routes_mut().add_default_ipv4_route(router),
            None => _ = self.interface.routes_mut().remove_default_ipv4_route(),
        }
        match self.interface.ipv4_addr() {
            address if address == before => {} // renewed, or still none
            Some(address) => log.line(self.now, Level::Info, format_args!("network: address {address} by DHCP")),
            None => log.line(self.now, Level::Warning, format_args!("network: the address was lost")),
        }
    }

    /// What the module waits for and can have now.
    fn ready(&self, entry: &Entry) -> Ready {
        match entry {
            Entry::Listener(listener) => {
                Ready { readable: listener.awaits && !listener.waiting.is_empty(), writable: false }
            }
            Entry::Connection(connection) => {
                let tcp = self.pool.get::<tcp::Socket>(connection.socket);
                let (has_bytes, has_room) = match connection.stage {
                    Stage::Naming(..) | Stage::Connecting => (false, false),
                    Stage::Failed(_) => (true, true),
                    Stage::Standing => (tcp.can_recv() || !tcp.may_recv(), worth_sending(tcp) || !tcp.may_send()),
                };
                Ready { readable: connection.awaits_bytes && has_bytes, writable: connection.awaits_room && has_room }
            }
        }
    }
}

fn listen(pool: &mut SocketSet<'static>, socket: SocketHandle, port: u16) {
    let tcp = pool.get_mut::<tcp::Socket>(socket);
    tcp.abort(); // does nothing but to an ending that was cut short
    tcp.listen(port).expect("a socket that is closed, and a port that is not 0");
}

/// Asks a host for a connection.
fn connect(
    pool: &mut SocketSet<'static>,
    interface: &mut Interface,
    socket: SocketHandle,
    address: IpAddress,
    port: u16,
    own_port: &mut u16,
) -> Stage {
    let tcp = pool.get_mut::<tcp::Socket>(socket);
    tcp.abort(); // does nothing but to an ending that was cut short
    let from = *own_port;
    *own_port = if from == *OWN_PORTS.end() { *OWN_PORTS.start() } else { from + 1 };
    match tcp.connect(interface.context(), (address, port), from) {
        Ok(()) => Stage::Connecting,
        Err(_) => Stage::Failed(Fault::Closed), // the board has no address to do it from
    }
}

/// Room for a good part of the buffer: told of every few bytes, the module would send in crumbs.
fn worth_sending(tcp: &tcp::Socket) -> bool {
    tcp.may_send() && tcp.send_capacity() - tcp.send_queue() >= tcp.send_capacity() / 4
}

impl<D: Device> Sockets for Network<D> {
    fn listen(&mut self, port: u32) -> Result<i32, Refusal> {
        let port = u16::try_from(port).ok().filter(|&port| port != 0).ok_or(Fault::Refused)?;
        let taken = |entry: &Entry| matches!(entry, Entry::Listener(listener) if listener.port == port);
        if self.entries.iter().flatten().any(taken) {
            return Err(Fault::Refused.into());
        }
        let listener = Listener { port, listening: vec![], waiting: VecDeque::new(), awaits: true };
        let handle = self.give_handle(Entry::Listener(listener));
        self.tend_listeners();
        Ok(handle)
    }

    fn accept(&mut self, listener: i32) -> Result<i32, Refusal> {
        let Some(Some(Entry::Listener(listener))) = self.entries.get_mut((listener as usize).wrapping_sub(1)) else {
            return Err(Mistake("a handle that is no listener's").into());
        };
        let Some(socket) = listener.waiting.pop_front() else {
            listener.awaits = true;
            return Err(Fault::Again.into());
        };
        let stage = Stage::Standing;
        let connection = Connection { socket, stage, awaits_bytes: false, awaits_room: false };
        let handle = self.give_handle(Entry::Connection(connection));
        self.tend_listeners();
        Ok(handle)
    }

    fn dial(&mut self, name: &str, port: u16) -> Result<i32, Refusal> {
        let socket = self.free.pop().ok_or(Fault::Refused)?;
        let Network { pool, interface, dns, own_port, free, .. } = self;
        let stage = match name.parse::<Ipv4Addr>() {
            Ok(address) => connect(pool, interface, socket, address.into(), port, own_port),
            Err(_) => {
                let dns = pool.get_mut::<dns::Socket>(*dns);
                match dns.start_query(interface.context(), name, DnsQueryType::A) {
                    Ok(query) => Stage::Naming(query, port),
                    Err(dns::StartQueryError::NoFreeSlot) => {
                        free.push(socket);
                        return Err(Fault::Refused.into());
                    }
                    Err(_) => Stage::Failed(Fault::Missing), // nothing can have such a name
                }
            }
        };
        Ok(self.give_handle(Entry::Connection(Connection { socket, stage, awaits_bytes: false, awaits_room: false })))
    }

    fn peer(&mut self, socket: i32) -> Result<IpAddr, Refusal> {
        let (tcp, connection) = self.connection(socket)?;
        match connection.stage {
            Stage::Standing => Ok(tcp.remote_endpoint().ok_or(Fault::Closed)?.addr.into()),
            _ => Err(Fault::Closed.into()),
        }
    }

    fn receive(&mut self, socket: i32, to: &mut [u8]) -> Result<usize, Refusal> {
        let (tcp, connection) = self.connection(socket)?;
        if let Err(fault) = connection.stage.check() {
            connection.awaits_bytes = fault == Fault::Again;
            return Err(fault.into());
        }
        if tcp.state() == tcp::State::Closed {
            return Err(Fault::Closed.into());
        }
        match tcp.recv_slice(to) {
            Ok(count) => {
                connection.awaits_bytes = count < to.len();
                if count == 0 { Err(Fault::Again.into()) } else { Ok(count) }
            }
            Err(tcp::RecvError::Finished) => Err(Fault::End.into()),
            Err(tcp::RecvError::InvalidState) => Err(Fault::Closed.into()),
        }
    }

    fn send(&mut self, socket: i32, bytes: &[u8]) -> Result<usize, Refusal> {
        let (tcp, connection) = self.connection(socket)?;
        if let Err(fault) = connection.stage.check() {
            connection.awaits_room = fault == Fault::Again;
            return Err(fault.into());
        }
        let count = tcp.send_slice(bytes).map_err(|_| Fault::Closed)?;
        connection.awaits_room = count < bytes.len();
        if count == 0 { Err(Fault::Again.into()) } else { Ok(count) }
    }

    fn close(&mut self, socket: i32, how: Close) -> Result<(), Mistake> {
        let entry = self.entries.get_mut((socket as usize).wrapping_sub(1)).and_then(Option::take);
        match entry.ok_or(Mistake("tcpClose of a handle that is not open"))? {
            Entry::Connection(Connection { socket, stage, .. }) => match stage {
                Stage::Naming(query, _) => {
                    self.pool.get_mut::<dns::Socket>(self.dns).cancel_query(query);
                    self.free.push(socket);
                }
                Stage::Connecting => self.end(socket, Close::Abort),
                Stage::Standing | Stage::Failed(_) => self.end(socket, how),
            },
            Entry::Listener(listener) => {
                for socket in listener.listening.into_iter().chain(listener.waiting) {
                    self.end(socket, Close::Abort);
                }
            }
        }
        Ok(())
    }

    fn has_event(&self) -> bool {
        self.entries.iter().flatten().any(|entry| self.ready(entry).any())
    }

    fn take_event(&mut self) -> Option<(i32, Ready)> {
        let open = self.entries.iter().enumerate().filter_map(|(index, entry)| Some((index, entry.as_ref()?)));
        let mut told = open.map(|(index, entry)| (index, self.ready(entry))).filter(|(_, ready)| ready.any());
        let (index, ready) = told.next()?;
        match self.entries[index].as_mut()? {
            Entry::Listener(listener) => listener.awaits = false,
            Entry::Connection(connection) => {
                connection.awaits_bytes &= !ready.readable;
                connection.awaits_room &= !ready.writable;
            }
        }
        Some((index as i32 + 1, ready))
    }

    fn abort_all(&mut self) {
        for handle in 1..=self.entries.len() as i32 {
            // Those that are not open answer with a mistake, which is none here.
            let _ = self.close(handle, Close::Abort);
        }
        self.entries.clear();
    }

    fn poll(&mut self, now: Micros, log: &mut dyn Log) {
        self.now = now;
        let instant = Instant::from_micros(now);
        let Network { device, interface, pool, .. } = self;
        interface.poll_maintenance(instant);
        let mut frames = (0..INGRESS_MAX).map(|_| interface.poll_ingress_single(instant, device, pool));
        while !matches!(frames.next(), None | Some(PollIngressSingleResult::None)) {}
        let mut rounds = (0..EGRESS_ROUNDS_MAX).map(|_| interface.poll_egress(instant, device, pool));
        while !matches!(rounds.next(), None | Some(PollResult::None)) {}
        self.tend_link(log);
        self.tend_dhcp(log);
        self.tend_endings();
        self.tend_dials();
        self.tend_listeners();
    }

    fn poll_at(&mut self, now: Micros) -> Micros {
        let stack = self.interface.poll_at(Instant::from_micros(now), &self.pool);
        let endings = self.endings.iter().map(|ending| ending.until).min();
        stack.map_or(NEVER, |at| at.total_micros()).min(endings.unwrap_or(NEVER))
    }

    fn address(&self) -> Option<String> {
        self.interface.ipv4_addr().map(|address| address.to_string())
    }
}
