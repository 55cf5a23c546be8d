//! The board's log: one line an event, with time and level.

use core::fmt;

use crate::clock::{Micros, SECOND};

/// How grave a line is. The numbers are those of `Level` in assembly/board.ts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error = 0,
    Warning = 1,
    Info = 2,
}

impl Level {
    pub fn from_number(number: i32) -> Option<Level> {
        [Level::Error, Level::Warning, Level::Info].into_iter().find(|level| *level as i32 == number)
    }

    fn name(self) -> &'static str {
        match self {
            Level::Error => "ERROR",
            Level::Warning => "WARNING",
            Level::Info => "INFO",
        }
    }
}

pub trait Log {
    /// Writes one line. Control characters in it (a viewer may have sent them) are shown as `?`.
    fn line(&mut self, now: Micros, level: Level, text: fmt::Arguments<'_>);
}

/// A log on anything that takes text, a serial line above all.
pub struct TextLog<W>(pub W);

impl<W: fmt::Write> Log for TextLog<W> {
    fn line(&mut self, now: Micros, level: Level, text: fmt::Arguments<'_>) {
        // A log that fails has nowhere to say so.
        let _ = write!(self.0, "[{:5}.{:06}] {:7} ", now / SECOND, now % SECOND, level.name());
        let _ = fmt::write(&mut OneLine(&mut self.0), text);
        let _ = self.0.write_str("\n");
    }
}

/// Lets everything through but control characters.
struct OneLine<'w, W>(&'w mut W);

impl<W: fmt::Write> fmt::Write for OneLine<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut parts = text.split(|character: char| character.is_control());
        self.0.write_str(parts.next().unwrap_or_default())?;
        parts.try_for_each(|part| {
            self.0.write_str("?")?;
            self.0.write_str(part)
        })
    }
}

/// The double: keeps the lines.
#[cfg(test)]
#[derive(Clone, Default)]
pub struct KeptLog(std::rc::Rc<std::cell::RefCell<Vec<(Level, String)>>>);

#[cfg(test)]
impl KeptLog {
    /// The lines since the last call.
    pub fn take(&self) -> Vec<(Level, String)> {
        self.0.take()
    }
}

#[cfg(test)]
impl Log for KeptLog {
    fn line(&mut self, _now: Micros, level: Level, text: fmt::Arguments<'_>) {
        self.0.borrow_mut().push((level, text.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_carries_time_and_level() {
        let mut log = TextLog(String::new());
        log.line(12_345_678, Level::Warning, format_args!("{} of {}", 1, 2));
        assert_eq!(log.0, "[   12.345678] WARNING 1 of 2\n");
    }

    #[test]
    fn a_line_stays_one_line() {
        let mut log = TextLog(String::new());
        log.line(0, Level::Info, format_args!("GET {}", "/\r\n[    0.000001] ERROR forged\x1b[2J"));
        assert_eq!(log.0, "[    0.000000] INFO    GET /??[    0.000001] ERROR forged?[2J\n");
    }

    #[test]
    fn levels_have_their_numbers() {
        assert_eq!(Level::from_number(0), Some(Level::Error));
        assert_eq!(Level::from_number(2), Some(Level::Info));
        assert_eq!(Level::from_number(3), None);
        assert_eq!(Level::from_number(-1), None);
    }
}
