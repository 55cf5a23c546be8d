//! `make fuzz TARGET=glue`: what is between a module and the board linux (WAMR, the trampoline, the table of imports,
//! the kernel's sockets, settings, the log), given programs of calls that no module of ours would make.
//!
//! Built for libFuzzer it is one of its targets. By itself it makes programs from a seed, or runs the files that it is
//! given; what it finds it makes as short as it can, and shows.

#![cfg_attr(libfuzzer, no_main)]

mod contract;
#[cfg(libfuzzer)]
mod libfuzzer;
mod life;
mod names;
mod outside;
mod program;

use std::path::PathBuf;
use std::{env, process};

use life::World;

/// A world of this process's own.
fn world() -> World {
    let shared_memory = PathBuf::from("/dev/shm");
    let folder = if shared_memory.is_dir() { shared_memory } else { env::temp_dir() };
    World::new(folder.join(format!("wasmcam-fuzz-{}", process::id()))).expect("ports of this machine")
}

/// Writes what was found, and the program that does it.
fn tell(what: &str, program: &[u8]) {
    eprintln!("FOUND: {what}\n{}program: {}", program::show(program), program.escape_ascii());
}

#[cfg(not(libfuzzer))]
const USAGE: &str = "usage: fuzz-glue --seed NUMBER --programs NUMBER [--trace] | fuzz-glue FILE...";

#[cfg(not(libfuzzer))]
fn main() -> process::ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut world = world();
    let result = match words[..] {
        ["--seed", seed, "--programs", programs, ref rest @ ..] if rest.is_empty() || rest == ["--trace"] => {
            match (seed.parse(), programs.parse()) {
                (Ok(seed), Ok(programs)) => try_programs(&mut world, seed, programs, !rest.is_empty()),
                _ => Err(USAGE.to_string()),
            }
        }
        [] => Err(USAGE.to_string()),
        _ => run_files(&mut world, &words),
    };
    match result {
        Ok(()) => process::ExitCode::SUCCESS,
        Err(line) => {
            eprintln!("{line}");
            process::ExitCode::FAILURE
        }
    }
}

/// Programs of a seed, in turns new ones and changed ones, and in the end a picture.
#[cfg(not(libfuzzer))]
fn try_programs(world: &mut World, seed: u64, programs: u64, with_trace: bool) -> Result<(), String> {
    let mut last = vec![];
    if with_trace {
        world.trace();
    }
    for number in 0..programs {
        let mut chance = program::Chance::new(seed << 32 | number);
        let program = if number % 2 == 0 { program::program(&mut chance) } else { program::mutate(&last, &mut chance) };
        let result = world.run(&program);
        if with_trace {
            let calls = world.take_trace().join(", ");
            println!("{{\"program\": {program:?}, \"calls\": [{calls}]}}");
        }
        if let Err(what) = result {
            let few = program::shrink(&program, |fewer| world.run(fewer).is_err());
            tell(&what, &few);
            return Err(format!("program {number} of seed {seed}"));
        }
        last = program;
    }
    world.serve_picture()?;
    eprint!("{}", world.tally());
    Ok(())
}

/// Programs that were kept.
#[cfg(not(libfuzzer))]
fn run_files(world: &mut World, paths: &[&str]) -> Result<(), String> {
    let shows = env::var_os("SHOW").is_some();
    if shows {
        world.trace();
        world.show_log();
    }
    for path in paths {
        let program = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
        if shows {
            print!("{}", program::show(&program));
        }
        let result = world.run(&program);
        for line in world.take_trace() {
            println!("{line}");
        }
        if let Err(what) = result {
            tell(&what, &program);
            return Err(path.to_string());
        }
    }
    world.serve_picture()
}
