//! What is around the board: peers that connect, send, read and go away, other cameras, a bus, a console. All of it
//! remembers what it was given, for the judge.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use board::clock::{Clock, Micros};
use board::fault::{Fault, Mistake, Refusal};
use board::fleet::{Fleet, HeardCamera, NAME_MAX, OutFrame};
use board::log::{LINE_BYTES_MAX, Log};
use board::random::Random;
use board::sensor_bus::SensorBus;
use board::sockets::{Close, Ready, Sockets};
use linux_board::sockets::KernelSockets;
use rustix::net::sockopt;

/// So many peers there are in a life at most.
pub const PEERS_MAX: usize = 8;
/// As long as a name takes to be looked up, mostly: that is done in a thread of its own.
const LOOKUP: Duration = Duration::from_micros(500);

/// Byte number `at` of what a peer sends.
pub fn said(peer: usize, at: usize) -> u8 {
    (peer * 131 + at * 7 + (at >> 8) * 13) as u8
}

/// Somebody at the other end of a connection.
struct Peer {
    /// None when it has gone.
    stream: Option<TcpStream>,
    sent: usize,
    received: Vec<u8>,
}

/// Those whom the module serves, and whom it dials.
pub struct Peers {
    ports: [SocketAddr; 2],
    dialed: Rc<TcpListener>,
    peers: Vec<Peer>,
}

impl Peers {
    /// `ports`: where the camera's ports are; `dialed`: where whatever the module dials leads.
    pub fn new(ports: [SocketAddr; 2], dialed: Rc<TcpListener>) -> Self {
        Peers { ports, dialed, peers: vec![] }
    }

    /// How many bytes this peer has sent.
    pub fn sent(&self, peer: usize) -> usize {
        self.peers.get(peer).map_or(0, |peer| peer.sent)
    }

    /// What each has read.
    pub fn received(&self) -> impl Iterator<Item = &[u8]> {
        self.peers.iter().map(|peer| &peer.received[..])
    }

    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Has the peer with this number read all that is there.
    pub fn read(&mut self, which: usize, most: usize) {
        let Some(peer) = self.peers.get_mut(which) else { return };
        let Some(stream) = &mut peer.stream else { return };
        let mut bytes = vec![0; most];
        if let Ok(count) = stream.read(&mut bytes) {
            peer.received.extend(&bytes[..count]);
        }
    }

    /// Sends what is said, of a conversation that means something.
    pub fn ask(&mut self, which: usize, text: &[u8]) {
        if let Some(Peer { stream: Some(stream), .. }) = self.peers.get_mut(which) {
            let _ = stream.write_all(text); // a few bytes; who is gone is found out by what does not come
        }
    }

    fn add(&mut self, stream: TcpStream) {
        if stream.set_nonblocking(true).is_ok() {
            self.peers.push(Peer { stream: Some(stream), sent: 0, received: vec![] });
        }
    }

    pub fn connect(&mut self, port: usize, has_little_room: bool) {
        if self.peers.len() == PEERS_MAX {
            return;
        }
        let Ok(stream) = TcpStream::connect_timeout(&self.ports[port], Duration::from_secs(1)) else { return };
        if has_little_room {
            let _ = sockopt::set_socket_recv_buffer_size(&stream, 2048);
        }
        self.add(stream);
    }

    /// Does what a program wishes. What has no sense is nothing.
    pub fn happen(&mut self, what: u32, which: u32, how_much: u32, clock: &HandClock) {
        let which = which as usize;
        match what % 9 {
            0 | 1 => self.connect(which & 1, how_much >= 128),
            2 => {
                let Some(peer) = self.peers.get_mut(which) else { return };
                let Some(stream) = &mut peer.stream else { return };
                let bytes: Vec<u8> = (0..1 + how_much as usize * 16).map(|at| said(which, peer.sent + at)).collect();
                peer.sent += stream.write(&bytes).unwrap_or(0);
            }
            3 => self.read(which, 1 + how_much as usize * 64),
            4 => {
                if let Some(Peer { stream: Some(stream), .. }) = self.peers.get(which) {
                    let _ = stream.shutdown(Shutdown::Write);
                }
            }
            5 => self.cut(which),
            6 => {
                if let Some(peer) = self.peers.get_mut(which) {
                    peer.stream = None;
                }
            }
            7 => {
                if self.peers.len() < PEERS_MAX
                    && let Ok((stream, _)) = self.dialed.accept()
                {
                    self.add(stream);
                }
            }
            _ if how_much == 255 => thread::sleep(LOOKUP), // and the real clock goes on
            _ => clock.advance(Micros::from(how_much) * Micros::from(how_much) * 100),
        }
    }

    /// Has a peer go away with a reset.
    fn cut(&mut self, which: usize) {
        if let Some(stream) = self.peers.get_mut(which).and_then(|peer| peer.stream.take()) {
            let _ = sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
        }
    }

