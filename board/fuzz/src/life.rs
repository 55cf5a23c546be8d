//! One module's life after another on the board linux: its sockets, its supervisor and the runtime are the real ones,
//! the clock is turned by hand. Between the module and the table of imports stands the judge.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::LazyLock;

use board::capture::Format;
use board::clock::{MILLISECOND, Micros, NEVER, SECOND};
use board::imports::{Board, IMPORTS, Past};
use board::log::TextLog;
use board::scene::Scene;
use board::settings::{KeptSettings, Values};
use board::soft_sensor::SoftSensor;
use board::supervisor::{self, Supervisor, Trap};
use linux_board::settings_file::SettingsFile;
use linux_board::sockets::{KernelSockets, PUSH_PORT};
use linux_board::system::NoWatchdog;
use wasm::runtime::Function;
use wasm::{Host, Instance, Runtime, engine};

use crate::contract::{Call, Contract};
use crate::outside::{Counter, EchoBus, FencedSockets, HandClock, Lines, Peers, SharedGiven, TwoCameras};
use crate::program::{LENGTH, PROGRAM, PROGRAM_BYTES_MAX, WISH};

/// An AOT file, at a multiple of 4 for WAMR's loader.
#[repr(C, align(4))]
struct Aligned<T: ?Sized>(T);
static GLUE: &Aligned<[u8]> = &Aligned(*include_bytes!(env!("WASMCAM_GLUE_AOT")));
static CAMERA: &Aligned<[u8]> = &Aligned(*include_bytes!(env!("WASMCAM_AOT")));

/// Pixels of the soft sensor's frames.
const WIDTH: u16 = 64;
const HEIGHT: u16 = 48;
/// What a program can't have a module do more often.
const STEPS_MAX: usize = 3000;
/// Lives between two in which the camera's own module has to serve a picture.
const PICTURE_EVERY: u64 = 500;
/// How often it is asked for one, how long, and when.
const ATTEMPTS: u32 = 20;
const STEPS_FOR_PICTURE: u32 = 400;
const STEPS_BEFORE_ASKING: u32 = 100;

/// How often an import did what was asked, answered a fault, and stopped the module.
#[derive(Clone, Copy, Default)]
struct Tally {
    done: u64,
    faults: u64,
    mistakes: u64,
}

/// What the lives have in common.
struct Shared {
    /// None: the camera's own.
    program: Option<Vec<u8>>,
    contract: Contract,
    peers: Peers,
    given: SharedGiven,
    clock: HandClock,
    /// The memory before a call.
    before: Vec<u8>,
    tally: [Tally; IMPORTS.len()],
    /// What is wrong, the first that was found.
    found: Option<String>,
    trace: Option<Vec<String>>,
    /// The module is to be stopped at its next call.
    is_over: bool,
}

impl Shared {
    /// Does what the module has asked of the world outside.
    fn grant(&mut self, memory: &mut [u8]) {
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| memory[WISH + 4 * at + byte]));
        let [is_asked, what, which, how_much] = [0, 1, 2, 3].map(word);
        if is_asked == 1 {
            memory[WISH..WISH + 4].fill(0);
            // The module writes bytes there, but a call may have written over them.
            let [what, which, how_much] = [what, which, how_much].map(|word| word & 0xff);
            self.peers.happen(what, which, how_much, &self.clock);
        }
    }
}

type SharedLife = Rc<RefCell<Shared>>;

/// The judge: has the board do what the module asks, and looks at what it did.
struct Judge<'a> {
    board: &'a mut Board,
    shared: &'a SharedLife,
}

