//! WAMR behind a safe wrapper: load a file that `aotc` made, call its functions, get a trap's text.
//!
//! All of WAMR is behind this crate, and nothing above it is unsafe. It leaves to others what the imports mean
//! ([`Host`]) and when to call what.
//!
//! On a board without an operating system WAMR gets one from `platform.rs`; on Linux it has its own.
//!
//! An AOT file is machine code: it is trusted as the firmware is. What the *module* may not do is checked by that code.

#![no_std]

extern crate alloc;

pub mod engine;
#[cfg(target_os = "none")]
mod platform;
pub mod runtime;
#[cfg(target_os = "none")]
pub mod stop;
#[cfg(not(target_os = "none"))]
#[path = "stop_linux.rs"]
mod stop;

#[cfg(target_os = "none")]
pub use platform::give_linear_memory;
pub use runtime::{Host, Instance, Native, Runtime};
