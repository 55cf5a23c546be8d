//! What keeps a board from standing still: hardware that stops a module which does not come back from a step, and that
//! resets the board where the firmware itself does not go on.

/// The hardware, seen from the firmware that it watches. What happens when it is not fed is each board's.
pub trait Watchdog {
    /// The firmware goes on: called before each of the module's steps, and whenever the board wakes up.
    fn feed(&mut self);
}

/// The double: counts how often it was fed.
#[cfg(test)]
#[derive(Clone, Default)]
pub struct CountingWatchdog(std::rc::Rc<std::cell::Cell<u32>>);

#[cfg(test)]
impl CountingWatchdog {
    pub fn fed(&self) -> u32 {
        self.0.get()
    }
}

#[cfg(test)]
impl Watchdog for CountingWatchdog {
    fn feed(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}
