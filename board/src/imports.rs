//! Every import of the module, as assembly/board.ts declares them: one table over small traits of the hardware.
//!
//! The WebAssembly runtime registers its natives from [`IMPORTS`], the binary `import-table` prints it for the test
//! that compares it with the module's own, and the calls check here what comes from the module (addresses, lengths,
//! numbers), so that nothing below meets a wild value. What a call means is written in assembly/board.ts.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ffi::CStr;
use core::net::IpAddr;
use core::ops::Range;

use crate::capture::{Capture, Format, Mode};
use crate::clock::{Clock, Micros};
use crate::fault::{Fault, Mistake, Refusal};
use crate::fleet::{Fleet, HeardCamera, OutFrame};
use crate::log::{LINE_BYTES_MAX, Level, Log};
use crate::random::Random;
use crate::sensor_bus::SensorBus;
use crate::settings::Settings;
use crate::sockets::{Close, Sockets};
use crate::watchdog::Watchdog;

/// The import module's name.
pub const MODULE: &CStr = c"board";

/// What a board consists of, as the module sees it.
pub struct Board {
    /// As `make flash BOARD=` names it.
    pub name: &'static str,
    pub clock: Box<dyn Clock>,
    pub sensor_bus: Box<dyn SensorBus>,
    pub capture: Box<dyn Capture>,
    pub sockets: Box<dyn Sockets>,
    pub fleet: Box<dyn Fleet>,
    pub settings: Box<dyn Settings>,
    pub random: Box<dyn Random>,
    pub log: Box<dyn Log>,
    pub watchdog: Box<dyn Watchdog>,
    /// What the supervisor knows of modules that stopped.
    pub past: Past,
}

/// What happened to the modules before the one that runs.
#[derive(Default)]
pub struct Past {
    /// How often the module was started afresh.
    pub restarts: u32,
    /// Why, the last time, and when.
    pub crash: Option<(String, Micros)>,
    /// The last line of level ERROR that the module wrote; whoever wants to know since when empties it.
    pub complaint: String,
}

/// Bytes of a crash's text, at most.
pub const CRASH_BYTES_MAX: usize = 160;

impl Board {
    pub fn now(&mut self) -> Micros {
        self.clock.now()
    }

    /// Writes one line to the log.
    pub fn log(&mut self, level: Level, text: core::fmt::Arguments<'_>) {
        let now = self.now();
        self.log.line(now, level, text);
    }

    /// Whether `events` has something to tell.
    pub fn has_event(&self, now: Micros) -> bool {
        self.sockets.has_event() || self.capture.has_event(now)
    }
}

/// What a call answers the module; a mistake ends it.
type Answer = Result<i32, Mistake>;
type Call = fn(&mut Board, &mut [u8], &[u32]) -> Answer;

/// One import.
pub struct Import {
    pub name: &'static CStr,
    /// Parameters in parentheses, then the result; `i` is a 32-bit integer. (WAMR's way to write it.)
    pub signature: &'static CStr,
    /// Carries it out: the module's whole memory, and as many arguments as the signature has. An import without a
    /// result answers 0.
    pub call: Call,
}

/// A text that ends with NUL, and has no other.
const fn c_text(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("one NUL, at the end"),
    }
}

/// Makes an [`Import`] of a function that is written with the same parameters: the signature cannot differ from it.
macro_rules! import {
    ($name:literal, $function:ident($($parameter:ident: $type:ident),*) $result:literal) => {
        Import {
            name: c_text(concat!($name, "\0")),
            signature: c_text(concat!("(", $(import!(letter $type),)* ")", $result, "\0")),
            call: |board, memory, arguments| {
                let [$($parameter),*] = *arguments else { return Err(Mistake("wrong number of arguments")) };
                $function(board, memory, $($parameter as $type),*)
            },
        }
    };
    (letter u32) => { "i" };
    (letter i32) => { "i" };
}

