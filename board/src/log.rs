//! The board's log: one line an event, with time and level.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::fmt::{self, Write};

use crate::clock::{Micros, SECOND};

/// How grave a line is. The numbers are those of `Level` in assembly/board.ts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error = 0,
    Warning = 1,
    Info = 2,
    /// A secret, for who stands at the console: it is shown there and kept nowhere.
    Console = 3,
}

impl Level {
    pub fn from_number(number: i32) -> Option<Level> {
        [Level::Error, Level::Warning, Level::Info, Level::Console].into_iter().find(|level| *level as i32 == number)
    }

    fn name(self) -> &'static str {
        match self {
            Level::Error => "ERROR",
            Level::Warning => "WARNING",
            Level::Info => "INFO",
            Level::Console => "CONSOLE",
        }
    }
}

pub trait Log {
    /// Writes one line. Control characters in it (a viewer may have sent them) are shown as `?`.
    fn line(&mut self, now: Micros, level: Level, text: fmt::Arguments<'_>);

    /// Reads the last whole lines (no secrets) that fit into `room`, the oldest first, and answers their length.
    fn read(&self, room: &mut [u8]) -> usize;
}

/// Bytes of the log that are kept.
const KEPT_BYTES: usize = 16 << 10;
/// Bytes of a line's text, at most. The rest is left out.
pub const LINE_BYTES_MAX: usize = 256;

/// A log on anything that takes text, a serial line above all. It keeps its last lines.
pub struct TextLog<W> {
    out: W,
    kept: Recent,
    line: String,
}

impl<W: Write> TextLog<W> {
    pub fn new(out: W) -> Self {
        let kept = Recent { bytes: VecDeque::with_capacity(KEPT_BYTES), cut: false };
        TextLog { out, kept, line: String::with_capacity(2 * LINE_BYTES_MAX) }
    }
}

impl<W: Write> Log for TextLog<W> {
    fn line(&mut self, now: Micros, level: Level, text: fmt::Arguments<'_>) {
        self.line.clear();
        // A log that fails has nowhere to say so.
        let _ = write!(self.line, "[{:5}.{:06}] {:7} ", now / SECOND, now % SECOND, level.name());
        let end = self.line.len() + LINE_BYTES_MAX;
        let _ = fmt::write(&mut OneLine { line: &mut self.line, end }, text);
        self.line.push('\n');
        if level != Level::Console {
            self.kept.add(self.line.as_bytes());
        }
        let _ = self.out.write_str(&self.line);
    }

    fn read(&self, room: &mut [u8]) -> usize {
        self.kept.read(room)
    }
}

/// The last bytes of the log.
struct Recent {
    bytes: VecDeque<u8>,
    /// Whether the oldest of them may be in the middle of a line.
    cut: bool,
}

impl Recent {
    fn add(&mut self, line: &[u8]) {
        let surplus = (self.bytes.len() + line.len()).saturating_sub(KEPT_BYTES);
        if surplus > 0 {
            self.bytes.drain(..surplus);
            self.cut = true;
        }
        self.bytes.extend(line);
    }

    fn read(&self, room: &mut [u8]) -> usize {
        let mut skipped = self.bytes.len().saturating_sub(room.len());
        let whole = if skipped == 0 { !self.cut } else { self.bytes[skipped - 1] == b'\n' };
        if !whole {
            let end = self.bytes.range(skipped..).position(|&byte| byte == b'\n');
            skipped = end.map_or(self.bytes.len(), |end| skipped + end + 1);
        }
        room.iter_mut().zip(self.bytes.range(skipped..)).for_each(|(to, from)| *to = *from);
        self.bytes.len() - skipped
    }
}

/// Lets everything through but control characters, up to a length.
struct OneLine<'l> {
    line: &'l mut String,
    end: usize,
}

impl Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let shown = if character.is_control() { '?' } else { character };
            if self.line.len() + shown.len_utf8() > self.end {
                return Err(fmt::Error);
            }
            self.line.push(shown);
        }
        Ok(())
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

    /// Answers that there are so many lines.
    fn read(&self, room: &mut [u8]) -> usize {
        let text = self.0.borrow().len().to_string();
        room[..text.len()].copy_from_slice(text.as_bytes());
        text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_carries_time_and_level() {
        let mut log = TextLog::new(String::new());
        log.line(12_345_678, Level::Warning, format_args!("{} of {}", 1, 2));
        assert_eq!(log.out, "[   12.345678] WARNING 1 of 2\n");
    }

    #[test]
    fn a_line_stays_one_line() {
        let mut log = TextLog::new(String::new());
        log.line(0, Level::Info, format_args!("GET {}", "/\r\n[    0.000001] ERROR forged\x1b[2J"));
        assert_eq!(log.out, "[    0.000000] INFO    GET /??[    0.000001] ERROR forged?[2J\n");
    }

    #[test]
    fn a_line_has_an_end() {
        let mut log = TextLog::new(String::new());
        log.line(0, Level::Info, format_args!("{}{}", "x".repeat(LINE_BYTES_MAX - 1), "\u{e9}y"));
        assert_eq!(log.out, format!("[    0.000000] INFO    {}\n", "x".repeat(LINE_BYTES_MAX - 1)));
    }

    fn read(log: &TextLog<String>, bytes: usize) -> String {
        let mut room = vec![b'-'; bytes];
        let count = log.read(&mut room);
        assert!(room[count..].iter().all(|&byte| byte == b'-'));
        String::from_utf8(room[..count].to_vec()).unwrap()
    }

    #[test]
    fn the_last_lines_can_be_read() {
        let mut log = TextLog::new(String::new());
        assert_eq!(read(&log, 100), "");
        log.line(0, Level::Info, format_args!("one"));
        log.line(1, Level::Info, format_args!("two"));
        let (one, two) = ("[    0.000000] INFO    one\n", "[    0.000001] INFO    two\n");
        assert_eq!(read(&log, 100), [one, two].concat());
        assert_eq!(read(&log, 2 * one.len()), [one, two].concat());
        assert_eq!(read(&log, 2 * one.len() - 1), two);
        assert_eq!(read(&log, two.len()), two);
        assert_eq!(read(&log, two.len() - 1), "");
        assert_eq!(read(&log, 0), "");
    }

    #[test]
    fn a_secret_is_shown_and_not_kept() {
        let mut log = TextLog::new(String::new());
        log.line(0, Level::Console, format_args!("the secret"));
        assert_eq!(log.out, "[    0.000000] CONSOLE the secret\n");
        assert_eq!(read(&log, 100), "");
    }

    #[test]
    fn the_oldest_lines_go_first() {
        let mut log = TextLog::new(String::new());
        for n in 0..2_000 {
            log.line(n, Level::Info, format_args!("{}", "x".repeat(n as usize % 40)));
        }
        let all = read(&log, 2 * KEPT_BYTES);
        assert!(all.len() > KEPT_BYTES - 100 && all.len() <= KEPT_BYTES);
        assert!(log.out.ends_with(&format!("\n{all}")));
    }

    #[test]
    fn levels_have_their_numbers() {
        assert_eq!(Level::from_number(0), Some(Level::Error));
        assert_eq!(Level::from_number(2), Some(Level::Info));
        assert_eq!(Level::from_number(3), Some(Level::Console));
        assert_eq!(Level::from_number(4), None);
        assert_eq!(Level::from_number(-1), None);
    }
}