impl Host for Judge<'_> {
    fn call(&mut self, native: usize, memory: &mut [u8], arguments: &[u32]) -> Result<i32, &'static str> {
        let mut shared = self.shared.borrow_mut();
        let shared = &mut *shared;
        if shared.is_over {
            return Err("its life is over");
        }
        // The camera's own module is watched by nobody, so that it is quick: it has megabytes.
        if shared.program.is_none() {
            return Host::call(self.board, native, memory, arguments);
        }
        shared.grant(memory);
        shared.before.clear();
        shared.before.extend_from_slice(memory);
        let call = Call { import: native, arguments, before: &shared.before };
        let is_mistake = shared.contract.is_mistake(&call);
        let result = Host::call(self.board, native, memory, arguments);
        if let Some(trace) = &mut shared.trace {
            // A line of JSON, for people and for the test that asks Node the same.
            let (name, now) = (IMPORTS[native].name.to_string_lossy(), shared.clock.time());
            let answer = result.map_or_else(|text| format!("{text:?}"), |answer| answer.to_string());
            let written = given_by_world(&name, arguments, result.unwrap_or(-1));
            let written = written.and_then(|range| memory.get(range)).unwrap_or_default();
            trace.push(format!("[\"{name}\", {now}, {arguments:?}, {answer}, {written:?}]"));
        }
        let tally = &mut shared.tally[native];
        match result {
            Ok(0..) => tally.done += 1,
            Ok(_) => tally.faults += 1,
            Err(_) => tally.mistakes += 1,
        }
        let verdict = match result {
            Err(_) if is_mistake => shared.contract.look_at_refused(&call, memory),
            Err(text) => Err(format!("it stops the module, by \"{text}\", for what is no mistake")),
            Ok(answer) if is_mistake => Err(format!("it answers {answer} to what is a mistake")),
            Ok(answer) => {
                let mut given = shared.given.borrow_mut();
                shared.contract.judge(&call, memory, answer, &shared.peers, &mut given)
            }
        };
        match verdict {
            Ok(()) => result,
            Err(what) => {
                let name = IMPORTS[native].name.to_string_lossy();
                shared.found.get_or_insert(format!("{name}({arguments:?}) answers {result:?}: {what}"));
                Err("the judge has found something")
            }
        }
    }
}

/// Where a call has put what no other host can know, if it has.
fn given_by_world(name: &str, arguments: &[u32], answer: i32) -> Option<Range<usize>> {
    let count = usize::try_from(answer).ok()?;
    let (at, bytes) = match name {
        "events" => (arguments[0], 4 * count),
        "logRead" => (arguments[0], count),
        "tcpPeer" | "tcpReceive" | "identify" => (arguments[1], count),
        "random" => (arguments[0], arguments[1] as usize),
        _ => return None,
    };
    Some(at as usize..at as usize + bytes)
}

struct Engine {
    runtime: Runtime,
    shared: SharedLife,
}

struct Life {
    instance: Instance,
    step: Function,
    shared: SharedLife,
}

impl supervisor::Engine for Engine {
    type Instance = Life;

    fn start(&mut self) -> Result<Life, Trap> {
        let file = if self.shared.borrow().program.is_some() { &GLUE.0 } else { &CAMERA.0 };
        let mut instance = self.runtime.instantiate(file)?;
        if let Some(program) = &self.shared.borrow().program {
            let memory = instance.memory();
            memory[LENGTH..LENGTH + 4].copy_from_slice(&(program.len() as u32).to_le_bytes());
            memory[PROGRAM..PROGRAM + program.len()].copy_from_slice(program);
        }
        let step = instance.function(c"step")?;
        Ok(Life { instance, step, shared: self.shared.clone() })
    }
}

impl supervisor::Instance for Life {
    fn begin(&mut self, board: &mut Board) -> Result<(), Trap> {
        let begin = self.instance.function(c"begin")?;
        self.shared.borrow_mut().contract = Contract::default();
        self.instance.call(begin, &[], &mut Judge { board, shared: &self.shared }).map(|_| ())
    }

    fn step(&mut self, board: &mut Board, now: Micros) -> Result<Micros, Trap> {
        let cells = [now as u32, (now >> 32) as u32];
        let next = self.instance.call(self.step, &cells, &mut Judge { board, shared: &self.shared })?;
        let mut shared = self.shared.borrow_mut();
        if shared.program.is_some() {
            shared.grant(self.instance.memory());
        }
        Ok(next as Micros)
    }
}

/// A board, and those around it, for any number of lives.
pub struct World {
    supervisor: Supervisor<Engine>,
    shared: SharedLife,
    clock: HandClock,
    settings: PathBuf,
    lives: u64,
}

