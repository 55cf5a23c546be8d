//! Runs the module: starts it, steps it, says how long the board may sleep; after a trap starts it afresh.
//!
//! It has no loop of its own: the board calls [`Supervisor::poll`], sleeps until the time that it answers or an
//! interrupt, and calls it again.

use alloc::format;
use alloc::string::{String, ToString};

use crate::clock::{MILLISECOND, Micros, NEVER, SECOND};
use crate::imports::{Board, CRASH_BYTES_MAX};
use crate::log::Level;

/// The pause before a fresh start, after the first failure and at most; it doubles from one to the other.
const PAUSE_FIRST: Micros = 100 * MILLISECOND;
const PAUSE_MAX: Micros = 10 * SECOND;
/// After so long without a failure the pause is the shortest again.
const STEADY_AFTER: Micros = 60 * SECOND;
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
    /// The module runs and wants its next step at `due`.
    Running { instance: I, due: Micros },
}

pub struct Supervisor<E: Engine> {
    engine: E,
    board: Board,
    state: State<E::Instance>,
    /// Before the next fresh start.
    pause: Micros,
    failed_at: Micros,
    /// When the last instance was made, or tried to.
    started_at: Micros,
    report: Option<Report>,
}

/// What the steps took, for benchmarks.
struct Report {
    next: Micros,
    steps: u64,
    longest: Micros,
    busy: Micros,
    /// How many bytes of the heap are taken.
    heap: fn() -> usize,
}

impl Report {
    fn new(next: Micros, heap: fn() -> usize) -> Report {
        Report { next, steps: 0, longest: 0, busy: 0, heap }
    }

    fn count(&mut self, took: Micros) {
        self.steps += 1;
        self.busy += took;
        self.longest = self.longest.max(took);
    }
}

impl<E: Engine> Supervisor<E> {
    /// `report`: whether the log shall tell every 10 s how long steps take, and how many bytes of the heap are taken,
    /// which this says.
    pub fn new(engine: E, board: Board, report: Option<fn() -> usize>) -> Self {
        let report = report.map(|heap| Report::new(REPORT_EVERY, heap));
        let state = State::Paused { until: 0 };
        Supervisor { engine, board, state, pause: PAUSE_FIRST, failed_at: 0, started_at: 0, report }
    }

    pub fn board(&mut self) -> &mut Board {
        &mut self.board
    }

