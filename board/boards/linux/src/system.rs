//! Clock, chance, console and sleep, as Linux has them.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use board::clock::{Clock, MILLISECOND, Micros, SECOND};
use board::fault::Fault;
use board::random::Random;
use board::watchdog::Watchdog;
use rustix::event::{PollFd, PollFlags};
use rustix::rand::GetRandomFlags;
use rustix::time::Timespec;
use signal_hook::consts::{SIGINT, SIGTERM};

/// Time since the program's start.
#[derive(Clone, Copy)]
pub struct SystemClock(Instant);

impl SystemClock {
    pub fn start() -> Self {
        SystemClock(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&mut self) -> Micros {
        self.0.elapsed().as_micros() as Micros
    }
}

/// The kernel's chance.
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Fault> {
        let mut at = 0;
        while at < bytes.len() {
            at += rustix::rand::getrandom(&mut bytes[at..], GetRandomFlags::empty()).map_err(|_| Fault::Missing)?;
        }
        Ok(())
    }
}

/// A step that does not return is stopped by the runtime (board/wasm/src/stop_linux.rs), and a program that hangs or
/// ends is the affair of whatever started it (systemd, above all).
pub struct NoWatchdog;

impl Watchdog for NoWatchdog {
    fn feed(&mut self) {}
}

/// Bytes of memory that the program holds, for the report; 0 where the kernel does not tell.
pub fn resident() -> usize {
    let statistics = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statistics.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0);
    pages * rustix::param::page_size()
}

/// Standard output. That nobody reads it is no reason to end.
pub struct Console;

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|_| fmt::Error)
    }
}

/// Makes an eventfd readable.
pub fn signal(event: &OwnedFd) {
    // It can't fail: the counter would have to overflow, and then it is readable.
    let _ = rustix::io::write(event, &1u64.to_ne_bytes());
}

/// Makes it unreadable.
pub fn calm(event: &OwnedFd) {
    let _ = rustix::io::read(event, &mut [0; 8]);
}

/// Sleeps until a time, or until the network, another thread or somebody at the console wants something.
pub struct Sleeper {
    network: Rc<OwnedFd>,
    others: Vec<Arc<OwnedFd>>,
    /// A byte comes in for each signal that asks to end.
    end: UnixStream,
    /// When it was last looked whether anybody wants something.
    looked_at: Micros,
}

impl Sleeper {
    const SLEEP_MAX: Micros = 60 * SECOND;
    /// How often it is looked whether anybody wants something while there is no time to sleep.
    const LOOK_EVERY: Micros = 2 * MILLISECOND;

    /// `network` and `others`, which are events: readable when there is something to do.
    pub fn new(network: Rc<OwnedFd>, others: Vec<Arc<OwnedFd>>) -> io::Result<Self> {
        let (end, raised) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM] {
            signal_hook::low_level::pipe::register(signal, raised.try_clone()?)?;
        }
        Ok(Sleeper { network, others, end, looked_at: 0 })
    }

    /// Answers whether to go on.
    pub fn sleep(&mut self, now: Micros, until: Micros) -> bool {
        // A picture is encoded in many short steps.
        if until <= now && now - self.looked_at < Self::LOOK_EVERY {
            return true;
        }
        self.looked_at = now;
        let span = until.saturating_sub(now).clamp(0, Self::SLEEP_MAX);
        let timeout = Timespec { tv_sec: span / SECOND, tv_nsec: span % SECOND * 1_000 };
        let watch = |event| PollFd::new(event, PollFlags::IN);
        let mut watched = vec![PollFd::new(&self.end, PollFlags::IN), watch(&*self.network)];
        watched.extend(self.others.iter().map(|event| watch(&**event)));
        // It fails where a signal comes in between; then the next one tells.
        match rustix::event::poll(&mut watched, Some(&timeout)) {
            Ok(_) => {
                for (event, watched) in self.others.iter().zip(&watched[2..]) {
                    if !watched.revents().is_empty() {
                        calm(event);
                    }
                }
                watched[0].revents().is_empty()
            }
            Err(_) => true,
        }
    }
}
