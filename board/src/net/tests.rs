//! Conversations over a wire in memory: our network on one end, on the other a PC that hands out addresses and
//! connects. Time is virtual, a millisecond a turn, so a minute passes at once and each run is the same.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::socket::udp;
use smoltcp::wire::{DhcpMessageType, DhcpPacket, DhcpRepr, Ipv4Address};

use super::*;
use crate::clock::MILLISECOND;
use crate::log::KeptLog;

const BOARD: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const PC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);
const PC_IP: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const FIRST_IP: Ipv4Address = Ipv4Address::new(10, 0, 0, 7);
const OTHER_IP: Ipv4Address = Ipv4Address::new(10, 0, 0, 8);
const SIZES: Sizes = Sizes { sockets: 8, receive: 1_000, send: 4_000, backlog: 4 };
/// More than a handshake or an answer takes here, and less than any deadline.
const A_MOMENT: Micros = 50 * MILLISECOND;

type Frames = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// One end of the wire.
struct End {
    incoming: Frames,
    outgoing: Frames,
    /// Whether frames of both ends are lost.
    cut: Rc<Cell<bool>>,
    /// Whether the board sees that.
    plugged: Rc<Cell<bool>>,
}

struct Arrived(Vec<u8>);

struct Departing<'a>(&'a End);

impl phy::RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl phy::TxToken for Departing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut frame = vec![0; length];
        let result = fill(&mut frame);
        if !self.0.cut.get() {
            self.0.outgoing.borrow_mut().push_back(frame);
        }
        result
    }
}

