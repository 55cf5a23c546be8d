//! WAMR behind a safe wrapper: load a file that `aotc` made, call its functions, get a trap's text.
//!
//! All of WAMR is behind this crate, and nothing above it is unsafe. It leaves to others what the imports mean
//! ([`Host`]) and when to call what. Empty on other targets than the board's, so that a PC can check the workspace.
//!
//! An AOT file is machine code: it is trusted as the firmware is. What the *module* may not do is checked by that code.

#![no_std]
#![cfg(target_os = "none")]

extern crate alloc;

pub mod engine;
mod platform;
pub mod runtime;
pub mod stop;

pub use runtime::{Host, Instance, Native, Runtime};
