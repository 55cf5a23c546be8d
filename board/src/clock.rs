//! The board's clock.

/// Time since the board's start in microseconds, on one clock that never runs backwards and never wraps.
pub type Micros = i64;

/// Later than any time: only an event ends the wait.
pub const NEVER: Micros = Micros::MAX;

pub const MILLISECOND: Micros = 1_000;
pub const SECOND: Micros = 1_000_000;

pub trait Clock {
    fn now(&mut self) -> Micros;
}

/// The double: stands still until it is set.
#[cfg(test)]
#[derive(Clone, Default)]
pub struct HandClock(std::rc::Rc<std::cell::Cell<Micros>>);

#[cfg(test)]
impl HandClock {
    pub fn set(&self, time: Micros) {
        self.0.set(time);
    }

    pub fn advance(&self, span: Micros) {
        self.0.set(self.0.get() + span);
    }
}

#[cfg(test)]
impl Clock for HandClock {
    fn now(&mut self) -> Micros {
        self.0.get()
    }
}