impl Device for End {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Departing<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Arrived, Departing<'_>)> {
        let frame = self.incoming.borrow_mut().pop_front()?;
        Some((Arrived(frame), Departing(self)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Departing<'_>> {
        Some(Departing(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

struct World {
    now: Micros,
    cut: Rc<Cell<bool>>,
    plugged: Rc<Cell<bool>>,
    log: KeptLog,
    board: Network<End>,
    wire: End,
    interface: Interface,
    pool: SocketSet<'static>,
    dhcp: SocketHandle,
    dns: SocketHandle,
    /// What the PC hands out, if it answers at all.
    lease: Option<Ipv4Address>,
    lease_seconds: u32,
    next_port: u16,
}

impl World {
    /// Both ends are plugged in and the board has no address yet.
    fn new() -> World {
        let (to_board, to_pc, cut) = (Frames::default(), Frames::default(), Rc::new(Cell::new(false)));
        let plugged = Rc::new(Cell::new(true));
        let end = |incoming: &Frames, outgoing: &Frames| End {
            incoming: incoming.clone(),
            outgoing: outgoing.clone(),
            cut: cut.clone(),
            plugged: plugged.clone(),
        };
        let mut wire = end(&to_pc, &to_board);
        let end = end(&to_board, &to_pc);
        let mut interface = Interface::new(Config::new(PC.into()), &mut wire, Instant::ZERO);
        interface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(PC_IP.into(), 24)).unwrap());
        let mut pool = SocketSet::new(vec![]);
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 4], vec![0; 4_000]);
        let mut server = udp::Socket::new(buffer(), buffer());
        server.bind(67).unwrap();
        let dhcp = pool.add(server);
        let mut server = udp::Socket::new(buffer(), buffer());
        server.bind(53).unwrap();
        let dns = pool.add(server);
        World {
            now: 0,
            cut,
            plugged,
            log: KeptLog::default(),
            board: Network::new(end, |end| end.plugged.get(), BOARD, 1, SIZES),
            wire,
            interface,
            pool,
            dhcp,
            dns,
            lease: Some(FIRST_IP),
            lease_seconds: 1_000_000,
            next_port: 50_000,
        }
    }

    /// The board has its address and listens on port 80, with handle 1.
    fn listening() -> World {
        let mut world = World::new();
        world.run(SECOND);
        assert_eq!(world.board.address(), Some(FIRST_IP.to_string()));
        assert_eq!(world.board.listen(80), Ok(1));
        assert_eq!(world.board.accept(1), Err(Fault::Again.into()));
        world.log.take();
        world
    }

    /// As `listening`, with a connection: the module's handle 2, and the PC's socket.
    fn connected() -> (World, SocketHandle) {
        let mut world = World::listening();
        let pc = world.connect(10_000);
        world.run(A_MOMENT);
        assert_eq!(world.events(), [(1, "r")]);
        assert_eq!(world.board.accept(1), Ok(2));
        (world, pc)
    }

    fn run(&mut self, span: Micros) {
        let end = self.now + span;
        while self.now < end {
            self.now += MILLISECOND;
            self.board.poll(self.now, &mut self.log);
            self.interface.poll(Instant::from_micros(self.now), &mut self.wire, &mut self.pool);
            self.hand_out_address();
            self.look_up();
        }
    }

    fn hand_out_address(&mut self) {
        let server = self.pool.get_mut::<udp::Socket>(self.dhcp);
        let Ok(bytes) = server.recv().map(|(bytes, _)| bytes.to_vec()) else { return };
        let packet = DhcpPacket::new_checked(bytes.as_slice()).unwrap();
        let request = DhcpRepr::parse(&packet).unwrap();
        let Some(lease) = self.lease else { return };
        let message_type = match request.message_type {
            DhcpMessageType::Discover => DhcpMessageType::Offer,
            // An address that was given to somebody else meanwhile.
            _ if request.requested_ip.unwrap_or(request.client_ip) != lease => DhcpMessageType::Nak,
            _ => DhcpMessageType::Ack,
        };
        let answer = DhcpRepr {
            message_type,
            your_ip: lease,
            server_ip: PC_IP,
            server_identifier: Some(PC_IP),
            subnet_mask: Some(Ipv4Address::new(255, 255, 255, 0)),
            router: Some(PC_IP),
            lease_duration: Some(self.lease_seconds),
            requested_ip: None,
            client_identifier: None,
            parameter_request_list: None,
            max_size: None,
            dns_servers: Some(std::iter::once(PC_IP).collect()),
            ..request
        };
        let room = server.send(answer.buffer_len(), (Ipv4Address::BROADCAST, 68)).unwrap();
        answer.emit(&mut DhcpPacket::new_unchecked(room)).unwrap();
    }

    /// Answers a question for the address of `pc.home`; there are no other names (RFC 1035, section 4).
    fn look_up(&mut self) {
        let server = self.pool.get_mut::<udp::Socket>(self.dns);
        let Ok((mut answer, from)) = server.recv().map(|(bytes, from)| (bytes.to_vec(), from.endpoint)) else { return };
        let is_known = answer[12..].starts_with(b"\x02pc\x04home\0");
        answer[2..4].copy_from_slice(if is_known { &[0x81, 0x80] } else { &[0x81, 0x83] });
        if is_known {
            answer[7] = 1;
            answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            answer.extend_from_slice(&PC_IP.octets());
        }
        server.send_slice(&answer, from).unwrap();
    }

    /// A socket of the PC's that waits for the board on port 9999.
    fn expect(&mut self) -> SocketHandle {
        let buffer = |bytes| tcp::SocketBuffer::new(vec![0; bytes]);
        let mut socket = tcp::Socket::new(buffer(10_000), buffer(10_000));
        socket.listen(9_999).unwrap();
        self.pool.add(socket)
    }

    /// Begins a connection to port 80, with so many bytes of room for what arrives.
    fn connect(&mut self, receive: usize) -> SocketHandle {
        self.connect_to(FIRST_IP, receive)
    }

    fn connect_to(&mut self, address: Ipv4Address, receive: usize) -> SocketHandle {
        let buffer = |bytes| tcp::SocketBuffer::new(vec![0; bytes]);
        let mut socket = tcp::Socket::new(buffer(receive), buffer(100_000));
        self.next_port += 1;
        socket.connect(self.interface.context(), (address, 80), self.next_port).unwrap();
        self.pool.add(socket)
    }

    fn pc(&mut self, socket: SocketHandle) -> &mut tcp::Socket<'static> {
        self.pool.get_mut(socket)
    }

