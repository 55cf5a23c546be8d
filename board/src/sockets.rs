//! TCP as the module sees it: small handles, calls that answer at once, readiness told once.

use alloc::string::String;
use core::net::IpAddr;

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
    /// Begins to connect, to a name or an address.
    fn dial(&mut self, name: &str, port: u16) -> Result<i32, Refusal>;
    fn peer(&mut self, socket: i32) -> Result<IpAddr, Refusal>;
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

/// The double: does what the test says, and remembers what it was asked.
#[cfg(test)]
#[derive(Clone)]
pub struct ScriptedSockets(std::rc::Rc<std::cell::RefCell<Script>>);

#[cfg(test)]
struct Script {
    /// What the next call answers; without any a call is refused.
    answers: std::collections::VecDeque<Result<i32, Refusal>>,
    /// The calls so far, with their arguments.
    calls: Vec<String>,
    ready: std::collections::VecDeque<(i32, Ready)>,
    aborts: usize,
    poll_at: Micros,
}

#[cfg(test)]
impl Default for ScriptedSockets {
    fn default() -> Self {
        let script =
            Script { answers: [].into(), calls: vec![], ready: [].into(), aborts: 0, poll_at: crate::clock::NEVER };
        ScriptedSockets(std::rc::Rc::new(std::cell::RefCell::new(script)))
    }
}

#[cfg(test)]
impl ScriptedSockets {
    pub fn will_answer(&self, answer: Result<i32, Refusal>) {
        self.0.borrow_mut().answers.push_back(answer);
    }

    /// Has a socket become readable and writable.
    pub fn raise(&self, handle: i32) {
        self.0.borrow_mut().ready.push_back((handle, Ready { readable: true, writable: true }));
    }

    pub fn set_poll_at(&self, at: Micros) {
        self.0.borrow_mut().poll_at = at;
    }

    /// The calls since the last time, with their arguments.
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().calls)
    }

    /// How often everything was aborted.
    pub fn aborts(&self) -> usize {
        self.0.borrow().aborts
    }

    fn answer(&self, call: String) -> Result<i32, Refusal> {
        let mut script = self.0.borrow_mut();
        script.calls.push(call);
        script.answers.pop_front().unwrap_or(Err(crate::fault::Fault::Refused.into()))
    }
}

#[cfg(test)]
impl Sockets for ScriptedSockets {
    fn listen(&mut self, port: u32) -> Result<i32, Refusal> {
        self.answer(format!("listen {port}"))
    }

    fn accept(&mut self, listener: i32) -> Result<i32, Refusal> {
        self.answer(format!("accept {listener}"))
    }

    fn dial(&mut self, name: &str, port: u16) -> Result<i32, Refusal> {
        self.answer(format!("dial {name} {port}"))
    }

    /// The address's last byte is what was answered.
    fn peer(&mut self, socket: i32) -> Result<IpAddr, Refusal> {
        self.answer(format!("peer {socket}")).map(|last| IpAddr::from([10, 0, 0, last as u8]))
    }

    /// Receives sevens.
    fn receive(&mut self, socket: i32, to: &mut [u8]) -> Result<usize, Refusal> {
        let count = self.answer(format!("receive {socket} {}", to.len()))? as usize;
        to[..count].fill(7);
        Ok(count)
    }

    fn send(&mut self, socket: i32, bytes: &[u8]) -> Result<usize, Refusal> {
        self.answer(format!("send {socket} {bytes:?}")).map(|count| count as usize)
    }

    fn close(&mut self, socket: i32, how: Close) -> Result<(), Mistake> {
        self.0.borrow_mut().calls.push(format!("close {socket} {how:?}"));
        Ok(())
    }

    fn has_event(&self) -> bool {
        !self.0.borrow().ready.is_empty()
    }

    fn take_event(&mut self) -> Option<(i32, Ready)> {
        self.0.borrow_mut().ready.pop_front()
    }

    fn abort_all(&mut self) {
        let mut script = self.0.borrow_mut();
        script.aborts += 1;
        script.ready.clear();
    }

    fn poll(&mut self, _: Micros, _: &mut dyn Log) {}

    fn poll_at(&mut self, _: Micros) -> Micros {
        self.0.borrow().poll_at
    }

    fn address(&self) -> Option<String> {
        Some("10.1.2.3".into())
    }
}
