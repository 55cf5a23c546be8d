//! What the module asks of a sensor: one whole frame into its memory.

use core::ops::Range;

use crate::clock::Micros;
use crate::fault::{Fault, Refusal};

/// How pixels lie in memory. The numbers are those of `Format` in assembly/board.ts, which describes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Gray = 0,
    Rgb565 = 1,
    Yuyv = 2,
    Jpeg = 3,
    Bayer = 4,
}

impl Format {
    pub fn from_number(number: i32) -> Option<Format> {
        [Format::Gray, Format::Rgb565, Format::Yuyv, Format::Jpeg, Format::Bayer]
            .into_iter()
            .find(|format| *format as i32 == number)
    }

    /// As the camera's setting `format` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Gray => "gray",
            Format::Rgb565 => "rgb565",
            Format::Yuyv => "yuyv",
            Format::Jpeg => "jpeg",
            Format::Bayer => "bayer",
        }
    }
}

/// The frames that a soft sensor shall deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Pixels.
    pub width: u32,
    /// Rows.
    pub height: u32,
    pub format: Format,
    /// µs from one frame's beginning to the next.
    pub interval: u32,
}

/// A frame that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Bytes.
    pub length: usize,
    /// When its exposure ended.
    pub time: Micros,
}

/// A sensor and the way of its frames into the module's memory.
///
/// Between [`start`](Capture::start) and the answer of [`poll`](Capture::poll), or [`stop`](Capture::stop), the bytes
/// asked for belong to the hardware. What is polled and the memory it lies in are always the same instance's: the
/// supervisor stops the capture before that memory goes.
pub trait Capture {
    /// Says which frames shall come from now on; only a soft sensor can be told.
    fn set(&mut self, now: Micros, mode: Mode) -> Result<(), Fault>;

    /// Asks for the next whole frame, to the bytes `to` of the module's memory, or to the first of them where it is
    /// shorter.
    fn start(&mut self, now: Micros, to: Range<usize>) -> Result<(), Refusal>;

    /// Answers the frame that was asked for; `memory` is the whole memory of the module.
    fn poll(&mut self, now: Micros, memory: &mut [u8]) -> Result<Frame, Refusal>;

    fn stop(&mut self);

    /// Whether polling became worth trying, and the module was not told yet.
    fn has_event(&self, now: Micros) -> bool;

    /// As `has_event`, and takes it for told.
    fn take_event(&mut self, now: Micros) -> bool;

    /// When `has_event` will turn true by itself, `NEVER` where only an interrupt can tell.
    fn event_at(&self) -> Micros;
}
