//! The APB watchdog of Arm's Cortex-M System Design Kit (Technical Reference Manual DDI 0479D, section 4.4): 32 bits,
//! counting down. It raises its interrupt at 0 and begins again; if that was not cleared when it comes to 0 once more,
//! it resets the board.

use crate::registers::Registers;

const LOAD: usize = 0x00;
const CONTROL: usize = 0x08;
const INTCLR: usize = 0x0c;

const CONTROL_INTERRUPT: u32 = 1 << 0;
const CONTROL_RESET: u32 = 1 << 1;

pub struct CmsdkWatchdog(Registers);

impl CmsdkWatchdog {
    /// # Safety
    /// `base` is the address of such a watchdog. Several may be made of one device: only [`clear`](Self::clear) is
    /// called after the first start, a single write that comes to the same whoever does it.
    pub const unsafe fn new(base: usize) -> Self {
        // SAFETY: by the caller's word; all offsets are of the manual's table.
        CmsdkWatchdog(unsafe { Registers::new(base) })
    }

    /// Counts from `ticks` down from now on, again and again.
    pub fn start(&mut self, ticks: u32) {
        self.0.write(LOAD, ticks);
        self.0.write(INTCLR, 1);
        self.0.write(CONTROL, CONTROL_INTERRUPT | CONTROL_RESET);
    }

    /// Takes the interrupt back and counts anew.
    pub fn clear(&mut self) {
        self.0.write(INTCLR, 1);
    }
}
