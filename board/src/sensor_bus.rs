//! A sensor's lines and its bus, as the module's driver of a sensor uses them.

use crate::fault::Fault;

/// The place where a sensor on a bus can be plugged in.
pub trait SensorBus {
    /// Sets the sensor's lines: `power` supplied and awake, `reset` held in reset, `clock` its master clock in Hz, 0
    /// for none. Answers `Fault::Missing` where the board has no place for such a sensor.
    fn lines(&mut self, power: bool, reset: bool, clock: u32) -> Result<(), Fault>;

    /// Writes to, and then reads from, the device with this 7-bit address; either may be nothing. Answers
    /// `Fault::Missing` where nobody acknowledged, or there is no bus.
    fn transfer(&mut self, device: u8, write: &[u8], read: &mut [u8]) -> Result<(), Fault>;
}

/// A board without such a place.
pub struct NoBus;

impl SensorBus for NoBus {
    fn lines(&mut self, _: bool, _: bool, _: u32) -> Result<(), Fault> {
        Err(Fault::Missing)
    }

    fn transfer(&mut self, _: u8, _: &[u8], _: &mut [u8]) -> Result<(), Fault> {
        Err(Fault::Missing)
    }
}

/// The double: one device, which has power while its line says so, and keeps what is written to read it back.
#[cfg(test)]
#[derive(Clone, Default)]
pub struct EchoBus(std::rc::Rc<std::cell::RefCell<Echo>>);

#[cfg(test)]
#[derive(Default)]
struct Echo {
    lines: (bool, bool, u32),
    written: Vec<u8>,
}

#[cfg(test)]
impl EchoBus {
    pub const DEVICE: u8 = 0x3c;

    /// Power, reset, clock.
    pub fn set_lines(&self) -> (bool, bool, u32) {
        self.0.borrow().lines
    }
}

#[cfg(test)]
impl SensorBus for EchoBus {
    fn lines(&mut self, power: bool, reset: bool, clock: u32) -> Result<(), Fault> {
        self.0.borrow_mut().lines = (power, reset, clock);
        Ok(())
    }

    fn transfer(&mut self, device: u8, write: &[u8], read: &mut [u8]) -> Result<(), Fault> {
        let mut echo = self.0.borrow_mut();
        if device != Self::DEVICE || !echo.lines.0 {
            return Err(Fault::Missing);
        }
        if !write.is_empty() {
            echo.written = write.to_vec();
        }
        for (to, &byte) in read.iter_mut().zip(echo.written.iter().cycle()) {
            *to = byte;
        }
        Ok(())
    }
}
