//! The APB timer of Arm's Cortex-M System Design Kit (Technical Reference Manual DDI 0479D, section 4.1): 32 bits,
//! counting down. One of them as a clock, another as an alarm.

use crate::registers::Registers;

const CTRL: usize = 0x00;
const VALUE: usize = 0x04;
const RELOAD: usize = 0x08;
const INTCLEAR: usize = 0x0c;

const CTRL_ENABLE: u32 = 1 << 0;
const CTRL_INTERRUPT: u32 = 1 << 3;

/// Counts on without a wrap, as long as it is asked once in each wrap of the timer's 32 bits (171 s at 25 MHz).
pub struct Counter {
    registers: Registers,
    total: u64,
}

impl Counter {
    /// # Safety
    /// `base` is the address of such a timer, and nobody else uses it.
    pub unsafe fn new(base: usize) -> Self {
        // SAFETY: by the caller's word; all offsets are of the manual's table.
        let mut registers = unsafe { Registers::new(base) };
        registers.write(CTRL, 0);
        registers.write(RELOAD, u32::MAX);
        registers.write(VALUE, u32::MAX);
        registers.write(CTRL, CTRL_ENABLE);
        Counter { registers, total: 0 }
    }

    /// Ticks since the start.
    pub fn ticks(&mut self) -> u64 {
        let counted = !self.registers.read(VALUE);
        self.total += u64::from(counted.wrapping_sub(self.total as u32));
        self.total
    }
}

/// Raises its interrupt once, after a while.
pub struct Alarm(Registers);

impl Alarm {
    /// # Safety
    /// `base` is the address of such a timer, and nobody else uses it.
    pub unsafe fn new(base: usize) -> Self {
        // SAFETY: by the caller's word; all offsets are of the manual's table.
        let mut registers = unsafe { Registers::new(base) };
        registers.write(CTRL, 0);
        registers.write(INTCLEAR, 1);
        Alarm(registers)
    }

    /// Starts anew; an interrupt of before is taken back.
    pub fn set(&mut self, ticks: u32) {
        self.0.write(CTRL, 0);
        self.0.write(INTCLEAR, 1);
        self.0.write(RELOAD, 0); // once
        self.0.write(VALUE, ticks.max(1)); // at 0 it would stand still and never ring
        self.0.write(CTRL, CTRL_ENABLE | CTRL_INTERRUPT);
    }
}