/// The whole table, in the order of assembly/board.ts.
pub static IMPORTS: [Import; 23] = [
    import!("events", events(address: u32, length: u32) "i"),
    import!("tcpListen", tcp_listen(port: u32) "i"),
    import!("tcpAccept", tcp_accept(listener: i32) "i"),
    import!("tcpConnect", tcp_connect(name: u32, name_length: u32, port: u32) "i"),
    import!("tcpPeer", tcp_peer(socket: i32, address: u32, length: u32) "i"),
    import!("tcpReceive", tcp_receive(socket: i32, address: u32, length: u32) "i"),
    import!("tcpSend", tcp_send(socket: i32, address: u32, length: u32) "i"),
    import!("tcpClose", tcp_close(socket: i32, how: i32) ""),
    import!("sensorLines", sensor_lines(power: u32, reset: u32, clock: u32) "i"),
    import!("busTransfer", bus_transfer(device: u32, write: u32, write_length: u32, read: u32, read_length: u32) "i"),
    import!("softSensorSet", soft_sensor_set(width: u32, height: u32, format: i32, interval: u32) "i"),
    import!("captureStart", capture_start(address: u32, length: u32) "i"),
    import!("capturePoll", capture_poll(address: u32, length: u32) "i"),
    import!("captureStop", capture_stop() ""),
    import!("frameOut", frame_out(file: u32, length: u32, sequence: u32, age: u32, size: u32) "i"),
    import!("cameraAt", camera_at(index: u32, address: u32, length: u32) "i"),
    import!("cameraFile", camera_file(name: u32, name_length: u32, address: u32, length: u32) "i"),
    import!("settingGet", setting_get(name: u32, name_length: u32, address: u32, length: u32) "i"),
    import!("settingPut", setting_put(name: u32, name_length: u32, value: u32, value_length: u32) "i"),
    import!("identify", identify(what: i32, address: u32, length: u32) "i"),
    import!("random", random(address: u32, length: u32) "i"),
    import!("log", log(level: i32, address: u32, length: u32) ""),
    import!("logRead", log_read(address: u32, length: u32) "i"),
];

/// The sensor's place in what `events` tells.
const SENSOR_HANDLE: u32 = 0;
/// The addresses that a bus has: 7 bits.
const DEVICES: u32 = 1 << 7;
/// `Ready.READABLE`.
const READABLE: u32 = 1;
const EVENT_BYTES: usize = 4;

/// What `identify` tells: the numbers of `Identity`.
const IDENTITY_BOARD: i32 = 0;
const IDENTITY_ADDRESS: i32 = 1;
const IDENTITY_RESTARTS: i32 = 2;
const IDENTITY_CRASH: i32 = 3;
const IDENTITY_CRASH_TIME: i32 = 4;

/// A fault is the call's answer; a mistake ends the module.
fn answer(result: Result<i32, Refusal>) -> Answer {
    match result {
        Ok(value) => Ok(value),
        Err(Refusal::Fault(fault)) => Ok(fault as i32),
        Err(Refusal::Mistake(mistake)) => Err(mistake),
    }
}

const OUTSIDE: Mistake = Mistake("an address outside of the module's memory");

fn range(address: u32, length: u32) -> Result<Range<usize>, Mistake> {
    let start = address as usize;
    Ok(start..start.checked_add(length as usize).ok_or(OUTSIDE)?)
}

fn bytes(memory: &mut [u8], address: u32, length: u32) -> Result<&mut [u8], Mistake> {
    memory.get_mut(range(address, length)?).ok_or(OUTSIDE)
}

/// Bytes that something has to be moved to or from: without any the answer "at least 1" cannot be given.
fn some_bytes(memory: &mut [u8], address: u32, length: u32) -> Result<&mut [u8], Mistake> {
    match length {
        0 => Err(Mistake("a transfer of no bytes")),
        _ => bytes(memory, address, length),
    }
}

/// A text that the module gives.
fn take_text(memory: &[u8], address: u32, length: u32) -> Result<&str, Mistake> {
    let bytes = memory.get(range(address, length)?).ok_or(OUTSIDE)?;
    core::str::from_utf8(bytes).map_err(|_| Mistake("a text that is not UTF-8"))
}

/// Copies `given` to the module and answers its length.
fn give(memory: &mut [u8], given: &[u8], address: u32, length: u32) -> Answer {
    let room = bytes(memory, address, length)?;
    let Some(room) = room.get_mut(..given.len()) else { return Ok(Fault::Refused as i32) };
    room.copy_from_slice(given);
    Ok(given.len() as i32)
}

fn give_text(memory: &mut [u8], text: &str, address: u32, length: u32) -> Answer {
    give(memory, text.as_bytes(), address, length)
}

