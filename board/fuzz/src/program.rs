//! Programs of calls, as tests/fuzz/glue.as.ts reads them: made by chance, changed by chance, cut into operations.

use std::fmt::Write;
use std::ops::Range;

use board::imports::IMPORTS;

/// Where the module looks for a program, and for its length; what it asks of the world outside, before that.
pub const WISH: usize = 16;
pub const LENGTH: usize = 192;
pub const PROGRAM: usize = 1024;
pub const PROGRAM_BYTES_MAX: usize = 2048;
const SCRATCH: u32 = 16384;

/// Operations that are no imports.
const PUT: u8 = 23;
const WISH_OPERATION: u8 = 24;
const REST: u8 = 25;
const GROW: u8 = 26;
const LOAD: u8 = 27;
const OPERATIONS: u8 = 28;

/// Chance that repeats: xorshift64*.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// Below `many`.
    pub fn below(&mut self, many: usize) -> usize {
        (self.next() % many as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    fn any<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// What a parameter means: an argument that makes sense is of that kind.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Address,
    Length,
    /// The first socket's, in most programs.
    Listener,
    Connection,
    /// One of both.
    Socket,
    Port,
    /// On the bus.
    Device,
    /// A small number: a level, a format, a question, an index.
    Choice,
    Number,
}

/// The parameters of an import, by its place in the table.
fn kinds(import: usize) -> &'static [Kind] {
    use Kind::*;
    match IMPORTS[import].name.to_bytes() {
        b"events" | b"captureStart" | b"capturePoll" | b"random" | b"logRead" => &[Address, Length],
        b"tcpListen" => &[Port],
        b"tcpAccept" => &[Listener],
        b"tcpConnect" => &[Address, Length, Port],
        b"tcpPeer" | b"tcpReceive" | b"tcpSend" => &[Connection, Address, Length],
        b"tcpClose" => &[Socket, Choice],
        b"sensorLines" => &[Choice, Choice, Number],
        b"busTransfer" => &[Device, Address, Length, Address, Length],
        b"softSensorSet" => &[Number, Number, Choice, Number],
        b"captureStop" => &[],
        b"frameOut" => &[Address, Length, Number, Number, Number],
        b"cameraAt" | b"identify" | b"log" => &[Choice, Address, Length],
        b"cameraFile" | b"settingGet" | b"settingPut" => &[Address, Length, Address, Length],
        other => panic!("an import that the fuzzer does not know: {}", String::from_utf8_lossy(other)),
    }
}

/// Bytes that an argument of this kind takes, its first one included.
fn argument_bytes(first: u8) -> usize {
    match first & 7 {
        0 | 2 | 3 | 6 => 2,
        1 => 5,
        4 => 3,
        _ => 1,
    }
}

/// Where each operation of a program lies.
pub fn operations(program: &[u8]) -> Vec<Range<usize>> {
    let mut ranges = vec![];
    let mut at = 0;
    while at < program.len() {
        let start = at;
        let operation = program[at] % OPERATIONS;
        at += 1;
        let argument = |at: &mut usize| *at += argument_bytes(program.get(*at).copied().unwrap_or(0));
        match operation {
            PUT => {
                argument(&mut at);
                at += 1 + usize::from(program.get(at).copied().unwrap_or(0));
            }
            WISH_OPERATION => at += 3,
            REST => at += 1,
            GROW | LOAD => argument(&mut at),
            import => (0..kinds(import.into()).len()).for_each(|_| argument(&mut at)),
        }
        at = at.min(program.len());
        ranges.push(start..at);
    }
    ranges
}

/// Texts that a program puts into its memory: names of hosts and settings, values, and what is not UTF-8.
const TEXTS: [&[u8]; 14] = [
    b"127.0.0.1",
    b"::1",
    b"two",
    b"peer",
    b"nobody",
    b"10.0.0.1",
    b"size",
    b"fps",
    b"front",
    b"a\xc3\xa9\"\\\x01\xe2\x80\xa8",
    b"\xff\xfe",
    b"\xe2\x82",
    b"",
    b"a\0b",
];
/// Handles are small; a frame of the scene, and what a call may be told of it.
const NUMBERS: [u32; 12] = [0, 1, 2, 64, 48, 3072, 33_333, 24_000_000, 65_535, 65_536, 0x7fff_ffff, 0x8000_0000];
const LENGTHS: [u32; 16] = [0, 1, 3, 4, 8, 8, 8, 8, 16, 23, 24, 56, 257, 3072, 16_384, 65_536];

fn literal(program: &mut Vec<u8>, value: u32) {
    match u8::try_from(value) {
        Ok(small) if small < 32 => program.push(7 | small << 3),
        Ok(small) => program.extend([0, small]),
        Err(_) => {
            program.push(1);
            program.extend(value.to_le_bytes());
        }
    }
}