    /// Moves packets and does one step of the module, if there is cause. Answers when it must be called again at the
    /// latest; where that time is not in the future, at once.
    pub fn poll(&mut self) -> Micros {
        self.board.watchdog.feed();
        let now = self.board.now();
        self.board.sockets.poll(now, &mut *self.board.log);
        self.write_report(now);
        self.board.past.complaint.clear();
        let result = match &mut self.state {
            State::Paused { until } if *until <= now => self.start(now),
            State::Running { instance, due } if *due <= now || self.board.has_event(now) => {
                let result = instance.step(&mut self.board, now).map(|next| *due = next);
                if let Some(report) = &mut self.report {
                    report.count(self.board.clock.now() - now);
                }
                result
            }
            _ => Ok(()),
        };
        if let Err(trap) = result {
            let now = self.board.now(); // it may have taken a while
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
        self.started_at = now;
        let mut instance = self.engine.start()?;
        instance.begin(&mut self.board)?;
        self.state = State::Running { instance, due: now };
        Ok(())
    }

    /// The module failed: nothing of it stays, neither here nor on the network.
    fn stop(&mut self, now: Micros, trap: &str) {
        if now - self.failed_at >= STEADY_AFTER {
            self.pause = PAUSE_FIRST;
        }
        self.failed_at = now;
        self.board.capture.stop();
        self.board.sockets.abort_all();
        let pause = self.pause;
        // A failed assert is told in the log before it traps; that is then the better half of the reason.
        let mut text = match self.board.past.complaint.as_str() {
            "" => trap.to_string(),
            complaint => format!("{complaint} ({trap})"),
        };
        self.board.past.restarts += 1;
        let (restarts, ran) = (self.board.past.restarts, now - self.started_at);
        let (seconds, micros, wait) = (ran / SECOND, ran % SECOND, pause / MILLISECOND);
        self.board.log(
            Level::Error,
            format_args!(
                "the module stopped: {text}; it ran for {seconds}.{micros:06} s; fresh start {restarts} in {wait} ms"
            ),
        );
        text.truncate(text.floor_char_boundary(CRASH_BYTES_MAX));
        self.board.past.crash = Some((text, now));
        self.pause = (pause * 2).min(PAUSE_MAX);
        self.state = State::Paused { until: now + pause };
    }

    fn write_report(&mut self, now: Micros) {
        let Some(report) = self.report.as_mut().filter(|report| report.next <= now) else { return };
        let Report { steps, longest, busy, heap, .. } = *report;
        *report = Report::new(now + REPORT_EVERY, heap);
        let heap = heap();
        self.board.log(
            Level::Info,
            format_args!("report: {steps} steps, {busy} us in all, the longest {longest} us; {heap} bytes taken"),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::rc::Rc;

    use super::*;
    use crate::clock::{Clock, HandClock};
    use crate::fleet::Alone;
    use crate::imports::Past;
    use crate::log::KeptLog;
    use crate::random::NoRandom;
    use crate::sensor_bus::NoBus;
    use crate::settings::KeptSettings;
    use crate::sockets::ScriptedSockets;
    use crate::soft_sensor::SoftSensor;
    use crate::watchdog::CountingWatchdog;

    /// What a scripted module does when it is called.
    type Script = Box<dyn FnMut(&mut Board, Micros) -> Result<Micros, Trap>>;

    /// The double of the WebAssembly runtime: each start takes the next script.
    struct ScriptedEngine {
        scripts: VecDeque<Result<Script, Trap>>,
        /// How many instances are alive.
        alive: Rc<()>,
    }

    struct ScriptedInstance {
        script: Script,
        begun: bool,
        _alive: Rc<()>,
    }

    impl Engine for ScriptedEngine {
        type Instance = ScriptedInstance;

        fn start(&mut self) -> Result<ScriptedInstance, Trap> {
            assert_eq!(Rc::strong_count(&self.alive), 1, "there is memory for one module at a time");
            let script = self.scripts.pop_front().unwrap_or_else(|| Ok(Box::new(|_, _| Ok(NEVER))))?;
            Ok(ScriptedInstance { script, begun: false, _alive: self.alive.clone() })
        }
    }

    impl Instance for ScriptedInstance {
        fn begin(&mut self, _: &mut Board) -> Result<(), Trap> {
            assert!(!self.begun);
            self.begun = true;
            Ok(())
        }

        fn step(&mut self, board: &mut Board, now: Micros) -> Result<Micros, Trap> {
            assert!(self.begun, "the start function comes first");
            (self.script)(board, now)
        }
    }

    struct World {
        clock: HandClock,
        log: KeptLog,
        sockets: ScriptedSockets,
        watchdog: CountingWatchdog,
        supervisor: Supervisor<ScriptedEngine>,
    }

    fn world(scripts: impl IntoIterator<Item = Result<Script, Trap>>) -> World {
        let (clock, log, sockets) = (HandClock::default(), KeptLog::default(), ScriptedSockets::default());
        let watchdog = CountingWatchdog::default();
        let board = Board {
            name: "test",
            clock: Box::new(clock.clone()),
            sensor_bus: Box::new(NoBus),
            capture: Box::new(SoftSensor::new(None)),
            sockets: Box::new(sockets.clone()),
            fleet: Box::new(Alone),
            settings: Box::new(KeptSettings::default()),
            random: Box::new(NoRandom),
            log: Box::new(log.clone()),
            watchdog: Box::new(watchdog.clone()),
            past: Past::default(),
        };
        let engine = ScriptedEngine { scripts: scripts.into_iter().collect(), alive: Rc::new(()) };
        World { clock, log, sockets, watchdog, supervisor: Supervisor::new(engine, board, None) }
    }

    fn failing(text: &'static str) -> Result<Script, Trap> {
        Ok(Box::new(move |_, _| Err(text.into())))
    }

    /// Polls until the supervisor wants to sleep, and says until when.
    fn settle(world: &mut World) -> Micros {
        for _ in 0..100 {
            let wake_at = world.supervisor.poll();
            if wake_at > world.clock.now() {
                return wake_at;
            }
        }
        panic!("it never sleeps");
    }

    #[test]
    fn a_step_is_due_at_its_time_and_on_events() {
        let steps: Rc<RefCell<Vec<Micros>>> = Rc::default();
        let seen = steps.clone();
        let mut world = world([Ok(Box::new(move |board: &mut Board, now| {
            seen.borrow_mut().push(now);
            while board.sockets.take_event().is_some() {}
            Ok(now + 500)
        }) as Script)]);
        assert_eq!(settle(&mut world), 500);
        assert_eq!(settle(&mut world), 500); // woken for nothing: no step
        world.clock.set(200);
        world.sockets.raise(7);
        assert_eq!(settle(&mut world), 700);
        world.clock.set(700);
        assert_eq!(settle(&mut world), 1_200);
        assert_eq!(*steps.borrow(), [0, 200, 700]);
    }

    #[test]
    fn the_watchdog_is_fed_before_each_step_and_each_time_the_board_wakes_up() {
        let mut left = 3;
        let watchdog = Rc::<RefCell<Option<CountingWatchdog>>>::default();
        let (seen, fed) = (watchdog.clone(), Rc::<RefCell<Vec<u32>>>::default());
        let before_steps = fed.clone();
        let mut world = world([Ok(Box::new(move |_: &mut Board, now| {
            before_steps.borrow_mut().push(seen.borrow().as_ref().unwrap().fed());
            left -= 1;
            Ok(if left > 0 { now } else { NEVER })
        }) as Script)]);
        *watchdog.borrow_mut() = Some(world.watchdog.clone());
        settle(&mut world);
        let steps = fed.borrow().clone();
        assert!(steps.len() == 3 && steps.is_sorted_by(|one, next| one < next), "{steps:?}");
        let before = world.watchdog.fed();
        settle(&mut world); // woken for nothing
        assert_eq!(world.watchdog.fed(), before + 1);
    }

    #[test]
    fn a_module_that_has_more_to_do_is_called_at_once() {
        let mut left = 3;
        let mut world = world([Ok(Box::new(move |_: &mut Board, now| {
            left -= 1;
            Ok(if left > 0 { now } else { NEVER })
        }) as Script)]);
        assert_eq!(settle(&mut world), NEVER);
    }

    #[test]
    fn the_network_decides_when_to_wake_too() {
        let mut world = world([]);
        world.sockets.set_poll_at(300);
        assert_eq!(settle(&mut world), 300);
    }

    #[test]
    fn a_trap_is_logged_and_a_fresh_instance_starts_after_a_pause() {
        let mut world = world([failing("unreachable")]);
        assert_eq!(settle(&mut world), 100 * MILLISECOND);
        let text = "the module stopped: unreachable; it ran for 0.000000 s; fresh start 1 in 100 ms";
        assert_eq!(world.log.take(), [(Level::Error, text.to_string())]);
        assert_eq!(world.sockets.aborts(), 1);
        world.clock.set(100 * MILLISECOND - 1);
        assert_eq!(settle(&mut world), 100 * MILLISECOND);
        world.clock.set(100 * MILLISECOND);
        assert_eq!(settle(&mut world), NEVER);
        assert_eq!(world.supervisor.board().past.restarts, 1);
        assert_eq!(world.supervisor.board().past.crash, Some(("unreachable".to_string(), 0)));
        assert_eq!(world.log.take(), []);
    }

    #[test]
    fn a_failed_asserts_own_words_are_the_reason() {
        let mut calls = 0;
        let long = "a".repeat(200);
        let mut world = world([Ok(Box::new(move |board: &mut Board, now| {
            calls += 1;
            match calls {
                1 => {
                    board.past.complaint = "of an earlier step".into();
                    Ok(now + 1_500 * MILLISECOND)
                }
                _ => {
                    board.past.complaint = format!("slot.ts:7:3: {long}");
                    Err("unreachable".into())
                }
            }
        }) as Script)]);
        let wake_at = settle(&mut world);
        world.clock.set(wake_at);
        settle(&mut world);
        let (text, time) = world.supervisor.board().past.crash.clone().unwrap();
        assert_eq!((text.len(), time), (CRASH_BYTES_MAX, 1_500_000));
        assert!(text.starts_with("slot.ts:7:3: aaa"));
        let line = &world.log.take()[0].1;
        assert!(line.ends_with("aa (unreachable); it ran for 1.500000 s; fresh start 1 in 100 ms"), "{line}");
    }

    #[test]
    fn settings_outlive_the_module_that_put_them() {
        let mut world = world([Ok(Box::new(|board: &mut Board, _| {
            board.settings.put("quality", "40").unwrap();
            Err("unreachable".into())
        }) as Script)]);
        let wake_at = settle(&mut world);
        world.clock.set(wake_at);
        settle(&mut world);
        assert_eq!(world.supervisor.board().past.restarts, 1);
        assert_eq!(world.supervisor.board().settings.get("quality").as_deref(), Some("40"));
    }

    #[test]
    fn the_pause_grows_and_is_forgotten() {
        let mut world = world((0..9).map(|_| failing("again")));
        let mut pauses = vec![];
        for _ in 0..9 {
            let now = world.clock.now();
            let wake_at = settle(&mut world);
            pauses.push((wake_at - now) / MILLISECOND);
            world.clock.set(wake_at);
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);

        // The next one runs on for a minute.
        let engine = &mut world.supervisor.engine;
        let mut calls = 0;
        engine.scripts.push_back(Ok(Box::new(move |_, now| {
            calls += 1;
            if calls == 1 { Ok(now + STEADY_AFTER) } else { Err("at last".into()) }
        })));
        let wake_at = settle(&mut world);
        world.clock.set(wake_at);
        assert_eq!(settle(&mut world) - wake_at, 100 * MILLISECOND);
    }

    #[test]
    fn what_does_not_start_is_tried_again() {
        let mut world = world([Err("no memory".into())]);
        assert_eq!(settle(&mut world), 100 * MILLISECOND);
        let text = "the module stopped: no memory; it ran for 0.000000 s; fresh start 1 in 100 ms";
        assert_eq!(world.log.take()[0].1, text);
        world.clock.set(100 * MILLISECOND);
        assert_eq!(settle(&mut world), NEVER);
    }

    #[test]
    fn a_report_tells_how_long_steps_take() {
        let mut world = world([]);
        let clock = world.clock.clone();
        world.supervisor.engine.scripts.push_back(Ok(Box::new(move |_, _| {
            clock.advance(30);
            Ok(NEVER)
        })));
        world.supervisor.report = Some(Report::new(REPORT_EVERY, || 7));
        assert_eq!(settle(&mut world), REPORT_EVERY);
        world.clock.set(REPORT_EVERY);
        assert_eq!(settle(&mut world), 2 * REPORT_EVERY);
        assert_eq!(world.log.take()[0].1, "report: 1 steps, 30 us in all, the longest 30 us; 7 bytes taken");
    }
}
