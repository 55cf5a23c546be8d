//! A block of 32-bit registers.

use core::ptr::{read_volatile, write_volatile};

pub struct Registers(*mut u32);

// SAFETY: whoever made this owns the device, so it may go where its owner goes.
unsafe impl Send for Registers {}

impl Registers {
    /// # Safety
    /// `base` is the address of a device of the kind that the caller drives, and nobody else uses that device. Every
    /// offset that is read or written later is a register of it.
    pub const unsafe fn new(base: usize) -> Self {
        Registers(base as *mut u32)
    }

    /// `offset` in bytes.
    #[inline(always)]
    pub fn read(&self, offset: usize) -> u32 {
        // SAFETY: by the word given to `new`.
        unsafe { read_volatile(self.0.byte_add(offset)) }
    }

    /// `offset` in bytes.
    #[inline(always)]
    pub fn write(&mut self, offset: usize, value: u32) {
        // SAFETY: by the word given to `new`.
        unsafe { write_volatile(self.0.byte_add(offset), value) }
    }
}
