//! What ends a step that does not return, and a firmware that does not go on.
//!
//! The watchdog's interrupt is the processor's non-maskable one. It looks several times a second whether the firmware
//! has fed the watchdog since. If a step lasts too long, the module's code loses the right to be executed (see
//! `wasm::stop`), so that the supervisor has its turn again. If that does not help, since the firmware itself hangs,
//! the board is reset, with a note for its next start of where that was. And if not even the interrupt comes through,
//! the watchdog resets the board by itself.
//!
//! How long steps take is counted in looks, not read from a clock: time in which nothing was executed at all (an
//! emulator that was suspended) makes one look.

#![allow(unsafe_code)] // handlers of exceptions, the memory protection unit, memory that outlives a reset

use alloc::format;
use alloc::string::String;
use core::arch::global_asm;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use board::clock::{MILLISECOND, Micros};
use board::watchdog::Watchdog;
use cortex_m::peripheral::{MPU, SCB};
use drivers::cmsdk_watchdog::CmsdkWatchdog;

use crate::{RAM, RAM_BYTES, TICKS_PER_MICRO, WATCHDOG, fail};

/// Between two looks.
const LOOK_EVERY: Micros = 300 * MILLISECOND;
/// Looks without food after which the module is stopped: a step has lasted 1.5 to 1.8 s then.
const LOOKS_TO_STOP: u32 = 6;
/// Looks without food after which the board is reset.
const LOOKS_TO_RESET: u32 = 10;

/// RAM's place among the regions of the memory protection unit.
pub const RAM_REGION: u32 = 1;
/// Has the region take the right to execute away, where it is enabled: ARMv7-M Architecture Reference Manual, B3.5.9.
pub const DATA_ONLY: u32 = EXECUTE_NEVER | FULL_ACCESS | NORMAL_MEMORY | (RAM_BYTES.ilog2() - 1) << 1;
const EXECUTE_NEVER: u32 = 1 << 28;
const FULL_ACCESS: u32 = 0b011 << 24;
const NORMAL_MEMORY: u32 = 1 << 17;
const ENABLE: u32 = 1 << 0;

/// Whether the firmware has fed the watchdog since the last look, and how many looks ago it last had.
static FED: AtomicBool = AtomicBool::new(true);
static LOOKS: AtomicU32 = AtomicU32::new(0);
/// Whether RAM is data only for now.
static REVOKED: AtomicBool = AtomicBool::new(false);

/// What the last look before a reset leaves for the next start: a mark, and where the firmware was.
#[unsafe(link_section = ".uninit.RESET_NOTE")] // outlives a reset
static mut RESET_NOTE: MaybeUninit<[u32; 2]> = MaybeUninit::uninit();
const NOTE_MARK: u32 = 0x6675_6e67;

pub struct Watch(CmsdkWatchdog);

impl Watch {
    pub(crate) fn new(watchdog: CmsdkWatchdog) -> Watch {
        Watch(watchdog)
    }

    /// Begins to watch: from now on the firmware must feed it.
    pub fn start(&mut self) {
        self.0.start((LOOK_EVERY as u64 * TICKS_PER_MICRO) as u32);
    }

    /// Why the board was reset, if it was by its watchdog; tells it once. No clock tells when that was.
    pub fn take_reset_reason(&mut self) -> Option<(String, Micros)> {
        let at = &raw mut RESET_NOTE;
        // SAFETY: the memory is there, any bytes are valid numbers, and the other who names it never returns.
        let [mark, place] = unsafe { at.cast::<[u32; 2]>().read_volatile() };
        // SAFETY: as above.
        unsafe { at.cast::<[u32; 2]>().write_volatile([0; 2]) }
        (mark == NOTE_MARK).then(|| (format!("the firmware hung at {place:#010x}, the watchdog reset the board"), 0))
    }
}

