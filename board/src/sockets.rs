//! TCP as the module sees it: small handles, calls that answer at once, readiness told once.

use alloc::string::String;

use crate::clock::Micros;
use crate::fault::{Mistake, Refusal};
use crate::log::Log;

/// What became ready of a socket. The numbers are those of `Ready` in assembly/board.ts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    pub readable: bool,
    pub writable: bool,
}

impl Ready {
    pub fn any(self) -> bool {
        self.readable || self.writable
    }

    pub fn bits(self) -> u32 {
        self.readable as u32 | (self.writable as u32) << 1
    }
}

/// How a connection ends. The numbers are those of `Close` in assembly/board.ts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// What was taken is still delivered; the board goes on without the module, for 5 s at most.
    Orderly = 0,
    /// The peer sees a reset.
    Abort = 1,
}

impl Close {
    pub fn from_number(number: i32) -> Option<Close> {
        [Close::Orderly, Close::Abort].into_iter().find(|close| *close as i32 == number)
    }
}

/// The calls of assembly/board.ts on sockets, with the same handles and answers, and what the supervisor needs.
/// A handle that was never given or was closed is a [`Mistake`].
pub trait Sockets {
    fn listen(&mut self, port: u32) -> Result<i32, Refusal>;
    fn accept(&mut self, listener: i32) -> Result<i32, Refusal>;
    fn receive(&mut self, socket: i32, to: &mut [u8]) -> Result<usize, Refusal>;
    fn send(&mut self, socket: i32, bytes: &[u8]) -> Result<usize, Refusal>;
    fn close(&mut self, socket: i32, how: Close) -> Result<(), Mistake>;

    /// Whether a socket became ready and the module was not told yet.
    fn has_event(&self) -> bool;
    /// The next socket that became ready, which is told by this.
    fn take_event(&mut self) -> Option<(i32, Ready)>;

    /// Ends every connection at once and every listener: the module that had them is gone.
    fn abort_all(&mut self);

    /// Moves what has arrived and what is to leave.
    fn poll(&mut self, now: Micros, log: &mut dyn Log);
    /// When `poll` has something to do without anything arriving; `NEVER` where it has not.
    fn poll_at(&mut self, now: Micros) -> Micros;

    /// The address at which the board is reached; none before the network gave it one.
    fn address(&self) -> Option<String>;
}
