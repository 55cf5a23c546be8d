//! Drivers, one file a chip. A driver knows its chip's registers and nothing of the board that it is soldered to:
//! addresses come from the board's wiring, interrupts are the board's to route.

#![no_std]
#![allow(unsafe_code)] // registers

pub mod cmsdk_timer;
pub mod cmsdk_uart;
pub mod cmsdk_watchdog;
pub mod lan9118;
mod registers;