impl Watchdog for Watch {
    fn feed(&mut self) {
        FED.store(true, Ordering::Relaxed);
        if REVOKED.load(Ordering::Relaxed) {
            execute_ram(true); // the step came back by itself at the last moment
        }
    }
}

fn execute_ram(allowed: bool) {
    REVOKED.store(!allowed, Ordering::Relaxed);
    // SAFETY: the region takes a right away, or gives it back, of which only the module's code makes use; nobody else
    // writes to the unit after the start, and what is interrupted here in the middle writes the same again.
    unsafe {
        let mpu = &*MPU::PTR;
        mpu.rnr.write(RAM_REGION);
        mpu.rasr.write(if allowed { DATA_ONLY } else { DATA_ONLY | ENABLE });
    }
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
}

/// What the processor puts on the stack when an exception comes: ARMv7-M Architecture Reference Manual, B1.5.6.
#[repr(C)]
struct Frame {
    registers: [u32; 5],
    return_address: u32,
    place: u32,
    status: u32,
}

// Both handlers give the frame, which lies on the one stack that there is, and return from the exception where it says.
global_asm!(
    ".syntax unified",
    ".thumb",
    ".section .text.exceptions, \"ax\", %progbits",
    ".global NonMaskableInt",
    ".type NonMaskableInt, %function",
    ".thumb_func",
    "NonMaskableInt:",
    "mrs r0, msp",
    "push {{r4, lr}}",
    "bl {look}",
    "pop {{r4, pc}}",
    ".global HardFault",
    ".type HardFault, %function",
    ".thumb_func",
    "HardFault:",
    "mrs r0, msp",
    "push {{r4, lr}}",
    "bl {fault}",
    "pop {{r4, pc}}",
    look = sym look,
    fault = sym fault,
);

extern "C" fn look(frame: &mut Frame) {
    // SAFETY: the board's watchdog, which is only cleared.
    unsafe { CmsdkWatchdog::new(WATCHDOG) }.clear();
    if FED.swap(false, Ordering::Relaxed) {
        LOOKS.store(1, Ordering::Relaxed);
        return;
    }
    let looks = LOOKS.load(Ordering::Relaxed) + 1;
    LOOKS.store(looks, Ordering::Relaxed);
    if looks == LOOKS_TO_STOP {
        execute_ram(false);
    }
    if looks >= LOOKS_TO_RESET {
        let note = [NOTE_MARK, frame.place];
        // SAFETY: whoever else names this memory was interrupted for good.
        unsafe { (&raw mut RESET_NOTE).cast::<[u32; 2]>().write_volatile(note) }
        SCB::sys_reset();
    }
}

extern "C" fn fault(frame: &mut Frame) {
    const NO_RIGHT_TO_EXECUTE: u32 = 1 << 0;
    const THUMB: u32 = 1 << 24;
    const STACK_WAS_ALIGNED: u32 = 1 << 9;
    // SAFETY: the System Control Block is always there; its status registers may be read, and are cleared by what is
    // written.
    let scb = unsafe { &*SCB::PTR };
    let status = scb.cfsr.read();
    let in_ram = (RAM..RAM + RAM_BYTES).contains(&(frame.place as usize));
    let revoked = REVOKED.load(Ordering::Relaxed) && in_ram && status & NO_RIGHT_TO_EXECUTE != 0;
    match wasm::stop::landing(frame.place) {
        Some(landing) if revoked => {
            execute_ram(true);
            // SAFETY: as above.
            unsafe {
                scb.cfsr.write(status);
                scb.hfsr.write(scb.hfsr.read());
            }
            frame.place = landing;
            // Neither in the middle of a conditional block nor of an instruction that goes on.
            frame.status = THUMB | frame.status & STACK_WAS_ALIGNED;
        }
        _ => {
            let (at, from) = (frame.place, frame.return_address);
            fail(format_args!("hard fault at {at:#010x} from {from:#010x}, status {status:#010x}"))
        }
    }
}