/// An argument that makes sense, but for one in some sixty: the first mistake ends a program.
fn argument(program: &mut Vec<u8>, kind: Kind, chance: &mut Chance) {
    if chance.below(60) == 0 {
        let byte = chance.byte();
        match (chance.below(4), kind) {
            (0, Kind::Address) => program.extend([2, byte % 10]),
            (1, Kind::Address) => program.extend([3, byte % 10]),
            (0, Kind::Length) => program.extend([2, byte]),
            (1, Kind::Length) => program.extend([6, byte]),
            _ => {
                program.push(byte);
                (1..argument_bytes(byte)).for_each(|_| program.push(chance.byte()));
            }
        }
        return;
    }
    match (chance.below(20), kind) {
        (_, Kind::Address) => program.extend([4, chance.below(4) as u8 * 16, chance.below(4) as u8 * 16]),
        (0..=11, Kind::Length) => literal(program, *chance.any(&LENGTHS)),
        (_, Kind::Length) => literal(program, 1 + chance.below(20) as u32),
        (0, Kind::Listener) => literal(program, 2),
        (_, Kind::Listener) => literal(program, 1),
        (0..=5, Kind::Socket) => literal(program, 1),
        (0..=1, Kind::Connection) => literal(program, 3 + chance.below(3) as u32),
        (2, Kind::Connection) | (6, Kind::Socket) => program.push(5 | (chance.below(4) as u8) << 3),
        (_, Kind::Connection | Kind::Socket) => literal(program, 2),
        (_, Kind::Port) => literal(program, *chance.any(&[80, 80, 9999, 9999, 1, 0, 65_536])),
        (0, Kind::Device) => literal(program, *chance.any(&[0x7f, 0x80, 0x100])),
        (_, Kind::Device) => literal(program, chance.below(4) as u32),
        (0..=17, Kind::Choice) => literal(program, chance.below(2) as u32),
        (_, Kind::Choice) => literal(program, chance.below(6) as u32),
        (_, Kind::Number) => literal(program, *chance.any(&NUMBERS)),
    }
}

fn call(program: &mut Vec<u8>, name: &[u8], chance: &mut Chance) {
    let import = IMPORTS.iter().position(|import| import.name.to_bytes() == name).expect("an import of that name");
    program.push(import as u8);
    kinds(import).iter().for_each(|&kind| argument(program, kind, chance));
}

/// A text at the beginning of where addresses mostly lead, and a call that wants one there.
fn call_with_text(program: &mut Vec<u8>, chance: &mut Chance) {
    let text = *chance.any(&TEXTS);
    program.extend([PUT, 4, 0, 0, text.len() as u8]);
    program.extend(text);
    let rest = *chance.any(&[&b"tcpConnect"[..], b"settingGet", b"settingPut", b"cameraFile", b"log"]);
    let import = IMPORTS.iter().position(|import| import.name.to_bytes() == rest).expect("an import of that name");
    program.push(import as u8);
    let mut is_first = true;
    for pair in kinds(import).chunk_by(|a, b| (*a, *b) == (Kind::Address, Kind::Length)) {
        if pair.len() == 2 && (is_first || chance.below(2) == 0) {
            program.extend([4, 0, 0]);
            literal(program, text.len() as u32);
            is_first = false;
        } else {
            pair.iter().for_each(|&kind| argument(program, kind, chance));
        }
    }
    if chance.below(2) == 0 {
        program.extend([17, 4, 0, 0]); // settingGet, to behind that
        literal(program, text.len() as u32);
        program.extend([4, 0, 1]);
        literal(program, *chance.any(&LENGTHS));
    }
}

/// Appends an operation, or a few that make sense together.
fn operate(program: &mut Vec<u8>, chance: &mut Chance) {
    match chance.below(24) {
        0..=2 => call_with_text(program, chance),
        3..=8 => program.extend([WISH_OPERATION, chance.below(12) as u8, chance.below(4) as u8, chance.byte()]),
        9..=10 => program.extend([REST, *chance.any(&[0, 1, 30, 255])]),
        11 => program.extend([*chance.any(&[GROW, LOAD]), 0, chance.byte()]),
        12..=13 => {
            // Frames of the scene, asked for and taken.
            program.extend([10, 0, 64, 0, 48, 7, 1, 0x10, 0x27, 0, 0]); // softSensorSet(64, 48, GRAY, 10000)
            program.extend([11, 4, chance.byte(), chance.byte(), 1, 0, 12, 0, 0]); // captureStart(…, 3072)
            program.extend([REST, 20, 12, 4, chance.byte(), 2, 7 | 8 << 3]); // capturePoll(…, 8)
        }
        14 => {
            // Somebody connects, and says something.
            program.extend([WISH_OPERATION, 1, 0, chance.byte(), 2, 7 | 1 << 3]); // tcpAccept(1)
            program.extend([WISH_OPERATION, 2, chance.below(3) as u8, chance.byte(), REST, 0]);
            program.extend([5, 7 | 2 << 3, 4, chance.byte(), 0]); // tcpReceive(2, …)
            literal(program, *chance.any(&LENGTHS[1..]));
        }
        15 => {
            // Somebody is dialed, and comes.
            let name = *chance.any(&TEXTS[..5]);
            program.extend([PUT, 4, 0, 0, name.len() as u8]);
            program.extend(name);
            program.extend([3, 4, 0, 0]); // tcpConnect
            literal(program, name.len() as u32);
            literal(program, *chance.any(&[81, 80]));
            program.extend([WISH_OPERATION, 8, 0, 255, REST, 1, WISH_OPERATION, 7, 0, 0]);
        }
        _ => {
            let import = chance.below(IMPORTS.len());
            call(program, IMPORTS[import].name.to_bytes(), chance);
        }
    }
}