/// The scene that the soft sensor plays. (Not leaked: the fuzzer looks for what is.)
static SCENE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut file = b"WCSC\x01".to_vec();
    file.push(Format::Gray as u8);
    for number in [WIDTH, HEIGHT, WIDTH, HEIGHT, 1, 1, 0, 0, 0, 0] {
        file.extend(number.to_le_bytes());
    }
    file.resize(file.len().next_multiple_of(4), 0);
    file.extend((0..usize::from(WIDTH) * usize::from(HEIGHT)).map(|at| at as u8));
    file
});

impl World {
    /// `settings`: a file for what modules have kept, of this world alone.
    pub fn new(settings: PathBuf) -> io::Result<World> {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut sockets = KernelSockets::bind(here)?;
        let ports = [sockets.local_address(), sockets.add_port(PUSH_PORT, here)?];
        let dialed = TcpListener::bind(here)?;
        dialed.set_nonblocking(true)?;
        let dialed_port = dialed.local_addr()?.port();
        let (clock, given) = (HandClock::default(), SharedGiven::default());
        let shared = Rc::new(RefCell::new(Shared {
            program: None,
            contract: Contract::default(),
            peers: Peers::new(ports, Rc::new(dialed)),
            given: given.clone(),
            clock: clock.clone(),
            before: vec![],
            tally: Default::default(),
            found: None,
            trace: None,
            is_over: false,
        }));
        let board = Board {
            name: "linux",
            clock: Box::new(clock.clone()),
            sensor_bus: Box::new(EchoBus(given.clone())),
            capture: Box::new(SoftSensor::new(Some(Scene::open(&SCENE).expect("a scene")))),
            sockets: Box::new(FencedSockets { sockets, dialed: dialed_port }),
            fleet: Box::new(TwoCameras(given.clone())),
            settings: Box::new(KeptSettings::default()),
            random: Box::new(Counter(0)),
            log: Box::new(TextLog::new(Lines(given))),
            watchdog: Box::new(NoWatchdog),
            past: Past::default(),
        };
        let engine = Engine { runtime: engine::runtime(), shared: shared.clone() };
        let supervisor = Supervisor::new(engine, board, None);
        Ok(World { supervisor, shared, clock, settings, lives: 0 })
    }

    /// What came of the calls so far: a line for each import.
    #[cfg(not(libfuzzer))]
    pub fn tally(&self) -> String {
        let names = IMPORTS.iter().map(|import| import.name.to_string_lossy());
        let line = |(name, tally): (_, &Tally)| {
            let Tally { done, faults, mistakes } = tally;
            format!("{name}: {done} done, {faults} faults, {mistakes} mistakes\n")
        };
        names.zip(&self.shared.borrow().tally).map(line).collect()
    }

    /// From here on all calls are kept: name, time, arguments, the answer or why it stopped the
    /// module, and what it was given of the world.
    pub fn trace(&mut self) {
        self.shared.borrow_mut().trace = Some(vec![]);
    }

