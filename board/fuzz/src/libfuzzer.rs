//! What libFuzzer calls: a program to run, and one to change.

#![allow(unsafe_code)] // called by C

use std::cell::RefCell;
use std::ffi::c_int;
use std::{env, process, slice};

use crate::life::World;
use crate::program::{self, Chance};

thread_local! {
    static WORLD: RefCell<World> = RefCell::new({
        let mut world = crate::world();
        if env::var_os("SHOW").is_some() {
            world.trace();
            world.show_log();
        }
        world
    });
}

unsafe extern "C" {
    fn LLVMFuzzerMutate(data: *mut u8, size: usize, size_max: usize) -> usize;
}

/// # Safety
/// For libFuzzer to call, with an input.
#[unsafe(no_mangle)]
unsafe extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, size: usize) -> c_int {
    // SAFETY: the caller's word; an empty input may have no address.
    let program = if size == 0 { &[] } else { unsafe { slice::from_raw_parts(data, size) } };
    WORLD.with_borrow_mut(|world| {
        let result = world.run(program);
        for line in world.take_trace() {
            println!("{line}");
        }
        if let Err(what) = result {
            crate::tell(&what, program);
            process::abort();
        }
    });
    0
}

/// # Safety
/// For libFuzzer to call, with an input in a room of `size_max` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn LLVMFuzzerCustomMutator(data: *mut u8, size: usize, size_max: usize, seed: u32) -> usize {
    let mut chance = Chance::new(seed.into());
    if chance.below(3) == 0 {
        // SAFETY: the caller's word, passed on.
        return unsafe { LLVMFuzzerMutate(data, size, size_max) };
    }
    // SAFETY: the caller's word.
    let room = unsafe { slice::from_raw_parts_mut(data, size_max) };
    let changed = program::mutate(&room[..size], &mut chance);
    let length = changed.len().min(size_max);
    room[..length].copy_from_slice(&changed[..length]);
    length
}