/// A program of up to some sixty operations.
#[cfg(not(libfuzzer))]
pub fn program(chance: &mut Chance) -> Vec<u8> {
    let mut program = vec![];
    if chance.below(8) > 0 {
        program.extend([1, 0, 80, WISH_OPERATION, 1, 0, 0, REST, 0, 2, 7 | 1 << 3]); // tcpListen(80), tcpAccept(1)
    }
    for _ in 0..2 + chance.below(60) {
        operate(&mut program, chance);
    }
    program.truncate(PROGRAM_BYTES_MAX);
    program
}

/// Changes a program by whole operations.
pub fn mutate(program: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut parts: Vec<Vec<u8>> = operations(program).into_iter().map(|range| program[range].to_vec()).collect();
    for _ in 0..=chance.below(3) {
        let at = chance.below(parts.len() + 1);
        let mut new = vec![];
        match chance.below(5) {
            0 if at < parts.len() => drop(parts.remove(at)),
            1 if at < parts.len() => parts.insert(chance.below(parts.len()), parts[at].clone()),
            2 if at < parts.len() && parts[at].len() > 1 => {
                // The same operation, with another byte.
                let within = 1 + chance.below(parts[at].len() - 1);
                parts[at][within] = chance.byte();
            }
            3 if at < parts.len() && usize::from(parts[at][0] % OPERATIONS) < IMPORTS.len() => {
                let import = usize::from(parts[at][0] % OPERATIONS);
                call(&mut new, IMPORTS[import].name.to_bytes(), chance);
                parts[at] = new;
            }
            _ => {
                operate(&mut new, chance);
                parts.insert(at, new);
            }
        }
    }
    let mut changed = parts.concat();
    changed.truncate(PROGRAM_BYTES_MAX);
    changed
}

/// The fewest of its operations with which a program still does what `fails` says.
#[cfg(not(libfuzzer))]
pub fn shrink(program: &[u8], mut fails: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut parts: Vec<Vec<u8>> = operations(program).into_iter().map(|range| program[range].to_vec()).collect();
    let mut size = parts.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < parts.len() {
            let mut fewer = parts.clone();
            fewer.drain(at..(at + size).min(parts.len()));
            if fails(&fewer.concat()) {
                parts = fewer;
            } else {
                at += size;
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    parts.concat()
}

/// A program for people: an operation a line.
pub fn show(program: &[u8]) -> String {
    let mut text = String::new();
    for range in operations(program) {
        let part = &program[range];
        let operation = part[0] % OPERATIONS;
        let names = ["put", "wish", "rest", "grow", "load"];
        let name = match IMPORTS.get(usize::from(operation)) {
            Some(import) => import.name.to_string_lossy().into_owned(),
            None => names[usize::from(operation - PUT)].to_string(),
        };
        let mut words = vec![];
        if let WISH_OPERATION | REST = operation {
            words.extend(part[1..].iter().map(u8::to_string));
        } else {
            let mut rest = &part[1..];
            while let Some(&first) = rest.first() {
                let (argument, after) = rest.split_at(argument_bytes(first).min(rest.len()));
                words.push(show_argument(argument));
                rest = after;
                if operation == PUT {
                    words.push(format!("\"{}\"", rest.get(1..).unwrap_or_default().escape_ascii()));
                    break;
                }
            }
        }
        // Writing to a String does not fail.
        let _ = writeln!(text, "  {name}({})", words.join(", "));
    }
    text
}

fn show_argument(argument: &[u8]) -> String {
    let byte = |at: usize| u32::from(argument.get(at).copied().unwrap_or(0));
    let more = byte(0) >> 3;
    match argument[0] & 7 {
        0 => byte(1).to_string(),
        1 => format!("{:#x}", byte(1) | byte(2) << 8 | byte(3) << 16 | byte(4) << 24),
        2 => format!("end - {}", byte(1)),
        3 => format!("end + {}", byte(1)),
        4 => (SCRATCH + (byte(1) | byte(2) << 8)).to_string(),
        5 if more == 0 => "result".to_string(),
        5 => format!("result {more} before"),
        6 => format!("-{}", byte(1)),
        _ => more.to_string(),
    }
}