    /// All go away, and nobody is left who was not accepted.
    pub fn end(&mut self) {
        (0..self.peers.len()).for_each(|peer| self.cut(peer));
        loop {
            match self.dialed.accept() {
                Ok((stream, _)) => drop(sockopt::set_socket_linger(&stream, Some(Duration::ZERO))),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.peers.clear();
    }
}

/// A clock that goes when it is told to.
#[derive(Clone, Default)]
pub struct HandClock(Rc<Cell<Micros>>);

impl HandClock {
    pub fn advance(&self, span: Micros) {
        self.0.set(self.0.get() + span);
    }

    pub fn advance_to(&self, time: Micros) {
        self.0.set(self.0.get().max(time));
    }

    pub fn time(&self) -> Micros {
        self.0.get()
    }
}

impl Clock for HandClock {
    fn now(&mut self) -> Micros {
        self.0.get()
    }
}

/// The board's sockets, but that whatever is dialed leads to the peers: nothing may leave this machine, nor get to
/// other programs on it.
pub struct FencedSockets {
    pub sockets: KernelSockets,
    pub dialed: u16,
}

/// A port at which nobody listens.
const CLOSED_PORT: u16 = 1;

impl Sockets for FencedSockets {
    fn dial(&mut self, name: &str, port: u16) -> Result<i32, Refusal> {
        let port = if port % 4 == 0 { CLOSED_PORT } else { self.dialed };
        match name.parse::<IpAddr>() {
            Ok(address) if !address.is_loopback() => Err(Fault::Refused.into()),
            _ => self.sockets.dial(name, port),
        }
    }

    fn listen(&mut self, port: u32) -> Result<i32, Refusal> {
        self.sockets.listen(port)
    }
    fn accept(&mut self, listener: i32) -> Result<i32, Refusal> {
        self.sockets.accept(listener)
    }
    fn peer(&mut self, socket: i32) -> Result<IpAddr, Refusal> {
        self.sockets.peer(socket)
    }
    fn receive(&mut self, socket: i32, to: &mut [u8]) -> Result<usize, Refusal> {
        self.sockets.receive(socket, to)
    }
    fn send(&mut self, socket: i32, bytes: &[u8]) -> Result<usize, Refusal> {
        self.sockets.send(socket, bytes)
    }
    fn close(&mut self, socket: i32, how: Close) -> Result<(), Mistake> {
        self.sockets.close(socket, how)
    }
    fn has_event(&self) -> bool {
        self.sockets.has_event()
    }
    fn take_event(&mut self) -> Option<(i32, Ready)> {
        self.sockets.take_event()
    }
    fn abort_all(&mut self) {
        self.sockets.abort_all();
    }
    fn poll(&mut self, now: Micros, log: &mut dyn Log) {
        self.sockets.poll(now, log);
    }
    fn poll_at(&mut self, now: Micros) -> Micros {
        self.sockets.poll_at(now)
    }
    fn address(&self) -> Option<String> {
        self.sockets.address()
    }
}

/// What other machines, the bus and the console were given.
#[derive(Default)]
pub struct Given {
    pub frame: Option<Vec<u8>>,
    pub name: Option<String>,
    pub written: Option<Vec<u8>>,
    /// What is wrong with a line of the log.
    pub bad_line: Option<String>,
    pub console: bool,
}

pub type SharedGiven = Rc<RefCell<Given>>;

/// Two cameras are heard: one with a file, one without.
pub struct TwoCameras(pub SharedGiven);

pub const FILE: &[u8] = b"\xff\xd8 a picture of another camera \xff\xd9";

impl Fleet for TwoCameras {
    fn out(&mut self, frame: Option<OutFrame<'_>>) -> Result<(), Fault> {
        self.0.borrow_mut().frame = frame.map(|frame| frame.file.to_vec());
        Ok(())
    }

    fn camera(&mut self, index: usize) -> Result<HeardCamera, Fault> {
        let name_length = *[5, NAME_MAX].get(index).ok_or(Fault::Again)?;
        let mut name = [b'c'; NAME_MAX];
        name[..5].copy_from_slice(b"front");
        Ok(HeardCamera { sequence: 7, name, name_length, ..Default::default() })
    }

    fn file(&mut self, name: &str, to: &mut [u8]) -> Result<usize, Fault> {
        self.0.borrow_mut().name = Some(name.to_string());
        match name {
            "front" => {
                to.get_mut(..FILE.len()).ok_or(Fault::Refused)?.copy_from_slice(FILE);
                Ok(FILE.len())
            }
            "size" => Err(Fault::Again),
            _ => Err(Fault::Missing),
        }
    }
}

/// A bus with devices at the even addresses, that answer what they were told.
pub struct EchoBus(pub SharedGiven);

impl SensorBus for EchoBus {
    fn lines(&mut self, power: bool, _: bool, _: u32) -> Result<(), Fault> {
        if power { Ok(()) } else { Err(Fault::Missing) }
    }

    fn transfer(&mut self, device: u8, write: &[u8], read: &mut [u8]) -> Result<(), Fault> {
        self.0.borrow_mut().written = Some(write.to_vec());
        if device % 2 == 1 {
            return Err(Fault::Missing);
        }
        for (to, from) in read.iter_mut().zip(write.iter().chain(&[0x55]).cycle()) {
            *to = *from;
        }
        Ok(())
    }
}

/// Looks at each line of the log.
pub struct Lines(pub SharedGiven);

/// `[seconds.micros] LEVEL   ` before a line's text, with room for a century.
const HEAD_BYTES_MAX: usize = 32;

impl fmt::Write for Lines {
    fn write_str(&mut self, line: &str) -> fmt::Result {
        let mut given = self.0.borrow_mut();
        let text = line.strip_suffix('\n').unwrap_or("\n");
        if text.contains(char::is_control) || text.len() > HEAD_BYTES_MAX + LINE_BYTES_MAX || !text.starts_with('[') {
            given.bad_line = Some(line.to_string());
        }
        if given.console {
            print!("{line}");
        }
        Ok(())
    }
}

/// Chance that repeats.
pub struct Counter(pub u8);

impl Random for Counter {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Fault> {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(5).wrapping_add(1);
            *byte = self.0;
        }
        Ok(())
    }
}
