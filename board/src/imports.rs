//! Every import of the module, as assembly/board.ts declares them: one table over small traits of the hardware.
//!
//! The WebAssembly runtime registers its natives from [`IMPORTS`], the binary `import-table` prints it for the test
//! that compares it with the module's own, and the calls check here what comes from the module (addresses, lengths,
//! numbers), so that nothing below meets a wild value. What a call means is written in assembly/board.ts.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::ffi::CStr;

use crate::capture::{Capture, Format, Mode};
use crate::clock::{Clock, Micros};
use crate::fault::{Fault, Mistake, Refusal};
use crate::log::{Level, Log};
use crate::settings::Settings;
use crate::sockets::{Close, Sockets};

/// The import module's name.
pub const MODULE: &CStr = c"board";

/// What a board consists of, as the module sees it.
pub struct Board {
    /// As `make flash BOARD=` names it.
    pub name: &'static str,
    pub clock: Box<dyn Clock>,
    pub capture: Box<dyn Capture>,
    pub sockets: Box<dyn Sockets>,
    pub settings: Box<dyn Settings>,
    pub log: Box<dyn Log>,
    /// How often the module was started afresh. The supervisor counts.
    pub restarts: u32,
}

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

/// One import.
pub struct Import {
    pub name: &'static CStr,
    /// Parameters in parentheses, then the result; `i` is a 32-bit integer. (WAMR's way to write it.)
    pub signature: &'static CStr,
    /// Carries it out: the module's whole memory, and as many arguments as the signature has. An import without a
    /// result answers 0.
    pub call: fn(&mut Board, &mut [u8], &[u32]) -> Result<i32, Mistake>,
}

/// Makes an [`Import`] of a function that is written with the same parameters: the signature cannot differ from it.
macro_rules! import {
    ($name:literal, $function:ident($($parameter:ident: $type:ident),*) $result:literal) => {
        Import {
            name: match CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => panic!("a name without NUL"),
            },
            signature: match CStr::from_bytes_with_nul(concat!("(", $(import!(letter $type),)* ")", $result, "\0").as_bytes()) {
                Ok(signature) => signature,
                Err(_) => panic!("a signature without NUL"),
            },
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
pub static IMPORTS: [Import; 13] = [
    import!("events", events(address: u32, length: u32) "i"),
    import!("tcpListen", tcp_listen(port: u32) "i"),
    import!("tcpAccept", tcp_accept(listener: i32) "i"),
    import!("tcpReceive", tcp_receive(socket: i32, address: u32, length: u32) "i"),
    import!("tcpSend", tcp_send(socket: i32, address: u32, length: u32) "i"),
    import!("tcpClose", tcp_close(socket: i32, how: i32) ""),
    import!("softSensorSet", soft_sensor_set(width: u32, height: u32, format: i32, interval: u32) "i"),
    import!("captureStart", capture_start(address: u32, length: u32) "i"),
    import!("capturePoll", capture_poll(address: u32, length: u32) "i"),
    import!("captureStop", capture_stop() ""),
    import!("settingGet", setting_get(name: u32, name_length: u32, address: u32, length: u32) "i"),
    import!("identify", identify(what: i32, address: u32, length: u32) "i"),
    import!("log", log(level: i32, address: u32, length: u32) ""),
];

/// The sensor's place in what `events` tells.
const SENSOR_HANDLE: u32 = 0;
/// `Ready.READABLE`.
const READABLE: u32 = 1;
const EVENT_BYTES: usize = 4;

/// What `identify` tells: the numbers of `Identity`.
const IDENTITY_BOARD: i32 = 0;
const IDENTITY_ADDRESS: i32 = 1;
const IDENTITY_RESTARTS: i32 = 2;

type Answer = Result<i32, Mistake>;

/// A fault is the call's answer; a mistake ends the module.
fn answer(result: Result<i32, Refusal>) -> Answer {
    match result {
        Ok(value) => Ok(value),
        Err(Refusal::Fault(fault)) => Ok(fault as i32),
        Err(Refusal::Mistake(mistake)) => Err(mistake),
    }
}

fn bytes(memory: &mut [u8], address: u32, length: u32) -> Result<&mut [u8], Mistake> {
    let start = address as usize;
    let end = start.checked_add(length as usize);
    end.and_then(|end| memory.get_mut(start..end)).ok_or(Mistake("an address outside of the module's memory"))
}

/// Bytes that something has to be moved to or from: without any the answer "at least 1" cannot be given.
fn some_bytes(memory: &mut [u8], address: u32, length: u32) -> Result<&mut [u8], Mistake> {
    match length {
        0 => Err(Mistake("a transfer of no bytes")),
        _ => bytes(memory, address, length),
    }
}

/// Copies `text` to the module and answers its length.
fn give_text(memory: &mut [u8], text: &str, address: u32, length: u32) -> Answer {
    let room = bytes(memory, address, length)?;
    let Some(room) = room.get_mut(..text.len()) else { return Ok(Fault::Refused as i32) };
    room.copy_from_slice(text.as_bytes());
    Ok(text.len() as i32)
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

fn soft_sensor_set(board: &mut Board, _: &mut [u8], width: u32, height: u32, format: i32, interval: u32) -> Answer {
    let now = board.now();
    let format = Format::from_number(format).ok_or(Mistake("softSensorSet with an unknown format"))?;
    let set = board.capture.set(now, Mode { width, height, format, interval });
    Ok(set.map_or_else(|fault| fault as i32, |()| 0))
}

fn capture_start(board: &mut Board, memory: &mut [u8], address: u32, length: u32) -> Answer {
    let now = board.now();
    bytes(memory, address, length)?;
    let start = address as usize;
    answer(board.capture.start(now, start..start + length as usize).map(|()| 0))
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

fn setting_get(board: &mut Board, memory: &mut [u8], name: u32, name_length: u32, address: u32, length: u32) -> Answer {
    let name = bytes(memory, name, name_length)?;
    let name = core::str::from_utf8(name).map_err(|_| Mistake("a setting's name that is not UTF-8"))?;
    match board.settings.get(name) {
        Some(value) => give_text(memory, value, address, length),
        None => Ok(Fault::Missing as i32),
    }
}

fn identify(board: &mut Board, memory: &mut [u8], what: i32, address: u32, length: u32) -> Answer {
    let text = match what {
        IDENTITY_BOARD => board.name.to_string(),
        IDENTITY_ADDRESS => board.sockets.address().unwrap_or_default(),
        IDENTITY_RESTARTS => board.restarts.to_string(),
        _ => return Err(Mistake("identify with an unknown question")),
    };
    give_text(memory, &text, address, length)
}

fn log(board: &mut Board, memory: &mut [u8], level: i32, address: u32, length: u32) -> Answer {
    let level = Level::from_number(level).ok_or(Mistake("log with an unknown level"))?;
    let text = String::from_utf8_lossy(bytes(memory, address, length)?);
    board.log(level, format_args!("{text}"));
    Ok(0)
}
