//! What assembly/board.ts says of every call, once more and on its own: which ones are a mistake that stops the module,
//! what the others may answer, and which bytes of the memory they may change.
//!
//! It knows nothing of how the board does it. What it can't know (whether bytes have arrived) it leaves open.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::str;

use board::imports::IMPORTS;

use crate::outside::{FILE, Given, PEERS_MAX, Peers, said};

const AGAIN: i32 = -1;
const CLOSED: i32 = -2;
const END: i32 = -3;
const REFUSED: i32 = -4;
const TORN: i32 = -5;
const MISSING: i32 = -6;

/// The memory of tests/fuzz/glue.as.ts, whatever the runtime says.
const MEMORY_BYTES: u64 = 2 << 16;
/// The log's last lines that are kept.
const LOG_BYTES_MAX: u32 = 16 << 10;

/// What stands behind a handle.
enum Socket {
    Listener,
    Connection {
        /// Which peers it may lead to, by what was received.
        peers: Vec<usize>,
        received: usize,
        /// What was sent.
        sent: Vec<u8>,
    },
}

impl Socket {
    fn connection() -> Self {
        Socket::Connection { peers: (0..PEERS_MAX).collect(), received: 0, sent: vec![] }
    }
}

/// What holds of one module, from its start to its end.
#[derive(Default)]
pub struct Contract {
    sockets: BTreeMap<i32, Socket>,
    /// What was sent on connections that are closed.
    sent_before: Vec<Vec<u8>>,
    /// The bytes that the sensor may write to.
    capture: Option<Range<usize>>,
    settings: HashMap<String, String>,
}

/// A call, and what was there before it.
pub struct Call<'a> {
    pub import: usize,
    pub arguments: &'a [u32],
    pub before: &'a [u8],
}

impl Call<'_> {
    fn name(&self) -> &'static str {
        IMPORTS[self.import].name.to_str().unwrap_or("?")
    }

    fn slice(&self, address: u32, length: u32) -> &[u8] {
        &self.before[address as usize..][..length as usize]
    }
}

impl Contract {
    /// What the module has had kept.
    pub fn settings(&self) -> &HashMap<String, String> {
        &self.settings
    }

    fn is_connection(&self, handle: u32) -> bool {
        matches!(self.sockets.get(&(handle as i32)), Some(Socket::Connection { .. }))
    }

    /// Whether a call is a mistake of the module's, which stops it.
    pub fn is_mistake(&self, call: &Call<'_>) -> bool {
        let within = |address: u32, length: u32| u64::from(address) + u64::from(length) <= MEMORY_BYTES;
        let text = |at, length| within(at, length) && str::from_utf8(call.slice(at, length)).is_ok();
        let &[a, b, c, d, e] = &{
            let mut five = [0; 5];
            five[..call.arguments.len()].copy_from_slice(call.arguments);
            five
        };
        let is_fine = match call.name() {
            "events" | "random" | "logRead" => within(a, b),
            "tcpListen" | "sensorLines" | "captureStop" => true,
            "tcpAccept" => matches!(self.sockets.get(&(a as i32)), Some(Socket::Listener)),
            "tcpConnect" => text(a, b),
            "tcpPeer" => within(b, c) && self.is_connection(a),
            "tcpReceive" | "tcpSend" => c > 0 && within(b, c) && self.is_connection(a),
            "tcpClose" => b <= 1 && self.sockets.contains_key(&(a as i32)),
            "busTransfer" => a <= 0x7f && within(b, c) && within(d, e),
            "softSensorSet" => c <= 4,
            "captureStart" => within(a, b) && self.capture.is_none(),
            "capturePoll" => b == 8 && within(a, b) && self.capture.is_some(),
            "frameOut" => within(a, b),
            "cameraAt" => within(b, c),
            "cameraFile" | "settingGet" => text(a, b) && within(c, d),
            "settingPut" => text(a, b) && text(c, d),
            "identify" => a <= 4 && within(b, c),
            "log" => a <= 3 && within(b, c),
            other => panic!("an import that the fuzzer does not know: {other}"),
        };
        !is_fine
    }