fn events(board: &mut Board, memory: &mut [u8], address: u32, length: u32) -> Answer {
    let now = board.now();
    let mut words = bytes(memory, address, length)?.chunks_exact_mut(EVENT_BYTES);
    let mut count = 0;
    let mut tell = |word: &mut [u8], handle: u32, bits: u32| {
        word.copy_from_slice(&(handle << 8 | bits).to_le_bytes());
        count += 1;
    };
    if board.capture.has_event(now)
        && let Some(word) = words.next()
    {
        board.capture.take_event(now);
        tell(word, SENSOR_HANDLE, READABLE);
    }
    for word in words {
        let Some((handle, ready)) = board.sockets.take_event() else { break };
        tell(word, handle as u32, ready.bits());
    }
    Ok(count)
}

fn tcp_listen(board: &mut Board, _: &mut [u8], port: u32) -> Answer {
    answer(board.sockets.listen(port))
}

fn tcp_accept(board: &mut Board, _: &mut [u8], listener: i32) -> Answer {
    answer(board.sockets.accept(listener))
}

fn tcp_connect(board: &mut Board, memory: &mut [u8], name: u32, name_length: u32, port: u32) -> Answer {
    let name = take_text(memory, name, name_length)?;
    match u16::try_from(port) {
        Ok(port) if port != 0 => answer(board.sockets.dial(name, port)),
        _ => Ok(Fault::Refused as i32),
    }
}

fn tcp_peer(board: &mut Board, memory: &mut [u8], socket: i32, address: u32, length: u32) -> Answer {
    bytes(memory, address, length)?;
    match board.sockets.peer(socket) {
        Ok(IpAddr::V4(peer)) => give(memory, &peer.octets(), address, length),
        Ok(IpAddr::V6(peer)) => give(memory, &peer.octets(), address, length),
        Err(refusal) => answer(Err(refusal)),
    }
}

fn tcp_receive(board: &mut Board, memory: &mut [u8], socket: i32, address: u32, length: u32) -> Answer {
    let to = some_bytes(memory, address, length)?;
    answer(board.sockets.receive(socket, to).map(|count| count as i32))
}

fn tcp_send(board: &mut Board, memory: &mut [u8], socket: i32, address: u32, length: u32) -> Answer {
    let from = some_bytes(memory, address, length)?;
    answer(board.sockets.send(socket, from).map(|count| count as i32))
}

fn tcp_close(board: &mut Board, _: &mut [u8], socket: i32, how: i32) -> Answer {
    let how = Close::from_number(how).ok_or(Mistake("tcpClose in an unknown way"))?;
    board.sockets.close(socket, how).map(|()| 0)
}

fn sensor_lines(board: &mut Board, _: &mut [u8], power: u32, reset: u32, clock: u32) -> Answer {
    answer(board.sensor_bus.lines(power != 0, reset != 0, clock).map(|()| 0).map_err(Refusal::from))
}

fn bus_transfer(
    board: &mut Board,
    memory: &mut [u8],
    device: u32,
    write: u32,
    write_length: u32,
    read: u32,
    read_length: u32,
) -> Answer {
    let device = u8::try_from(device).ok().filter(|&device| u32::from(device) < DEVICES);
    let device = device.ok_or(Mistake("busTransfer with a device that is no 7-bit address"))?;
    let from = bytes(memory, write, write_length)?;
    // What is written may lie where is read to.
    let mut written = Vec::new();
    written.try_reserve_exact(from.len()).map_err(|_| Mistake("busTransfer of more than is short"))?;
    written.extend_from_slice(from);
    let to = bytes(memory, read, read_length)?;
    answer(board.sensor_bus.transfer(device, &written, to).map(|()| 0).map_err(Refusal::from))
}

fn soft_sensor_set(board: &mut Board, _: &mut [u8], width: u32, height: u32, format: i32, interval: u32) -> Answer {
    let now = board.now();
    let format = Format::from_number(format).ok_or(Mistake("softSensorSet with an unknown format"))?;
    let set = board.capture.set(now, Mode { width, height, format, interval });
    Ok(set.map_or_else(|fault| fault as i32, |()| 0))
}

fn capture_start(board: &mut Board, memory: &mut [u8], address: u32, length: u32) -> Answer {
    let now = board.now();
    bytes(memory, address, length)?;
    answer(board.capture.start(now, range(address, length)?).map(|()| 0))
}

