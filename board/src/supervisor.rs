//! Runs the module: starts it, steps it, says how long the board may sleep; after a trap starts it afresh.
//!
//! It has no loop of its own: the board calls [`Supervisor::poll`], sleeps until the time that it answers or an
//! interrupt, and calls it again.

use alloc::string::String;

use crate::clock::{MILLISECOND, Micros, NEVER, SECOND};
use crate::imports::Board;
use crate::log::Level;

/// The pause before a fresh start, after the first failure and at most; it doubles from one to the other.
const PAUSE_FIRST: Micros = 100 * MILLISECOND;
const PAUSE_MAX: Micros = 10 * SECOND;
/// A module that ran for so long begins with the shortest pause again.
const PAUSE_FORGIVEN_AFTER: Micros = 60 * SECOND;
/// How often a [`Report`] is logged.
const REPORT_EVERY: Micros = 10 * SECOND;

/// The text of a trap, or why a module could not be loaded.
pub type Trap = String;

/// Makes fresh instances of the module.
pub trait Engine {
    type Instance: Instance;
    fn start(&mut self) -> Result<Self::Instance, Trap>;
}

/// A module with its memory. After a trap it is only dropped.
pub trait Instance {
    /// The start function, called once before the first step.
    fn begin(&mut self, board: &mut Board) -> Result<(), Trap>;
    /// Bounded work; answers when it wants to be called again.
    fn step(&mut self, board: &mut Board, now: Micros) -> Result<Micros, Trap>;
}

enum State<I> {
    /// No module runs. A fresh one starts at `until`.
    Paused { until: Micros },
    /// The module runs since `since` and wants its next step at `due`.
    Running { instance: I, since: Micros, due: Micros },
}

pub struct Supervisor<E: Engine> {
    engine: E,
    board: Board,
    state: State<E::Instance>,
    /// Before the next fresh start.
    pause: Micros,
    report: Option<Report>,
}

/// What the steps took, for benchmarks.
struct Report {
    next: Micros,
    steps: u64,
    longest: Micros,
    busy: Micros,
}

impl Report {
    fn count(&mut self, took: Micros) {
        self.steps += 1;
        self.busy += took;
        self.longest = self.longest.max(took);
    }
}

impl<E: Engine> Supervisor<E> {
    /// `report`: whether the log shall tell every 10 s how long steps take.
    pub fn new(engine: E, board: Board, report: bool) -> Self {
        let report = report.then_some(Report { next: REPORT_EVERY, steps: 0, longest: 0, busy: 0 });
        Supervisor { engine, board, state: State::Paused { until: 0 }, pause: PAUSE_FIRST, report }
    }

    pub fn board(&mut self) -> &mut Board {
        &mut self.board
    }

    /// Moves packets and does one step of the module, if there is cause. Answers when it must be called again at the
    /// latest; where that time is not in the future, at once.
    pub fn poll(&mut self) -> Micros {
        let now = self.board.now();
        self.board.sockets.poll(now, &mut *self.board.log);
        self.write_report(now);
        let result = match &mut self.state {
            State::Paused { until } if *until <= now => self.start(now),
            State::Running { instance, due, .. } if *due <= now || self.board.has_event(now) => {
                let result = instance.step(&mut self.board, now).map(|next| *due = next);
                if let Some(report) = &mut self.report {
                    report.count(self.board.clock.now() - now);
                }
                result
            }
            _ => Ok(()),
        };
        if let Err(trap) = result {
            self.stop(now, &trap);
        }
        self.wake_at(now)
    }

    fn wake_at(&mut self, now: Micros) -> Micros {
        let module = match self.state {
            State::Paused { until } => until,
            State::Running { .. } if self.board.sockets.has_event() => now,
            State::Running { due, .. } => due.min(self.board.capture.event_at()),
        };
        let report = self.report.as_ref().map_or(NEVER, |report| report.next);
        module.min(self.board.sockets.poll_at(now)).min(report)
    }

    fn start(&mut self, now: Micros) -> Result<(), Trap> {
        let mut instance = self.engine.start()?;
        instance.begin(&mut self.board)?;
        self.state = State::Running { instance, since: now, due: now };
        Ok(())
    }

    /// The module failed: nothing of it stays, neither here nor on the network.
    fn stop(&mut self, now: Micros, trap: &str) {
        if let State::Running { since, .. } = self.state
            && now - since >= PAUSE_FORGIVEN_AFTER
        {
            self.pause = PAUSE_FIRST;
        }
        self.board.capture.stop();
        self.board.sockets.abort_all();
        let pause = self.pause;
        self.board
            .log(Level::Error, format_args!("the module stopped: {trap}; a fresh start in {} ms", pause / MILLISECOND));
        self.board.restarts += 1;
        self.pause = (pause * 2).min(PAUSE_MAX);
        self.state = State::Paused { until: now + pause };
    }

    fn write_report(&mut self, now: Micros) {
        let Some(report) = self.report.as_mut().filter(|report| report.next <= now) else { return };
        let Report { steps, longest, busy, .. } = *report;
        *report = Report { next: now + REPORT_EVERY, steps: 0, longest: 0, busy: 0 };
        self.board.log(Level::Info, format_args!("report: {steps} steps, {busy} us in all, the longest {longest} us"));
    }
}