    /// The calls since it was asked last.
    pub fn take_trace(&mut self) -> Vec<String> {
        self.shared.borrow_mut().trace.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Shows the log.
    pub fn show_log(&mut self) {
        self.shared.borrow().given.borrow_mut().console = true;
    }

    /// A new life: the one before is over, and nothing of it is left.
    fn begin(&mut self, program: Option<&[u8]>) -> Result<(), String> {
        self.clock.advance(61 * SECOND); // it counts as steady
        let _ = fs::remove_file(&self.settings);
        let (kept, file) = SettingsFile::open(&self.settings)?;
        let mut settings = KeptSettings { kept, store: Some(Box::new(file)), ..Default::default() };
        if program.is_none() {
            settings.fixed = Values::from_words(["size=64x48", "format=gray"]);
        }
        let board = self.supervisor.board();
        board.settings = Box::new(settings);
        if board.has_event(self.clock.time()) {
            return Err("something is left of the life before".to_string());
        }
        let mut shared = self.shared.borrow_mut();
        shared.program = program.map(|program| program[..program.len().min(PROGRAM_BYTES_MAX)].to_vec());
        shared.found = None;
        Ok(())
    }

    /// Goes on: one poll of the supervisor's, at the time for which it asked.
    fn go_on(&mut self) {
        let wake_at = self.supervisor.poll();
        if wake_at < NEVER {
            self.clock.advance_to(wake_at);
        } else {
            self.clock.advance(MILLISECOND);
        }
    }

    /// Has a program run to its end, and says what is wrong, if something is.
    pub fn run(&mut self, program: &[u8]) -> Result<(), String> {
        self.lives += 1;
        if self.lives % PICTURE_EVERY == 0 {
            self.serve_picture()?;
        }
        self.begin(Some(program))?;
        let before = self.supervisor.board().past.restarts;
        for _ in 0..STEPS_MAX {
            self.go_on();
            if self.supervisor.board().past.restarts > before {
                return self.look_back();
            }
        }
        Err("the program does not come to its end".to_string())
    }

    /// After a program's end.
    fn look_back(&mut self) -> Result<(), String> {
        let mut shared = self.shared.borrow_mut();
        let shared = &mut *shared;
        if let Some(found) = shared.found.take() {
            shared.peers.end();
            return Err(found);
        }
        for peer in 0..shared.peers.len() {
            shared.peers.read(peer, 1 << 20);
        }
        let peers = shared.contract.look_at_peers(shared.peers.received());
        shared.peers.end();
        peers?;
        if let Some(line) = shared.given.borrow_mut().bad_line.take() {
            return Err(format!("a line of the log is none: {line:?}"));
        }
        let (kept, _) = SettingsFile::open(&self.settings)?;
        let _ = fs::remove_file(&self.settings); // there may be none
        let is_kept = |(name, value): (&String, &String)| kept.get(name) == Some(value);
        if kept.iter().count() != shared.contract.settings().len() || !shared.contract.settings().iter().all(is_kept) {
            return Err("the file of settings has others than were put".to_string());
        }
        Ok(())
    }

    /// The camera's own module serves a picture, as if nothing had been.
    pub fn serve_picture(&mut self) -> Result<(), String> {
        self.begin(None)?;
        let before = self.supervisor.board().past.restarts;
        let mut said = String::new();
        // It makes its first frame for the first who asks, and has none for that one.
        for _ in 0..ATTEMPTS {
            let answer = self.ask_for_picture();
            if let Some(found) = self.shared.borrow_mut().found.take() {
                return Err(format!("with the camera's own module: {found}"));
            }
            if self.supervisor.board().past.restarts > before {
                return Err("the camera's own module stopped".to_string());
            }
            if is_picture(&answer) {
                self.stop_camera()?;
                let _ = fs::remove_file(&self.settings); // it made a secret
                return Ok(());
            }
            said = answer.escape_ascii().to_string();
        }
        Err(format!("the camera's own module serves no picture: {said:.300}"))
    }

    fn ask_for_picture(&mut self) -> Vec<u8> {
        for step in 0..STEPS_FOR_PICTURE {
            self.go_on();
            let peers = &mut self.shared.borrow_mut().peers;
            if step == STEPS_BEFORE_ASKING {
                peers.connect(0, false);
                peers.ask(0, b"GET /snapshot.jpg HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
            }
            peers.read(0, 1 << 16);
        }
        let peers = &mut self.shared.borrow_mut().peers;
        let answer = peers.received().next().unwrap_or_default().to_vec();
        peers.end();
        answer
    }

    /// The camera's module goes on for ever: it is stopped, so that the next can begin.
    fn stop_camera(&mut self) -> Result<(), String> {
        let before = self.supervisor.board().past.restarts;
        self.shared.borrow_mut().is_over = true;
        for _ in 0..STEPS_MAX {
            self.clock.advance(SECOND);
            self.go_on();
            if self.supervisor.board().past.restarts > before {
                self.shared.borrow_mut().is_over = false;
                return Ok(());
            }
        }
        Err("the camera's own module does not stop".to_string())
    }
}

/// Whether an answer to a request is a whole picture.
fn is_picture(answer: &[u8]) -> bool {
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n").map(|end| &answer[end + 4..]);
    let is_whole = |body: &[u8]| body.starts_with(&[0xff, 0xd8]) && body.ends_with(&[0xff, 0xd9]);
    answer.starts_with(b"HTTP/1.1 200 ") && body.is_some_and(is_whole)
}