fn capture_poll(board: &mut Board, memory: &mut [u8], address: u32, length: u32) -> Answer {
    let now = board.now();
    if length as usize != size_of::<Micros>() {
        return Err(Mistake("capturePoll wants 8 bytes for the time"));
    }
    bytes(memory, address, length)?;
    answer(board.capture.poll(now, memory).and_then(|frame| {
        bytes(memory, address, length)?.copy_from_slice(&frame.time.to_le_bytes());
        Ok(frame.length as i32)
    }))
}

fn capture_stop(board: &mut Board, _: &mut [u8]) -> Answer {
    board.capture.stop();
    Ok(0)
}

fn frame_out(
    board: &mut Board,
    memory: &mut [u8],
    file: u32,
    length: u32,
    sequence: u32,
    age: u32,
    size: u32,
) -> Answer {
    let file = &*bytes(memory, file, length)?;
    let frame = (!file.is_empty()).then_some(OutFrame { file, sequence, age, size });
    answer(board.fleet.out(frame).map(|()| 0).map_err(Refusal::from))
}

fn camera_at(board: &mut Board, memory: &mut [u8], index: u32, address: u32, length: u32) -> Answer {
    bytes(memory, address, length)?;
    match board.fleet.camera(index as usize) {
        Ok(camera) => {
            let mut record = [0; HeardCamera::BYTES_MAX];
            let length_of_it = camera.write(&mut record);
            give(memory, &record[..length_of_it], address, length)
        }
        Err(fault) => Ok(fault as i32),
    }
}

fn camera_file(board: &mut Board, memory: &mut [u8], name: u32, name_length: u32, address: u32, length: u32) -> Answer {
    // The name may lie where the file goes to.
    let name = take_text(memory, name, name_length)?.to_string();
    answer(board.fleet.file(&name, bytes(memory, address, length)?).map(|length| length as i32).map_err(Refusal::from))
}

fn setting_get(board: &mut Board, memory: &mut [u8], name: u32, name_length: u32, address: u32, length: u32) -> Answer {
    let value = board.settings.get(take_text(memory, name, name_length)?);
    bytes(memory, address, length)?;
    match value {
        Some(value) => give_text(memory, &value, address, length),
        None => Ok(Fault::Missing as i32),
    }
}

fn setting_put(
    board: &mut Board,
    memory: &mut [u8],
    name: u32,
    name_length: u32,
    value: u32,
    value_length: u32,
) -> Answer {
    let name = take_text(memory, name, name_length)?;
    let value = take_text(memory, value, value_length)?;
    answer(board.settings.put(name, value).map(|()| 0).map_err(Refusal::from))
}

fn identify(board: &mut Board, memory: &mut [u8], what: i32, address: u32, length: u32) -> Answer {
    let text = match what {
        IDENTITY_BOARD => board.name.to_string(),
        IDENTITY_ADDRESS => board.sockets.address().unwrap_or_default(),
        IDENTITY_RESTARTS => board.past.restarts.to_string(),
        IDENTITY_CRASH => board.past.crash.as_ref().map(|(text, _)| text.clone()).unwrap_or_default(),
        IDENTITY_CRASH_TIME => board.past.crash.as_ref().map(|(_, time)| time.to_string()).unwrap_or_default(),
        _ => return Err(Mistake("identify with an unknown question")),
    };
    give_text(memory, &text, address, length)
}

fn random(board: &mut Board, memory: &mut [u8], address: u32, length: u32) -> Answer {
    answer(board.random.fill(bytes(memory, address, length)?).map(|()| 0).map_err(Refusal::from))
}

fn log(board: &mut Board, memory: &mut [u8], level: i32, address: u32, length: u32) -> Answer {
    let level = Level::from_number(level).ok_or(Mistake("log with an unknown level"))?;
    let all = bytes(memory, address, length)?;
    let text = String::from_utf8_lossy(&all[..all.len().min(LINE_BYTES_MAX)]);
    if level == Level::Error {
        board.past.complaint.clear();
        board.past.complaint.push_str(&text);
    }
    board.log(level, format_args!("{text}"));
    Ok(0)
}