    /// Looks at what a call did that was no mistake. An error says what is wrong.
    pub fn judge(
        &mut self,
        call: &Call<'_>,
        memory: &[u8],
        answer: i32,
        peers: &Peers,
        given: &mut Given,
    ) -> Result<(), String> {
        let &[a, b, c, d, e] = &{
            let mut five = [0; 5];
            five[..call.arguments.len()].copy_from_slice(call.arguments);
            five
        };
        let count = answer.max(0) as u32;
        let faults: &[i32] = match call.name() {
            "tcpListen" | "tcpConnect" | "settingPut" | "identify" => &[REFUSED],
            "tcpAccept" => &[AGAIN],
            "tcpPeer" => &[REFUSED, CLOSED],
            "tcpReceive" => &[AGAIN, END, CLOSED, MISSING],
            "tcpSend" => &[AGAIN, CLOSED, MISSING],
            "sensorLines" | "busTransfer" | "random" => &[MISSING],
            "softSensorSet" => &[AGAIN, REFUSED, MISSING],
            "captureStart" => &[REFUSED, MISSING],
            "capturePoll" => &[AGAIN, TORN, MISSING],
            "frameOut" => &[AGAIN, MISSING],
            "cameraAt" | "cameraFile" => &[AGAIN, MISSING, REFUSED],
            "settingGet" => &[MISSING, REFUSED],
            _ => &[],
        };
        if answer < 0 && !faults.contains(&answer) {
            return Err("it does not answer such a fault".to_string());
        }
        // Where it may have written, and the most that it may answer.
        let (to, most) = match call.name() {
            "events" => (a..a + 4 * count, b / 4),
            "tcpListen" | "tcpAccept" | "tcpConnect" => (0..0, i32::MAX as u32),
            "tcpPeer" => (b..b + count, c.min(16)),
            "tcpReceive" => (b..b + count, c),
            "tcpSend" => (0..0, c),
            "busTransfer" if answer == 0 => (d..d + e, 0),
            "capturePoll" if answer >= 0 => (a..a + 8, self.capture.as_ref().map_or(0, |range| range.len() as u32)),
            "cameraAt" => (b..b + count, c.min(56)),
            "cameraFile" | "settingGet" => (c..c + count, d),
            "identify" => (b..b + count, c),
            "random" if answer == 0 => (a..a + b, 0),
            "logRead" => (a..a + count, b.min(LOG_BYTES_MAX)),
            _ => (0..0, 0),
        };
        if count > most {
            return Err(format!("it answers {answer}, more than {most}"));
        }
        self.look_at_memory(call, memory, to.start as usize..to.end as usize)?;
        let written = &memory[to.start as usize..to.end as usize];
        match call.name() {
            "events" => self.look_at_events(written)?,
            "tcpListen" if answer > 0 => self.open(answer, Socket::Listener)?,
            "tcpAccept" | "tcpConnect" if answer > 0 => self.open(answer, Socket::connection())?,
            "tcpListen" | "tcpAccept" | "tcpConnect" | "tcpReceive" | "tcpSend" if answer == 0 => {
                return Err("it answers 0, which is no handle, nor any bytes".to_string());
            }
            "tcpReceive" if answer > 0 => self.look_at_received(a as i32, written, peers)?,
            "tcpSend" if answer > 0 => {
                if let Some(Socket::Connection { sent, .. }) = self.sockets.get_mut(&(a as i32)) {
                    sent.extend(&call.slice(b, c)[..count as usize]);
                }
            }
            "tcpPeer" if answer >= 0 => {
                let is_loopback = match *written {
                    [127, 0, 0, _] => true,
                    [.., last] => written.len() == 16 && last == 1,
                    [] => false,
                };
                if !is_loopback {
                    return Err(format!("{written:?} is not where peers are"));
                }
            }
            "tcpClose" => {
                if let Some(Socket::Connection { sent, .. }) = self.sockets.remove(&(a as i32)) {
                    self.sent_before.push(sent);
                }
            }
            "softSensorSet" if answer == 0 => self.capture = None, // other frames: what was asked for won't come
            "captureStart" if answer == 0 => self.capture = Some(a as usize..(a + b) as usize),
            "capturePoll" if answer != AGAIN => self.capture = None,
            "captureStop" => self.capture = None,
            "busTransfer" if given.written.take().as_deref() != Some(call.slice(b, c)) => {
                return Err("the bus was given other bytes".to_string());
            }
            "frameOut" if given.frame.take().as_deref() != Some(call.slice(a, b)).filter(|file| !file.is_empty()) => {
                return Err("other cameras were given other bytes".to_string());
            }
            "cameraFile" if given.name.take().as_deref().map(str::as_bytes) != Some(call.slice(a, b)) => {
                return Err("a camera of another name was asked".to_string());
            }
            "cameraFile" if answer > 0 && written != FILE => return Err("it is another file".to_string()),
            "settingGet" => self.look_at_setting(call, answer, written)?,
            "settingPut" if answer == 0 => {
                // `is_mistake` has seen that they are texts.
                let [name, value] = [call.slice(a, b), call.slice(c, d)].map(|text| String::from_utf8_lossy(text));
                match &*value {
                    "" => self.settings.remove(&*name),
                    _ => self.settings.insert(name.into_owned(), value.into_owned()),
                };
            }
            "logRead" => look_at_lines(written)?,
            _ => {}
        }
        match given.bad_line.take() {
            Some(line) => Err(format!("a line of the log is none: {line:?}")),
            None => Ok(()),
        }
    }

