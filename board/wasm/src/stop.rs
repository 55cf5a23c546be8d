//! Stops a call of the module's that does not come back.
//!
//! The module's machine code is the only code that runs from RAM. Whoever wants to stop it (a watchdog's interrupt)
//! takes the right to execute RAM away, in the memory protection unit: code of the runtime and of imports goes on and
//! ends what it is at, and the next instruction of the module's is a fault. The fault's handler then has the processor
//! go on at [`landing`], which throws away all that the call had on the stack and answers its caller. So nothing is
//! interrupted but the module's own code; between it and [`call`] there are only frames of WAMR's C that hold nothing.
//! The instance can be dropped then, as after a trap.

#![allow(unsafe_code)] // a stack pointer of before

use core::arch::global_asm;
use core::ffi::{c_int, c_void};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::runtime::ffi::wasm_runtime_call_wasm;

/// How a call ended.
pub enum End {
    Returned,
    /// By an exception, which the instance tells.
    Trapped,
    /// By [`landing`].
    Stopped,
}

const TRAPPED: u32 = 0;
const RETURNED: u32 = 1;

/// Where the module's code was when it was stopped.
static STOPPED_AT: AtomicU32 = AtomicU32::new(0);

/// The stack pointer to which `landing` goes back, during a call; else 0.
static STACK: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" {
    fn wasm_call_stoppable(env: *mut c_void, function: *mut c_void, count: u32, cells: *mut u32) -> u32;
    fn wasm_call_landing();
    /// Of c/bare/where.c.
    fn wasmcam_function_at(instance: *mut c_void, address: usize) -> c_int;
    static mut wasmcam_thrown_at: usize;
}

// All registers that a call preserves (Procedure Call Standard for the Arm Architecture, section 6.1) are saved, so
// that the landing can restore them whatever the module did.
global_asm!(
    ".syntax unified",
    ".thumb",
    ".fpu fpv5-d16",
    ".section .text.wasm_call_stoppable, \"ax\", %progbits",
    ".global wasm_call_stoppable",
    ".type wasm_call_stoppable, %function",
    ".thumb_func",
    "wasm_call_stoppable:",
    "push {{r4-r11, lr}}",
    "sub sp, #4", // a multiple of 8 again
    "vpush {{d8-d15}}",
    "movw r4, #:lower16:{stack}",
    "movt r4, #:upper16:{stack}",
    "str sp, [r4]",
    "bl {call}",
    "uxtb r0, r0", // a bool
    "2:",
    "movw r4, #:lower16:{stack}",
    "movt r4, #:upper16:{stack}",
    "movs r1, #0",
    "str r1, [r4]",
    "vpop {{d8-d15}}",
    "add sp, #4",
    "pop {{r4-r11, pc}}",
    ".global wasm_call_landing",
    ".type wasm_call_landing, %function",
    ".thumb_func",
    "wasm_call_landing:",
    "movw r4, #:lower16:{stack}",
    "movt r4, #:upper16:{stack}",
    "ldr r1, [r4]",
    "mov sp, r1",
    "movs r0, #2",
    "b 2b",
    stack = sym STACK,
    call = sym wasm_runtime_call_wasm,
);

/// As `wasm_runtime_call_wasm`, but can be stopped.
///
/// # Safety
/// As `wasm_runtime_call_wasm`.
pub(crate) unsafe fn call(env: NonNull<c_void>, function: NonNull<c_void>, count: u32, cells: *mut u32) -> End {
    STOPPED_AT.store(0, Ordering::Relaxed);
    // SAFETY: the caller's word; the stub keeps to the calling convention. Nothing of the module's runs before, so
    // nobody else names the place.
    match unsafe {
        wasmcam_thrown_at = 0;
        wasm_call_stoppable(env.as_ptr(), function.as_ptr(), count, cells)
    } {
        TRAPPED => End::Trapped,
        RETURNED => End::Returned,
        _ => End::Stopped,
    }
}

/// It is each board's watchdog that watches.
pub(crate) fn watch() {}

/// In which of the module's functions the last call threw its exception, or was stopped, by its number.
///
/// # Safety
/// The instance is alive, and the call was one of its functions.
pub(crate) unsafe fn place(instance: NonNull<c_void>) -> Option<u32> {
    // SAFETY: the caller's word; the place is written during a call only.
    let function = unsafe {
        let stopped = STOPPED_AT.load(Ordering::Relaxed) as usize;
        wasmcam_function_at(instance.as_ptr(), if stopped == 0 { wasmcam_thrown_at } else { stopped })
    };
    u32::try_from(function).ok()
}

/// Where the processor shall go on instead of in the module's code, at `place`; none while no call is under way.
pub fn landing(place: u32) -> Option<u32> {
    STOPPED_AT.store(place, Ordering::Relaxed);
    let address = wasm_call_landing as *const () as u32;
    (STACK.load(Ordering::Relaxed) != 0).then_some(address & !1) // without the mark of Thumb code
}
