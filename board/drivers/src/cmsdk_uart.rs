//! The APB UART of Arm's Cortex-M System Design Kit (Technical Reference Manual DDI 0479D, section 4.3): sending only.

use core::fmt;

use crate::registers::Registers;

const DATA: usize = 0x00;
const STATE: usize = 0x04;
const CTRL: usize = 0x08;
const BAUDDIV: usize = 0x10;

const STATE_TX_FULL: u32 = 1 << 0;
const CTRL_TX_ENABLE: u32 = 1 << 0;
/// The manual asks for no less.
const BAUDDIV_MIN: u32 = 16;

pub struct CmsdkUart(Registers);

impl CmsdkUart {
    /// # Safety
    /// `base` is the address of such a UART, and nobody else uses it.
    pub unsafe fn new(base: usize, clock_hz: u32, baud: u32) -> Self {
        // SAFETY: by the caller's word; all offsets are of the manual's table.
        let mut registers = unsafe { Registers::new(base) };
        registers.write(BAUDDIV, (clock_hz / baud).max(BAUDDIV_MIN));
        registers.write(CTRL, CTRL_TX_ENABLE);
        CmsdkUart(registers)
    }
}

impl fmt::Write for CmsdkUart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            while self.0.read(STATE) & STATE_TX_FULL != 0 {}
            self.0.write(DATA, byte.into());
        }
        Ok(())
    }
}