fn log_read(board: &mut Board, memory: &mut [u8], address: u32, length: u32) -> Answer {
    Ok(board.log.read(bytes(memory, address, length)?) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HandClock;
    use crate::fleet::{Alone, EchoFleet};
    use crate::log::KeptLog;
    use crate::random::{NoRandom, SeededRandom};
    use crate::scene::{Scene, grey_scene};
    use crate::sensor_bus::{EchoBus, NoBus};
    use crate::settings::{KeptSettings, MemoryStore, Values};
    use crate::sockets::ScriptedSockets;
    use crate::soft_sensor::SoftSensor;
    use crate::watchdog::CountingWatchdog;

    struct World {
        clock: HandClock,
        log: KeptLog,
        sensor_bus: EchoBus,
        sockets: ScriptedSockets,
        store: MemoryStore,
        board: Board,
        memory: [u8; 64],
    }

    fn world() -> World {
        let scene = Scene::open(grey_scene(2, 1, (4, 1), 1, &[(0, 0, 0), (0, 1, 0)]).leak()).unwrap();
        let (clock, log, sockets) = (HandClock::default(), KeptLog::default(), ScriptedSockets::default());
        let (sensor_bus, store) = (EchoBus::default(), MemoryStore::default());
        let board = Board {
            name: "test",
            clock: Box::new(clock.clone()),
            sensor_bus: Box::new(sensor_bus.clone()),
            capture: Box::new(SoftSensor::new(Some(scene))),
            sockets: Box::new(sockets.clone()),
            fleet: Box::new(EchoFleet::default()),
            settings: Box::new(KeptSettings {
                kept: Values::from_words(["size=320x240", "empty="]),
                store: Some(Box::new(store.clone())),
                ..Default::default()
            }),
            random: Box::new(SeededRandom::new([7; 32])),
            log: Box::new(log.clone()),
            watchdog: Box::new(CountingWatchdog::default()),
            past: Past { restarts: 12, crash: Some(("unreachable".into(), 5_000_000_000)), ..Default::default() },
        };
        World { clock, log, sensor_bus, sockets, store, board, memory: [0; 64] }
    }

    impl World {
        /// Calls an import by name, as the runtime does.
        fn call(&mut self, name: &str, arguments: &[i32]) -> Answer {
            let import = IMPORTS.iter().find(|import| import.name.to_str() == Ok(name)).unwrap();
            let arguments: Vec<u32> = arguments.iter().map(|&argument| argument as u32).collect();
            (import.call)(&mut self.board, &mut self.memory, &arguments)
        }

        fn text(&self, length: i32) -> &str {
            std::str::from_utf8(&self.memory[..length as usize]).unwrap()
        }
    }

    #[test]
    fn signatures_follow_from_the_functions() {
        let line = |import: &Import| format!("{}{}", import.name.to_str().unwrap(), import.signature.to_str().unwrap());
        let lines: Vec<String> = IMPORTS.iter().map(line).collect();
        assert!(lines.contains(&"settingGet(iiii)i".to_string()));
        assert!(lines.contains(&"captureStop()".to_string()));
        assert!(lines.contains(&"log(iii)".to_string()));
    }

    #[test]
    fn every_address_is_checked() {
        let calls: [(&str, &[i32]); 21] = [
            ("events", &[60, 8]),
            ("tcpConnect", &[60, 8, 80]),
            ("tcpPeer", &[1, 60, 8]),
            ("random", &[60, 8]),
            ("tcpReceive", &[1, 60, 8]),
            ("tcpSend", &[1, 60, 8]),
            ("busTransfer", &[60, 60, 8, 0, 8]),
            ("busTransfer", &[60, 0, 8, 60, 8]),
            ("captureStart", &[60, 8]),
            ("capturePoll", &[60, 8]),
            ("frameOut", &[60, 8, 1, 0, 0]),
            ("cameraAt", &[0, 60, 8]),
            ("cameraFile", &[60, 8, 0, 8]),
            ("cameraFile", &[0, 8, 60, 8]),
            ("settingGet", &[60, 8, 0, 8]),
            ("settingGet", &[0, 8, 60, 8]),
            ("settingPut", &[60, 8, 0, 8]),
            ("settingPut", &[0, 8, 60, 8]),
            ("identify", &[0, 60, 8]),
            ("log", &[2, 60, 8]),
            ("logRead", &[60, 8]),
        ];
        for (name, arguments) in calls {
            let mut world = world();
            world.memory[..8].fill(b'?'); // a setting's name that is not there
            let wild = [arguments.to_vec(), arguments.iter().map(|&n| if n == 60 { -1 } else { n }).collect()];
            for arguments in wild {
                let answer = world.call(name, &arguments);
                assert!(answer.is_err(), "{name}{arguments:?} answered {answer:?}");
            }
            assert_eq!(world.sockets.take_calls(), [""; 0]);
            assert_eq!(world.store.take_writes(), 0);
        }
    }

    #[test]
    fn wild_numbers_end_the_module() {
        let calls: [(&str, &[i32]); 9] = [
            ("tcpClose", &[1, 2]),
            ("tcpReceive", &[1, 0, 0]),
            ("tcpSend", &[1, 0, 0]),
            ("busTransfer", &[128, 0, 1, 1, 1]),
            ("busTransfer", &[-1, 0, 1, 1, 1]),
            ("softSensorSet", &[2, 1, 5, 1000]),
            ("capturePoll", &[0, 4]),
            ("identify", &[5, 0, 8]),
            ("log", &[4, 0, 8]),
        ];
        for (name, arguments) in calls {
            assert!(world().call(name, arguments).is_err(), "{name}{arguments:?}");
        }
    }

    #[test]
    fn faults_are_answers_and_mistakes_are_not() {
        let mut world = world();
        for fault in [Fault::Again, Fault::Closed, Fault::End, Fault::Refused] {
            world.sockets.will_answer(Err(fault.into()));
            assert_eq!(world.call("tcpReceive", &[1, 0, 8]), Ok(fault as i32));
        }
        world.sockets.will_answer(Err(Mistake("wild").into()));
        assert_eq!(world.call("tcpAccept", &[9]), Err(Mistake("wild")));
    }

    #[test]
    fn bytes_go_to_and_from_the_modules_memory() {
        let mut world = world();
        world.memory[8..12].copy_from_slice(&[1, 2, 3, 4]);
        world.sockets.will_answer(Ok(3));
        assert_eq!(world.call("tcpSend", &[2, 8, 4]), Ok(3));
        world.sockets.will_answer(Ok(2));
        assert_eq!(world.call("tcpReceive", &[2, 9, 55]), Ok(2));
        assert_eq!(world.memory[8..12], [1, 7, 7, 4]);
        assert_eq!(world.call("tcpClose", &[2, 1]), Ok(0));
        assert_eq!(world.sockets.take_calls(), ["send 2 [1, 2, 3, 4]", "receive 2 55", "close 2 Abort"]);
    }

    #[test]
    fn a_host_is_a_name_and_a_port_that_there_is() {
        let mut world = world();
        world.memory[8..12].copy_from_slice(b"cam\xff");
        world.sockets.will_answer(Ok(3));
        assert_eq!(world.call("tcpConnect", &[8, 3, 65_535]), Ok(3));
        for port in [0, 65_536, -1] {
            assert_eq!(world.call("tcpConnect", &[8, 3, port]), Ok(Fault::Refused as i32));
        }
        assert_eq!(world.call("tcpConnect", &[8, 4, 80]), Err(Mistake("a text that is not UTF-8")));
        assert_eq!(world.sockets.take_calls(), ["dial cam 65535"]);
    }

    #[test]
    fn a_peer_is_the_bytes_of_its_address() {
        let mut world = world();
        world.sockets.will_answer(Ok(9));
        assert_eq!(world.call("tcpPeer", &[2, 8, 16]), Ok(4));
        assert_eq!(world.memory[8..13], [10, 0, 0, 9, 0]);
        world.sockets.will_answer(Ok(9));
        assert_eq!(world.call("tcpPeer", &[2, 8, 3]), Ok(Fault::Refused as i32));
        world.sockets.will_answer(Err(Fault::Closed.into()));
        assert_eq!(world.call("tcpPeer", &[2, 8, 16]), Ok(Fault::Closed as i32));
    }

    #[test]
    fn chance_is_the_boards_or_there_is_none() {
        let mut world = world();
        assert_eq!(world.call("random", &[8, 16]), Ok(0));
        assert_ne!(world.memory[8..24], [0; 16]);
        assert_eq!(world.memory[..8], [0; 8]);
        assert_eq!(world.memory[24..], [0; 40]);
        world.board.random = Box::new(NoRandom);
        assert_eq!(world.call("random", &[8, 16]), Ok(Fault::Missing as i32));
    }

    #[test]
    fn events_tell_the_sensor_and_the_sockets_as_far_as_there_is_room() {
        let mut world = world();
        assert_eq!(world.call("softSensorSet", &[2, 1, 0, 1_000]), Ok(0));
        assert_eq!(world.call("captureStart", &[32, 2]), Ok(0));
        world.clock.set(1_000);
        world.sockets.raise(5);
        world.sockets.raise(6);
        assert_eq!(world.call("events", &[0, 3]), Ok(0)); // not even one word
        assert_eq!(world.call("events", &[0, 8]), Ok(2));
        assert_eq!(world.memory[..8], [1, 0, 0, 0, 3, 5, 0, 0]);
        assert_eq!(world.call("events", &[0, 8]), Ok(1));
        assert_eq!(world.memory[..4], [3, 6, 0, 0]);
        assert_eq!(world.call("events", &[0, 8]), Ok(0));
    }

    #[test]
    fn a_frame_is_captured_with_its_time() {
        let mut world = world();
        world.clock.set(5_000_000_000);
        assert_eq!(world.call("softSensorSet", &[2, 2, 0, 1_000]), Ok(Fault::Refused as i32));
        assert_eq!(world.call("softSensorSet", &[2, 1, 3, 1_000]), Ok(Fault::Refused as i32)); // it makes no JPEG
        assert_eq!(world.call("softSensorSet", &[2, 1, 0, 1_000]), Ok(0));
        assert_eq!(world.call("captureStart", &[32, 3]), Ok(Fault::Refused as i32));
        world.clock.set(5_000_001_500);
        assert_eq!(world.call("captureStart", &[32, 2]), Ok(0));
        assert_eq!(world.call("capturePoll", &[0, 8]), Ok(Fault::Again as i32));
        world.clock.set(5_000_002_000);
        assert_eq!(world.call("capturePoll", &[0, 8]), Ok(2));
        assert_eq!(world.memory[..8], 5_000_002_000i64.to_le_bytes());
        assert_eq!(world.memory[32..34], [1, 2]);
        assert!(world.call("capturePoll", &[0, 8]).is_err()); // nothing is under way
        assert_eq!(world.call("captureStop", &[]), Ok(0));
    }

    #[test]
    fn frames_go_out_and_cameras_are_heard() {
        let mut world = world();
        assert_eq!(world.call("frameOut", &[0, 0, 0, 0, 0]), Ok(0));
        assert_eq!(world.call("cameraAt", &[0, 0, 64]), Ok(Fault::Again as i32));
        world.memory[60..64].copy_from_slice(&[9, 8, 7, 6]);
        assert_eq!(world.call("frameOut", &[60, 4, 5, 6, 7]), Ok(0));
        assert_eq!(world.call("cameraAt", &[1, 0, 64]), Ok(Fault::Again as i32));
        assert_eq!(world.call("cameraAt", &[0, 0, 27]), Ok(Fault::Refused as i32));
        assert_eq!(world.call("cameraAt", &[0, 0, 28]), Ok(28));
        assert_eq!(world.memory[..16], [5, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 6, 0, 0, 0]);
        assert_eq!(world.memory[16..24], (-2i64).to_le_bytes());
        assert_eq!(world.memory[24..28], *b"echo");
        assert_eq!(world.call("cameraFile", &[24, 3, 0, 8]), Ok(Fault::Missing as i32));
        assert_eq!(world.call("cameraFile", &[24, 4, 0, 3]), Ok(Fault::Refused as i32));
        assert_eq!(world.call("cameraFile", &[24, 4, 24, 8]), Ok(4));
        assert_eq!(world.memory[24..28], [9, 8, 7, 6]);
        world.board.fleet = Box::new(Alone);
        for (name, arguments) in
            [("frameOut", &[0, 4, 1, 1, 1][..]), ("cameraAt", &[0, 0, 64]), ("cameraFile", &[24, 4, 0, 8])]
        {
            assert_eq!(world.call(name, arguments), Ok(Fault::Missing as i32));
        }
    }

    #[test]
    fn settings_and_identity_are_texts() {
        let mut world = world();
        world.memory[40..50].copy_from_slice(b"size empty");
        assert_eq!(world.call("settingGet", &[40, 4, 0, 8]), Ok(7));
        assert_eq!(world.text(7), "320x240");
        assert_eq!(world.call("settingGet", &[40, 4, 0, 6]), Ok(Fault::Refused as i32));
        assert_eq!(world.call("settingGet", &[45, 5, 0, 0]), Ok(0));
        assert_eq!(world.call("settingGet", &[40, 3, 0, 8]), Ok(Fault::Missing as i32));
        let crash = [(3, "unreachable"), (4, "5000000000")];
        for (what, text) in [(0, "test"), (1, "10.1.2.3"), (2, "12")].into_iter().chain(crash) {
            assert_eq!(world.call("identify", &[what, 0, 16]), Ok(text.len() as i32));
            assert_eq!(world.text(text.len() as i32), text);
        }
        assert_eq!(world.call("identify", &[1, 0, 7]), Ok(Fault::Refused as i32));
        world.board.past.crash = None;
        assert_eq!(world.call("identify", &[3, 0, 7]), Ok(0));
        assert_eq!(world.call("identify", &[4, 0, 7]), Ok(0));
    }

    #[test]
    fn settings_are_put_as_texts() {
        let mut world = world();
        world.memory[40..50].copy_from_slice(b"quality40\xff");
        assert_eq!(world.call("settingPut", &[40, 7, 47, 2]), Ok(0));
        assert_eq!(world.call("settingGet", &[40, 7, 0, 8]), Ok(2));
        assert_eq!(world.text(2), "40");
        assert_eq!(world.store.values().get("quality"), Some("40"));
        assert!(world.call("settingPut", &[40, 7, 47, 3]).is_err());
        assert!(world.call("settingPut", &[47, 3, 40, 7]).is_err());
        assert_eq!(world.call("settingPut", &[40, 7, 0, 0]), Ok(0));
        assert_eq!(world.call("settingGet", &[40, 7, 0, 8]), Ok(Fault::Missing as i32));
        world.store.set_full(true);
        assert_eq!(world.call("settingPut", &[40, 7, 47, 2]), Ok(Fault::Refused as i32));
    }

    #[test]
    fn the_sensors_bus_is_written_and_read() {
        let mut world = world();
        let device = EchoBus::DEVICE.into();
        world.memory[8..11].copy_from_slice(&[1, 2, 3]);
        assert_eq!(world.call("busTransfer", &[device, 8, 3, 0, 0]), Ok(Fault::Missing as i32)); // without power
        assert_eq!(world.call("sensorLines", &[1, 0, 24_000_000]), Ok(0));
        assert_eq!(world.sensor_bus.set_lines(), (true, false, 24_000_000));
        assert_eq!(world.call("busTransfer", &[device + 1, 8, 3, 0, 0]), Ok(Fault::Missing as i32));
        assert_eq!(world.call("busTransfer", &[device, 8, 3, 0, 0]), Ok(0));
        assert_eq!(world.call("busTransfer", &[device, 0, 0, 20, 2]), Ok(0));
        assert_eq!(world.memory[20..23], [1, 2, 0]);
        // Reading to where it was written from.
        assert_eq!(world.call("busTransfer", &[device, 9, 2, 8, 4]), Ok(0));
        assert_eq!(world.memory[8..12], [2, 3, 2, 3]);
    }

    #[test]
    fn a_board_without_a_bus_says_so() {
        let mut world = world();
        world.board.sensor_bus = Box::new(NoBus);
        assert_eq!(world.call("sensorLines", &[1, 0, 24_000_000]), Ok(Fault::Missing as i32));
        assert_eq!(world.call("busTransfer", &[0x30, 0, 1, 1, 1]), Ok(Fault::Missing as i32));
    }

    #[test]
    fn the_log_takes_any_bytes() {
        let mut world = world();
        world.memory[..6].copy_from_slice(b"up \xff\xc3\xa9");
        assert_eq!(world.call("log", &[1, 0, 6]), Ok(0));
        assert_eq!(world.call("logRead", &[8, 4]), Ok(1));
        assert_eq!(world.memory[8], b'1'); // the double's line count
        assert_eq!(world.log.take(), [(Level::Warning, "up \u{fffd}\u{e9}".to_string())]);
        assert_eq!(world.board.past.complaint, "");
        assert_eq!(world.call("log", &[0, 0, 2]), Ok(0));
        assert_eq!(world.board.past.complaint, "up");
    }
}
