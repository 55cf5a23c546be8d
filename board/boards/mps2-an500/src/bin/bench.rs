//! Counts the instructions that the JPEG encoder takes, for `make bench`.
//!
//! QEMU runs it with `-icount shift=0`, where an instruction is a nanosecond of the timer's time. The module
//! (tests/bench/encode.ts), the pictures and what to encode come from the PC, as words of the command line (see
//! lib.rs): `module=FILE`, `PICTURE=FILE` for each, and any number of
//! `run=NAME:PICTURE:WIDTH:HEIGHT:FORMAT:SAMPLING:QUALITY`, numbers as the module takes them; `:stages` behind it has
//! the stages counted too. For each run it writes the JPEG file, if there is one, to NAME.jpg and a line to the UART;
//! host/emulator/encode-bench.ts reads both.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use board::settings::Values;
use mps2_an500::{BoardClock, command_line, exit, read_file, read_file_into, take, write_file};
use wasm::runtime::Function;
use wasm::{Host, Instance, Runtime, give_linear_memory};

/// Of the 25 MHz timer, at a nanosecond an instruction.
const INSTRUCTIONS_PER_TICK: u64 = 40;
/// What the module's `next` answers while there is more to encode: `Progress.MORE`.
const MORE: u64 = 0;
/// How far the module's `stages` can take a frame: so many of its `Stage`.
const STAGES: u32 = 7;

/// The module has no imports; it is a mistake if it asks for one.
struct NoImports;

impl Host for NoImports {
    fn call(&mut self, _: usize, _: &mut [u8], _: &[u32]) -> Result<i32, &'static str> {
        Err("the benchmark has no imports")
    }
}

struct Bench {
    clock: BoardClock,
    instance: Instance,
}

/// One way to encode a picture.
struct Run<'a> {
    name: &'a str,
    picture: &'a str,
    /// Width, height, format, sampling and quality, as the module's `start` and `encode` take them.
    how: [u32; 5],
    with_stages: bool,
}

impl<'a> Run<'a> {
    fn parse(text: &'a str) -> Option<Run<'a>> {
        let mut parts = text.split(':');
        let (name, picture) = (parts.next()?, parts.next()?);
        let mut how = [0; 5];
        for number in &mut how {
            *number = parts.next()?.parse().ok()?;
        }
        let with_stages = match parts.next() {
            None => false,
            Some("stages") => true,
            Some(_) => return None,
        };
        parts.next().is_none().then_some(Run { name, picture, how, with_stages })
    }
}

impl Bench {
    fn function(&self, name: &core::ffi::CStr) -> Result<Function, String> {
        self.instance.function(name)
    }

    /// Calls a function; answers its result and how many instructions it took.
    fn count(&mut self, function: Function, arguments: &[u32]) -> Result<(u64, u64), String> {
        let before = self.clock.ticks();
        let result = self.instance.call(function, arguments, &mut NoImports)?;
        Ok((result, (self.clock.ticks() - before) * INSTRUCTIONS_PER_TICK))
    }

    /// Where the module says that something is, in its memory.
    fn address(&mut self, name: &core::ffi::CStr) -> Result<usize, String> {
        let function = self.function(name)?;
        Ok(self.count(function, &[])?.0 as usize)
    }

    /// The file grows over the pixels: they are put there anew for each time.
    fn put(&mut self, picture: &[u8]) -> Result<(), String> {
        let at = self.address(c"frame")?;
        let room = self.instance.memory().get_mut(at..).and_then(|memory| memory.get_mut(..picture.len()));
        room.ok_or("the picture does not fit the module's memory")?.copy_from_slice(picture);
        Ok(())
    }

    fn run(&mut self, run: &Run<'_>, picture: &[u8]) -> Result<String, String> {
        let (encode, start, next) = (self.function(c"encode")?, self.function(c"start")?, self.function(c"next")?);
        // The first frame of a kind also builds the tables, which all that follow use.
        self.put(picture)?;
        self.count(encode, &run.how)?;
        self.put(picture)?;
        let (length, instructions) = self.count(encode, &run.how)?;
        let length = length as u32 as usize;
        let at = self.address(c"output")?;
        let file = self.instance.memory().get(at..).and_then(|memory| memory.get(..length));
        let file = file.ok_or("the file is not in the module's memory")?;
        if !file.is_empty() {
            write_file(&format!("{}.jpg", run.name), file)?;
        }

        self.put(picture)?;
        let (mut slices, mut longest) = (1, self.count(start, &run.how)?.1);
        loop {
            let (progress, took) = self.count(next, &[])?;
            longest = longest.max(took);
            slices += 1;
            if progress as u32 as u64 != MORE {
                break;
            }
        }

        let stages = self.function(c"stages")?;
        let mut counts = String::new();
        for stage in (0..STAGES).filter(|_| run.with_stages) {
            self.put(picture)?;
            let (_, took) = self.count(stages, &[run.how[3], run.how[4], stage])?;
            counts += &format!(" {took}");
        }
        Ok(format!(
            "{}: {instructions} instructions, {length} bytes, {slices} slices, longest {longest}, stages{counts}",
            run.name
        ))
    }
}

fn bench(clock: BoardClock, mut runtime: Runtime, memory: &mut [u8], mut out: impl Write) -> Result<(), String> {
    let words = command_line();
    let given = Values::from_words(words.iter().map(|word| word.as_str()));
    let path = |name: &str| given.get(name).ok_or_else(|| format!("{name}=FILE is missing"));
    let instance = runtime.instantiate(read_file(path("module")?)?)?;
    let mut bench = Bench { clock, instance };
    for word in &words {
        let Some(text) = word.strip_prefix("run=") else { continue };
        let run = Run::parse(text).ok_or_else(|| format!("{word} is not a run"))?;
        let line = bench.run(&run, read_file_into(path(run.picture)?, memory)?)?;
        writeln!(out, "{line}").map_err(|error| format!("{error}"))?;
    }
    Ok(())
}

#[cortex_m_rt::entry]
fn main() -> ! {
    let parts = take();
    give_linear_memory(parts.linear_memory);
    let runtime = Runtime::new(c"board", []);
    bench(parts.clock, runtime, parts.scene_memory, parts.uart).unwrap_or_else(|error| panic!("{error}"));
    exit(true)
}
