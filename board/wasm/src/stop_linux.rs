//! Stops a call of the module's that does not come back, on Linux, after two seconds of computing. How that is done,
//! and why it is safe, is told in c/linux/watched_call.c.

#![allow(unsafe_code)] // calls into C

use core::ffi::{c_int, c_void};
use core::ptr::NonNull;

/// A call that computes longer is stopped.
const CALL_SECONDS_MAX: u32 = 2;

/// How a call ended.
pub enum End {
    Returned,
    /// By an exception, which the instance tells.
    Trapped,
    /// By the jump.
    Stopped,
}

const TRAPPED: c_int = 0;
const RETURNED: c_int = 1;

unsafe extern "C" {
    fn wasmcam_watch(seconds: u32) -> bool;
    fn wasmcam_call(env: *mut c_void, function: *mut c_void, count: u32, cells: *mut u32) -> c_int;
}

/// Begins to watch calls.
pub(crate) fn watch() {
    // SAFETY: it takes a timer, its signal and a handler of faults for itself, which passes on what is not its own.
    let watched = unsafe { wasmcam_watch(CALL_SECONDS_MAX) };
    assert!(watched, "no timer to watch the module with");
}

/// Not known here.
pub(crate) unsafe fn place(_instance: NonNull<c_void>) -> Option<u32> {
    None
}

/// As `wasm_runtime_call_wasm`, but can be stopped.
///
/// # Safety
/// As `wasm_runtime_call_wasm`; there is one call at a time, always on the same thread.
pub(crate) unsafe fn call(env: NonNull<c_void>, function: NonNull<c_void>, count: u32, cells: *mut u32) -> End {
    // SAFETY: the caller's word. Between this frame and the module's code, out of which the jump goes, there are only
    // frames of C that hold nothing.
    match unsafe { wasmcam_call(env.as_ptr(), function.as_ptr(), count, cells) } {
        TRAPPED => End::Trapped,
        RETURNED => End::Returned,
        _ => End::Stopped,
    }
}