    /// Whether nothing has changed but what may.
    fn look_at_memory(&self, call: &Call<'_>, memory: &[u8], to: Range<usize>) -> Result<(), String> {
        let may_change = [to, self.capture.clone().unwrap_or_default()];
        let mut at = 0;
        // From one stretch that may not have changed to the next.
        loop {
            let within = may_change.iter().find(|range| range.contains(&at));
            if let Some(range) = within {
                at = range.end;
                continue;
            }
            let next = may_change.iter().map(|range| range.start).filter(|&start| start > at).min();
            let end = next.unwrap_or(memory.len()).min(memory.len());
            if at >= end {
                return Ok(());
            }
            if memory[at..end] != call.before[at..end] {
                let first = (at..end).find(|&at| memory[at] != call.before[at]).unwrap_or(at);
                return Err(format!("it changed the byte at {first}, which is not its own"));
            }
            at = end;
        }
    }

    /// A mistake changes nothing.
    pub fn look_at_refused(&self, call: &Call<'_>, memory: &[u8]) -> Result<(), String> {
        self.look_at_memory(call, memory, 0..0)
    }

    /// A new handle is the lowest that is free.
    fn open(&mut self, handle: i32, socket: Socket) -> Result<(), String> {
        let lowest = (1..).find(|handle| !self.sockets.contains_key(handle)).unwrap_or(i32::MAX);
        if handle != lowest {
            return Err(format!("the handle {handle} is not the lowest that is free, {lowest}"));
        }
        self.sockets.insert(handle, socket);
        Ok(())
    }

    fn look_at_events(&self, words: &[u8]) -> Result<(), String> {
        for word in words.chunks_exact(4) {
            let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
            let (handle, bits) = ((word >> 8) as i32, word & 0xff);
            let is_one = match handle {
                0 => bits == 1 && self.capture.is_some(),
                _ => (1..=3).contains(&bits) && self.sockets.contains_key(&handle),
            };
            if !is_one {
                return Err(format!("it tells {bits} of {handle}"));
            }
        }
        Ok(())
    }

    /// What was received is what one of the peers sent, from where the last receive ended.
    fn look_at_received(&mut self, handle: i32, bytes: &[u8], outside: &Peers) -> Result<(), String> {
        let Some(Socket::Connection { peers, received, .. }) = self.sockets.get_mut(&handle) else { return Ok(()) };
        peers.retain(|&peer| {
            let said_so = || bytes.iter().zip(*received..).all(|(&byte, at)| byte == said(peer, at));
            outside.sent(peer) >= *received + bytes.len() && said_so()
        });
        *received += bytes.len();
        if peers.is_empty() { Err("nobody sent these bytes there".to_string()) } else { Ok(()) }
    }

    fn look_at_setting(&self, call: &Call<'_>, answer: i32, written: &[u8]) -> Result<(), String> {
        let name = String::from_utf8_lossy(call.slice(call.arguments[0], call.arguments[1]));
        let is_it = match self.settings.get(&*name) {
            None => answer == MISSING,
            Some(value) if value.len() > call.arguments[3] as usize => answer == REFUSED,
            Some(value) => answer == value.len() as i32 && written == value.as_bytes(),
        };
        if is_it { Ok(()) } else { Err("it is another value than was kept".to_string()) }
    }

    /// At the end: what peers have read is what the module sent.
    pub fn look_at_peers<'a>(&self, received: impl Iterator<Item = &'a [u8]>) -> Result<(), String> {
        let open = self.sockets.values().filter_map(|socket| match socket {
            Socket::Connection { sent, .. } => Some(sent),
            Socket::Listener => None,
        });
        let all: Vec<&Vec<u8>> = self.sent_before.iter().chain(open).collect();
        for bytes in received {
            if !bytes.is_empty() && !all.iter().any(|sent| sent.starts_with(bytes)) {
                return Err(format!("a peer has read {} bytes that nobody sent so", bytes.len()));
            }
        }
        Ok(())
    }
}

/// Whole lines, and no secrets among them.
fn look_at_lines(lines: &[u8]) -> Result<(), String> {
    let text = str::from_utf8(lines).map_err(|_| "the log is not UTF-8".to_string())?;
    let is_line = |line: &str| {
        let level = line.split_once("] ").map_or("", |(_, rest)| rest);
        line.starts_with('[') && ["ERROR ", "WARNING ", "INFO "].iter().any(|name| level.starts_with(name))
    };
    let is_whole = text.is_empty() || text.ends_with('\n');
    if is_whole && text.lines().all(is_line) { Ok(()) } else { Err(format!("these are no lines: {text:?}")) }
}
