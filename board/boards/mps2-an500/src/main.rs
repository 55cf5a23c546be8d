//! The camera on the emulated board.
//!
//! Words of the command line (see lib.rs): `scene=FILE` is what the soft sensor sees, without it none is plugged in;
//! `module=FILE` runs another AOT file than the one in this firmware; `kept=FILE` is what the board keeps, and where;
//! `given=FILE` are settings for this start; `entropy=FILE` is 32 bytes of chance, of which it makes all that it needs;
//! `report` logs how long steps take.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use alloc::format;

use board::fleet::Alone;
use board::imports::{Board, Past};
use board::log::{Level, TextLog};
use board::net::{Network, Sizes};
use board::random::{NoRandom, Random, SeededRandom};
use board::scene::Scene;
use board::sensor_bus::NoBus;
use board::settings::{KeptSettings, Values};
use board::soft_sensor::SoftSensor;
use board::supervisor::Supervisor;
use drivers::lan9118::Lan9118;
use mps2_an500::{NAME, command_line, heap, open_settings, read_file, read_file_into, read_settings, take};
use wasm::engine::{self, Engine};

/// Buffers for 48 x 20 KB: 16 connections of the module's, those that wait, and those that are ending.
const NETWORK: Sizes = Sizes { sockets: 48, receive: 4 << 10, send: 16 << 10, backlog: 12 };

/// The AOT file, at a multiple of 4 for WAMR's loader.
#[repr(C, align(4))]
struct Aligned<T: ?Sized>(T);
static MODULE: &Aligned<[u8]> = &Aligned(*include_bytes!(env!("WASMCAM_AOT")));

#[cortex_m_rt::entry]
fn main() -> ! {
    let mut parts = take();
    let words = command_line();
    let options = Values::from_words(words.iter().map(|word| word.as_str()));
    let report = words.iter().any(|word| word == "report");
    let scene = options.get("scene").map(|path| {
        let file = read_file_into(path, parts.scene_memory).unwrap_or_else(|error| panic!("{error}"));
        Scene::open(file).unwrap_or_else(|error| panic!("{path}: {error}"))
    });
    let module = options.get("module").map(|path| read_file(path).unwrap_or_else(|error| panic!("{error}")));
    // Without it, what is put is there as long as the emulated board.
    let mut settings = KeptSettings::default();
    if let Some(path) = options.get("kept") {
        let (kept, file) = open_settings(path).unwrap_or_else(|error| panic!("{error}"));
        settings.kept = kept;
        settings.store = Some(Box::new(file));
    }
    // QEMU's AN500 has no generator of random numbers: whoever starts the board gives it a seed.
    let mut random: Box<dyn Random> = match options.get("entropy") {
        Some(path) => {
            let seed = read_file(path).unwrap_or_else(|error| panic!("{error}"));
            let seed = seed.try_into().unwrap_or_else(|_| panic!("{path}: 32 bytes are wanted"));
            Box::new(SeededRandom::new(seed))
        }
        None => Box::new(NoRandom),
    };
    if let Some(path) = options.get("given") {
        settings.given = read_settings(path).unwrap_or_else(|error| panic!("{error}"));
    }
    // The soft sensor shows what it was given to show, whatever else was said or kept.
    if let Some(scene) = &scene {
        settings.fixed.set("size", &format!("{}x{}", scene.width, scene.height));
        settings.fixed.set("format", scene.format.name());
    }

    let address = parts.ethernet.address();
    // Without chance it differs between boards at least.
    let mut seed = address.0.iter().fold(0, |seed, &byte| seed << 8 | u64::from(byte)).to_le_bytes();
    let _ = random.fill(&mut seed);
    let past = Past { crash: parts.watch.take_reset_reason(), ..Past::default() };
    parts.watch.start();
    let board = Board {
        name: NAME,
        clock: Box::new(parts.clock),
        sensor_bus: Box::new(NoBus),
        capture: Box::new(SoftSensor::new(scene)),
        sockets: Box::new(Network::new(
            parts.ethernet,
            Lan9118::link_is_up,
            address,
            u64::from_le_bytes(seed),
            NETWORK,
        )),
        fleet: Box::new(Alone),
        settings: Box::new(settings),
        random,
        log: Box::new(TextLog::new(parts.uart)),
        watchdog: Box::new(parts.watch),
        past,
    };
    let engine = Engine::new(engine::runtime(parts.linear_memory), module.unwrap_or(&MODULE.0));
    let mut supervisor = Supervisor::new(engine, board, report.then_some(|| heap().0));
    if let Some((text, _)) = supervisor.board().past.crash.clone() {
        supervisor.board().log(Level::Error, format_args!("{text}"));
    }
    let mut wake_at = supervisor.poll(); // starts the module: all memory is taken now
    let (used, all) = heap();
    supervisor.board().log(Level::Info, format_args!("{NAME}: {used} of {all} bytes of the heap are taken"));
    loop {
        let now = supervisor.board().now();
        parts.sleeper.sleep(wake_at.saturating_sub(now));
        wake_at = supervisor.poll();
    }
}