    fn state(&mut self, socket: SocketHandle) -> tcp::State {
        self.pc(socket).state()
    }

    /// What the PC has received.
    fn received(&mut self, socket: SocketHandle) -> Vec<u8> {
        let mut all = vec![];
        while self.pc(socket).can_recv() {
            self.pc(socket).recv(|bytes| (bytes.len(), all.extend_from_slice(bytes))).unwrap();
        }
        all
    }

    /// What the module is told: a handle each, with `r`, `w` or `rw`.
    fn events(&mut self) -> Vec<(i32, &'static str)> {
        let name = |ready: Ready| ["", "r", "w", "rw"][ready.bits() as usize];
        let events =
            std::iter::from_fn(|| self.board.take_event()).map(|(handle, ready)| (handle, name(ready))).collect();
        assert!(!self.board.has_event());
        events
    }

    fn receive(&mut self, length: usize) -> Result<Vec<u8>, Refusal> {
        let mut bytes = vec![0; length];
        let count = self.board.receive(2, &mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// All the sockets that nothing occupies.
    fn free(&self) -> usize {
        let listening = self.board.entries.iter().flatten().map(|entry| match entry {
            Entry::Listener(listener) => listener.listening.len(),
            Entry::Connection(_) => 0,
        });
        self.board.free.len() + listening.sum::<usize>()
    }
}

const AGAIN: Refusal = Refusal::Fault(Fault::Again);
const CLOSED: Refusal = Refusal::Fault(Fault::Closed);
const END: Refusal = Refusal::Fault(Fault::End);
const REFUSED: Refusal = Refusal::Fault(Fault::Refused);

// --- The address

#[test]
fn an_address_comes_by_dhcp() {
    let mut world = World::new();
    assert_eq!(world.board.address(), None);
    world.run(SECOND);
    assert_eq!(world.board.address(), Some("10.0.0.7".to_string()));
    assert_eq!(world.log.take(), [(Level::Info, "network: address 10.0.0.7 by DHCP".to_string())]);
}

#[test]
fn a_lease_is_renewed_without_a_word() {
    let mut world = World::new();
    world.lease_seconds = 60;
    world.run(SECOND);
    world.log.take();
    world.run(300 * SECOND);
    assert_eq!(world.board.address(), Some("10.0.0.7".to_string()));
    assert_eq!(world.log.take(), []);
}

#[test]
fn a_lost_address_ends_its_connections_and_another_may_follow() {
    let mut world = World::new();
    world.lease_seconds = 60;
    world.run(SECOND);
    world.board.listen(80).unwrap();
    world.connect(1_000);
    world.run(A_MOMENT);
    assert_eq!(world.board.accept(1), Ok(2));
    assert_eq!(world.receive(10), Err(AGAIN));
    world.log.take();
    world.lease = None;
    world.run(100 * SECOND);
    assert_eq!(world.board.address(), None);
    assert_eq!(world.log.take(), [(Level::Warning, "network: the address was lost".to_string())]);
    assert_eq!(world.events(), [(2, "r")]);
    assert_eq!(world.receive(10), Err(CLOSED));
    world.lease = Some(OTHER_IP);
    world.run(100 * SECOND);
    assert_eq!(world.log.take(), [(Level::Info, "network: address 10.0.0.8 by DHCP".to_string())]);
    assert_eq!(world.board.address(), Some("10.0.0.8".to_string()));
    let pc = world.connect_to(OTHER_IP, 1_000);
    world.run(A_MOMENT);
    assert_eq!(world.state(pc), tcp::State::Established); // the listener has lasted
}

// --- The cable

impl World {
    /// Pulls the cable, or plugs it in, and has the board notice.
    fn plug(&mut self, is_in: bool) {
        self.plugged.set(is_in);
        self.cut.set(!is_in);
        self.run(LOOK_EVERY);
    }
}

const OUT: (Level, &str) = (Level::Warning, "network: the cable is out");
const IN: (Level, &str) = (Level::Info, "network: the cable is in");

fn lines(expected: &[(Level, &str)]) -> Vec<(Level, String)> {
    expected.iter().map(|&(level, text)| (level, text.to_string())).collect()
}

#[test]
fn a_cable_that_was_out_for_a_moment_costs_no_connection() {
    let (mut world, pc) = World::connected();
    world.plug(false);
    assert_eq!(world.board.send(2, b"while it is out"), Ok(15));
    world.run(5 * SECOND);
    world.plug(true);
    world.run(10 * SECOND);
    assert_eq!(world.received(pc), b"while it is out");
    assert_eq!(world.board.address(), Some(FIRST_IP.to_string()));
    assert_eq!(world.log.take(), lines(&[OUT, IN]));
    assert_eq!(world.receive(10), Err(AGAIN));
}

#[test]
fn another_network_gives_another_address() {
    let (mut world, _) = World::connected();
    assert_eq!(world.receive(10), Err(AGAIN));
    world.plug(false);
    world.lease = Some(OTHER_IP);
    world.plug(true);
    world.run(10 * SECOND);
    assert_eq!(world.log.take(), lines(&[OUT, IN, (Level::Info, "network: address 10.0.0.8 by DHCP")]));
    assert_eq!(world.receive(10), Err(CLOSED));
    let pc = world.connect_to(OTHER_IP, 1_000);
    world.run(A_MOMENT);
    assert_eq!(world.state(pc), tcp::State::Established);
}

#[test]
fn a_network_that_gives_no_address_takes_the_old_one_after_a_while() {
    let mut world = World::listening();
    world.plug(false);
    world.lease = None;
    world.plug(true);
    world.run(ADDRESS_PATIENCE - 2 * SECOND);
    assert_eq!(world.board.address(), Some(FIRST_IP.to_string()));
    world.run(2 * SECOND);
    assert_eq!(world.board.address(), None);
    world.lease = Some(FIRST_IP);
    world.run(100 * SECOND);
    assert_eq!(world.board.address(), Some(FIRST_IP.to_string()));
    assert_eq!(world.log.take().len(), 4); // out, in, lost, an address
}

// --- Listening and handles

#[test]
fn ports_are_taken_once() {
    let mut world = World::listening();
    assert_eq!(world.board.listen(80), Err(REFUSED));
    assert_eq!(world.board.listen(0), Err(REFUSED));
    assert_eq!(world.board.listen(65_536 + 80), Err(REFUSED));
    assert_eq!(world.board.listen(81), Ok(2));
    world.board.close(1, Close::Abort).unwrap();
    assert_eq!(world.board.listen(80), Ok(1));
}

#[test]
fn handles_are_the_lowest_that_are_free() {
    let mut world = World::listening();
    for _ in 0..3 {
        world.connect(1_000);
    }
    world.run(A_MOMENT);
    assert_eq!((world.board.accept(1), world.board.accept(1), world.board.accept(1)), (Ok(2), Ok(3), Ok(4)));
    world.board.close(3, Close::Orderly).unwrap();
    world.board.close(2, Close::Abort).unwrap();
    world.connect(1_000);
    world.connect(1_000);
    world.run(A_MOMENT);
    assert_eq!((world.board.accept(1), world.board.accept(1)), (Ok(2), Ok(3)));
}

#[test]
fn wild_handles_are_mistakes() {
    let (mut world, _) = World::connected();
    world.board.close(2, Close::Abort).unwrap();
    for handle in [i32::MIN, -1, 0, 2, 3, 99, i32::MAX] {
        assert!(matches!(world.board.accept(handle), Err(Refusal::Mistake(_))));
        assert!(matches!(world.board.receive(handle, &mut [0]), Err(Refusal::Mistake(_))));
        assert!(matches!(world.board.send(handle, &[0]), Err(Refusal::Mistake(_))));
        assert!(world.board.close(handle, Close::Abort).is_err());
    }
    assert!(matches!(world.board.receive(1, &mut [0]), Err(Refusal::Mistake(_)))); // a listener's
}

#[test]
fn a_burst_of_connections_is_let_in() {
    let mut world = World::listening();
    let sockets: Vec<_> = (0..SIZES.backlog).map(|_| world.connect(1_000)).collect();
    world.run(A_MOMENT);
    for socket in sockets {
        assert_eq!(world.state(socket), tcp::State::Established);
    }
    assert_eq!(world.events(), [(1, "r")]);
    let accepted: Vec<_> = (0..=SIZES.backlog).map(|_| world.board.accept(1)).collect();
    assert_eq!(accepted, [Ok(2), Ok(3), Ok(4), Ok(5), Err(AGAIN)]);
}

#[test]
fn nobody_listens_after_the_listener_is_closed() {
    let mut world = World::listening();
    let waiting = world.connect(1_000);
    world.run(A_MOMENT);
    world.board.close(1, Close::Orderly).unwrap();
    let late = world.connect(1_000);
    world.run(A_MOMENT);
    assert_eq!(world.state(waiting), tcp::State::Closed);
    assert_eq!(world.state(late), tcp::State::Closed);
    assert_eq!(world.free(), SIZES.sockets);
}

// --- Receiving and sending

#[test]
fn bytes_are_told_once_after_again() {
    let (mut world, pc) = World::connected();
    world.pc(pc).send_slice(b"GET /").unwrap();
    world.run(A_MOMENT);
    assert_eq!(world.events(), []); // it was not told AGAIN yet: it tries by itself
    assert_eq!(world.receive(5), Ok(b"GET /".to_vec()));
    world.pc(pc).send_slice(b"x").unwrap();
    world.run(A_MOMENT);
    assert_eq!(world.events(), []); // it got all that it asked for: there may be more
    assert_eq!(world.receive(5), Ok(b"x".to_vec()));
    world.pc(pc).send_slice(b"y").unwrap();
    world.run(A_MOMENT);
    assert_eq!(world.events(), [(2, "r")]); // it got less than it asked for
    assert_eq!(world.receive(1), Ok(b"y".to_vec()));
    assert_eq!(world.receive(1), Err(AGAIN));
    world.pc(pc).close();
    world.run(A_MOMENT);
    assert_eq!(world.events(), [(2, "r")]);
    assert_eq!(world.receive(1), Err(END));
}

#[test]
fn what_came_before_the_end_is_read_first() {
    let (mut world, pc) = World::connected();
    world.pc(pc).send_slice(b"bye").unwrap();
    world.pc(pc).close();
    world.run(A_MOMENT);
    assert_eq!(world.receive(10), Ok(b"bye".to_vec()));
    assert_eq!(world.receive(10), Err(END));
    assert_eq!(world.board.send(2, b"you too"), Ok(7)); // it may still read
    world.run(A_MOMENT);
    assert_eq!(world.received(pc), b"you too");
}

#[test]
fn a_reset_closes() {
    let (mut world, pc) = World::connected();
    assert_eq!(world.receive(10), Err(AGAIN));
    world.pc(pc).abort();
    world.run(A_MOMENT);
    assert_eq!(world.events(), [(2, "r")]);
    assert_eq!(world.receive(10), Err(CLOSED));
    assert_eq!(world.board.send(2, b"x"), Err(CLOSED));
}

#[test]
fn room_to_send_is_told_once_and_not_in_crumbs() {
    let (mut world, pc) = World::connected();
    let bytes: Vec<u8> = (0..100_000u32).map(|n| (n / 3) as u8).collect();
    let mut sent = world.board.send(2, &bytes).unwrap();
    assert_eq!(sent, SIZES.send); // as much as there is room for
    assert_eq!(world.board.send(2, &bytes[sent..]), Err(AGAIN));
    assert_eq!(world.events(), []);
    let mut received = vec![];
    while sent < bytes.len() {
        world.run(A_MOMENT);
        received.extend(world.received(pc));
        if world.events().is_empty() {
            continue;
        }
        let count = world.board.send(2, &bytes[sent..]).unwrap();
        assert!(count >= SIZES.send / 4 || sent + count == bytes.len());
        sent += count;
    }
    world.run(SECOND);
    received.extend(world.received(pc));
    assert!(received == bytes);
}

#[test]
fn a_peer_has_an_address_until_it_is_gone() {
    let (mut world, pc) = World::connected();
    assert_eq!(world.board.peer(2), Ok(core::net::IpAddr::from([10, 0, 0, 1])));
    world.pc(pc).abort();
    world.run(A_MOMENT);
    assert_eq!(world.board.peer(2), Err(Fault::Closed.into()));
    assert!(matches!(world.board.peer(1), Err(Refusal::Mistake(_))));
}

#[test]
fn a_peer_that_is_silent_is_given_up() {
    let (mut world, _) = World::connected();
    world.board.send(2, &[0; 5_000]).unwrap();
    assert_eq!(world.board.send(2, &[0]), Err(AGAIN));
    world.cut.set(true);
    world.run(29 * SECOND);
    assert_eq!(world.events(), []);
    world.run(6 * SECOND);
    assert_eq!(world.events(), [(2, "w")]);
    assert_eq!(world.board.send(2, &[0]), Err(CLOSED));
}

#[test]
fn a_peer_that_is_gone_is_noticed_even_if_nothing_is_to_be_sent() {
    let (mut world, _) = World::connected();
    assert_eq!(world.receive(1), Err(AGAIN));
    world.cut.set(true);
    world.run(40 * SECOND);
    assert_eq!(world.events(), [(2, "r")]);
    assert_eq!(world.receive(1), Err(CLOSED));
}

#[test]
fn a_peer_that_says_nothing_but_is_there_is_kept() {
    let (mut world, pc) = World::connected();
    assert_eq!(world.receive(1), Err(AGAIN));
    world.run(600 * SECOND);
    assert_eq!(world.events(), []);
    assert_eq!(world.state(pc), tcp::State::Established);
}

#[test]
fn a_viewer_that_reads_slowly_is_the_modules_to_judge() {
    let (mut world, pc) = World::connected();
    while world.board.send(2, &[7; 500]).is_ok() {
        world.run(A_MOMENT);
    }
    world.run(25 * SECOND);
    assert_eq!(world.events(), []);
    assert!(!world.received(pc).is_empty());
    world.run(10 * SECOND);
    assert_eq!(world.events(), [(2, "w")]);
    assert!(world.board.send(2, &[7]).is_ok());
}

// --- Ending

#[test]
fn an_orderly_end_delivers_what_was_taken() {
    let (mut world, pc) = World::connected();
    world.board.send(2, &[1; 3_000]).unwrap();
    world.board.close(2, Close::Orderly).unwrap();
    // What still arrives meanwhile, more than any buffer holds, is thrown away.
    world.pc(pc).send_slice(&[2; 50_000]).unwrap();
    world.run(SECOND);
    assert_eq!(world.received(pc), [1; 3_000]);
    assert_eq!(world.state(pc), tcp::State::CloseWait); // an end, no reset
    assert_eq!(world.pc(pc).send_queue(), 0);
    world.pc(pc).close();
    world.run(A_MOMENT);
    assert_eq!(world.state(pc), tcp::State::Closed);
    assert_eq!(world.free(), SIZES.sockets);
}

#[test]
fn an_orderly_end_takes_five_seconds_at_most() {
    let (mut world, pc) = World::connected();
    world.board.send(2, &[1; 3_000]).unwrap();
    world.board.close(2, Close::Orderly).unwrap();
    world.run(4_900 * MILLISECOND);
    assert_eq!(world.state(pc), tcp::State::CloseWait); // and says nothing
    assert_eq!(world.free(), SIZES.sockets - 1);
    world.run(200 * MILLISECOND);
    assert_eq!(world.state(pc), tcp::State::Closed);
    assert_eq!(world.free(), SIZES.sockets);
}

#[test]
fn an_abort_is_a_reset() {
    let (mut world, pc) = World::connected();
    world.board.send(2, &[1; 3_000]).unwrap();
    world.board.close(2, Close::Abort).unwrap();
    world.run(A_MOMENT);
    assert_eq!(world.state(pc), tcp::State::Closed);
    assert_eq!(world.free(), SIZES.sockets);
}

#[test]
fn a_reset_that_cannot_leave_holds_its_socket_for_a_moment_only() {
    let (mut world, _) = World::connected();
    world.cut.set(true);
    world.board.close(2, Close::Abort).unwrap();
    world.run(2 * SECOND);
    assert_eq!(world.free(), SIZES.sockets);
}

#[test]
fn connections_that_come_and_go_leave_nothing() {
    let mut world = World::listening();
    for n in 0..500 {
        let pc = world.connect(1_000);
        world.run(5 * MILLISECOND);
        assert_eq!(world.board.accept(1), Ok(2), "connection {n}");
        assert_eq!(world.board.send(2, b"hello"), Ok(5));
        world.board.close(2, if n % 3 == 0 { Close::Abort } else { Close::Orderly }).unwrap();
        world.run(5 * MILLISECOND);
        world.pc(pc).close();
        world.run(5 * MILLISECOND);
        world.pool.remove(pc);
    }
    world.run(6 * SECOND);
    assert_eq!(world.free(), SIZES.sockets);
}

#[test]
fn endings_do_not_keep_newcomers_out() {
    let mut world = World::listening();
    // Peers that never say goodbye occupy every socket.
    for _ in 0..SIZES.sockets {
        world.connect(1_000);
        world.run(5 * MILLISECOND);
        assert_eq!(world.board.accept(1), Ok(2));
        world.board.close(2, Close::Orderly).unwrap();
    }
    let newcomer = world.connect(1_000);
    world.run(A_MOMENT);
    assert_eq!(world.state(newcomer), tcp::State::Established);
    assert_eq!(world.board.accept(1), Ok(2));
}

#[test]
fn when_the_module_fails_everything_ends() {
    let (mut world, pc) = World::connected();
    let waiting = world.connect(1_000);
    world.run(A_MOMENT);
    world.board.abort_all();
    assert_eq!(world.events(), []);
    world.run(A_MOMENT);
    assert_eq!(world.state(pc), tcp::State::Closed);
    assert_eq!(world.state(waiting), tcp::State::Closed);
    assert_eq!(world.free(), SIZES.sockets);
    assert_eq!(world.board.listen(80), Ok(1)); // the next module begins as the first
}

#[test]
fn it_says_when_it_wants_to_be_polled() {
    let (mut world, _) = World::connected();
    assert!(world.board.poll_at(world.now) > world.now);
    world.board.send(2, b"x").unwrap();
    assert!(world.board.poll_at(world.now) <= world.now);
    world.board.close(2, Close::Orderly).unwrap();
    world.run(A_MOMENT);
    let until = world.board.poll_at(world.now);
    assert!(until > world.now && until <= world.now + ORDERLY_MAX, "{until}");
}

// --- Connections that the board makes

const MISSING: Refusal = Refusal::Fault(Fault::Missing);

#[test]
fn a_connection_to_an_address_or_a_name_comes_about_while_the_module_goes_on() {
    for name in ["10.0.0.1", "pc.home"] {
        let mut world = World::listening();
        let pc = world.expect();
        assert_eq!(world.board.dial(name, 9_999), Ok(2));
        assert_eq!(world.board.peer(2), Err(CLOSED));
        assert_eq!(world.receive(10), Err(AGAIN));
        assert_eq!(world.board.send(2, b"hello"), Err(AGAIN));
        assert_eq!(world.events(), []);
        world.run(A_MOMENT);
        assert_eq!(world.events(), [(2, "w")], "{name}");
        assert_eq!(world.board.peer(2), Ok(PC_IP.into()));
        assert_eq!(world.board.send(2, b"hello"), Ok(5));
        world.run(A_MOMENT);
        assert_eq!(world.received(pc), b"hello");
        world.pc(pc).send_slice(b"you").unwrap();
        world.run(A_MOMENT);
        assert_eq!(world.events(), [(2, "r")]);
        assert_eq!(world.receive(10), Ok(b"you".to_vec()));
        world.pc(pc).close();
        world.board.close(2, Close::Orderly).unwrap();
        world.run(A_MOMENT);
        assert_eq!(world.free(), SIZES.sockets);
    }
}

#[test]
fn why_no_connection_comes_about_is_told() {
    let very_long = "a".repeat(64); // a label has 63 at most
    for (name, why) in [("nobody.home", MISSING), ("10.0.0.1", CLOSED), (&very_long, MISSING), ("", MISSING)] {
        let mut world = World::listening();
        assert_eq!(world.board.dial(name, 9_999), Ok(2));
        if world.receive(10) == Err(AGAIN) {
            assert_eq!(world.board.send(2, b"hello"), Err(AGAIN));
            world.run(A_MOMENT);
            assert_eq!(world.events(), [(2, "rw")], "{name}");
        }
        assert_eq!(world.receive(10), Err(why), "{name}");
        assert_eq!(world.board.send(2, b"hello"), Err(why), "{name}");
        assert_eq!(world.events(), []);
        world.board.close(2, Close::Orderly).unwrap();
        world.run(A_MOMENT);
        assert_eq!(world.free(), SIZES.sockets);
    }
}

#[test]
fn a_board_without_an_address_connects_to_nothing() {
    let mut world = World::new();
    world.lease = None;
    for name in ["10.0.0.1", "pc.home"] {
        assert_eq!(world.board.dial(name, 9_999), Ok(1));
        world.run(A_MOMENT);
        let result = world.board.receive(1, &mut [0; 10]);
        assert!(result == Err(CLOSED) || result == Err(MISSING), "{name}: {result:?}");
        world.board.close(1, Close::Abort).unwrap();
        world.run(A_MOMENT);
        assert_eq!(world.board.free.len(), SIZES.sockets);
    }
}

#[test]
fn attempts_are_given_up_by_closing_and_there_are_only_so_many_at_once() {
    let mut world = World::listening();
    world.cut.set(true);
    for close in [Close::Orderly, Close::Abort] {
        for name in ["10.0.0.1", "pc.home"] {
            assert_eq!(world.board.dial(name, 9_999), Ok(2));
            world.run(A_MOMENT);
            assert_eq!(world.receive(10), Err(AGAIN));
            world.board.close(2, close).unwrap();
        }
    }
    world.run(2 * RESET_MAX);
    assert_eq!(world.free(), SIZES.sockets);
    assert_eq!(world.board.dial("one", 9_999), Ok(2));
    assert_eq!(world.board.dial("two", 9_999), Ok(3));
    assert_eq!(world.board.dial("three", 9_999), Err(REFUSED));
    world.board.close(2, Close::Abort).unwrap();
    assert_eq!(world.board.dial("three", 9_999), Ok(2));
    world.board.abort_all();
    for handle in 1..=SIZES.sockets as i32 - SIZES.backlog as i32 {
        assert!(world.board.dial("10.0.0.1", 9_999).is_ok(), "{handle}");
    }
}

#[test]
fn each_connection_has_a_port_of_its_own() {
    let mut world = World::listening();
    let count = SIZES.sockets - SIZES.backlog;
    world.board.own_port = *OWN_PORTS.end() - 1;
    let sockets: Vec<_> = (0..count).map(|_| world.expect()).collect();
    for _ in 0..count {
        world.board.dial("10.0.0.1", 9_999).unwrap();
    }
    world.run(A_MOMENT);
    let mut ports: Vec<_> = sockets.iter().map(|&pc| world.pc(pc).remote_endpoint().unwrap().port).collect();
    ports.sort();
    assert_eq!(ports, [49_152, 49_153, 65_534, 65_535]);
}
