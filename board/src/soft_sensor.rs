//! The soft sensor: a sensor without a lens, which plays a scene from memory in real time.
//!
//! Frames begin every `interval` from the moment it was set, whether anyone asks for them or not, as from a real
//! sensor: frame n is whole at `origin + (n + 1) * interval`. A capture gets the frame that is being exposed when it is
//! asked for, so that none comes twice.

use core::ops::Range;

use crate::capture::{Capture, Frame, Mode};
use crate::clock::{Micros, NEVER};
use crate::fault::{Fault, Mistake, Refusal};
use crate::scene::Scene;

pub struct SoftSensor {
    /// None where the PC gave no scene: no sensor is plugged in.
    scene: Option<Scene<'static>>,
    timing: Option<Timing>,
    state: State,
}

/// When frames come.
#[derive(Clone, Copy)]
struct Timing {
    origin: Micros,
    interval: Micros,
}

impl Timing {
    fn due(&self, frame: i64) -> Micros {
        self.origin + (frame + 1) * self.interval
    }
}

enum State {
    /// Nobody asked for a frame.
    Idle,
    /// Frame `frame` goes to the bytes `to` of the module's memory when it is due. `told` says whether the module
    /// knows that it is.
    Filling { frame: i64, to: Range<usize>, told: bool },
}

impl SoftSensor {
    pub fn new(scene: Option<Scene<'static>>) -> Self {
        SoftSensor { scene, timing: None, state: State::Idle }
    }

    /// When the frame that was asked for is whole, unless the module knows already.
    fn untold(&self) -> Option<Micros> {
        match (&self.state, &self.timing) {
            (State::Filling { frame, told: false, .. }, Some(timing)) => Some(timing.due(*frame)),
            _ => None,
        }
    }
}

impl Capture for SoftSensor {
    fn set(&mut self, now: Micros, mode: Mode) -> Result<(), Fault> {
        let scene = self.scene.as_ref().ok_or(Fault::Missing)?;
        let fits =
            (mode.width as usize, mode.height as usize, mode.format) == (scene.width, scene.height, scene.format);
        if !fits || mode.interval == 0 {
            return Err(Fault::Refused);
        }
        self.timing = Some(Timing { origin: now, interval: mode.interval.into() });
        self.stop();
        Ok(())
    }

    fn start(&mut self, now: Micros, to: Range<usize>) -> Result<(), Refusal> {
        if let State::Filling { .. } = self.state {
            return Err(Mistake("captureStart while a capture is under way").into());
        }
        let scene = self.scene.as_ref().ok_or(Fault::Missing)?;
        let timing = self.timing.as_ref().ok_or(Fault::Refused)?;
        if !scene.suits(to.len()) {
            return Err(Fault::Refused.into());
        }
        let frame = (now - timing.origin) / timing.interval;
        self.state = State::Filling { frame, to, told: false };
        Ok(())
    }

    fn poll(&mut self, now: Micros, memory: &mut [u8]) -> Result<Frame, Refusal> {
        let scene = self.scene.as_ref().ok_or(Fault::Missing)?;
        let (State::Filling { frame, to, told }, Some(timing)) = (&mut self.state, &self.timing) else {
            return Err(Mistake("capturePoll without a capture under way").into());
        };
        let time = timing.due(*frame);
        if now < time {
            *told = false;
            return Err(Fault::Again.into());
        }
        let bytes = memory.get_mut(to.clone()).ok_or(Mistake("the captured frame's memory is gone"))?;
        let length = scene.copy_frame(*frame as u64, bytes);
        self.state = State::Idle;
        Ok(Frame { length: length.ok_or(Fault::Torn)?, time })
    }

    fn stop(&mut self) {
        self.state = State::Idle;
    }

    fn has_event(&self, now: Micros) -> bool {
        self.untold().is_some_and(|at| at <= now)
    }

    fn take_event(&mut self, now: Micros) -> bool {
        let ready = self.has_event(now);
        if let State::Filling { told, .. } = &mut self.state {
            *told |= ready;
        }
        ready
    }

    fn event_at(&self) -> Micros {
        self.untold().unwrap_or(NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Format;
    use crate::scene::grey_scene;

    const MODE: Mode = Mode { width: 2, height: 1, format: Format::Gray, interval: 1_000 };

    fn sensor() -> SoftSensor {
        let file = grey_scene(2, 1, (9, 1), 1, &[(0, 0, 0), (0, 1, 0), (0, 2, 0), (0, 3, 0), (0, 4, 0)]);
        SoftSensor::new(Some(Scene::open(file.leak()).unwrap()))
    }

    #[test]
    fn a_frame_comes_when_it_is_due() {
        let mut sensor = sensor();
        let mut memory = [0xff; 5];
        sensor.set(500, MODE).unwrap();
        sensor.start(600, 1..3).unwrap();
        assert_eq!(sensor.event_at(), 1_500);
        assert!(!sensor.has_event(1_499));
        assert_eq!(sensor.poll(1_499, &mut memory), Err(Fault::Again.into()));
        assert_eq!(memory, [0xff; 5]);
        assert!(sensor.take_event(1_500));
        assert!(!sensor.take_event(1_500)); // told once
        assert_eq!(sensor.event_at(), NEVER);
        assert_eq!(sensor.poll(1_510, &mut memory), Ok(Frame { length: 2, time: 1_500 }));
        assert_eq!(memory, [0xff, 0, 1, 0xff, 0xff]);
    }

    #[test]
    fn frames_follow_one_another_and_none_comes_twice() {
        let mut sensor = sensor();
        let mut memory = [0; 2];
        sensor.set(0, MODE).unwrap();
        for n in 0..7 {
            sensor.start(n * 1_000, 0..2).unwrap();
            let now = (n + 1) * 1_000;
            assert_eq!(sensor.poll(now, &mut memory), Ok(Frame { length: 2, time: now }));
            assert_eq!(memory[0], (n % 5) as u8);
        }
        // Asked a second time, late within the interval: still the next frame, not the same.
        sensor.start(7_900, 0..2).unwrap();
        assert_eq!(sensor.poll(8_000, &mut memory).unwrap().time, 8_000);
    }

    #[test]
    fn a_camera_that_comes_late_misses_frames() {
        let mut sensor = sensor();
        let mut memory = [0; 2];
        sensor.set(0, MODE).unwrap();
        sensor.start(3_250, 0..2).unwrap();
        assert_eq!(sensor.poll(5_000, &mut memory), Ok(Frame { length: 2, time: 4_000 }));
        assert_eq!(memory, [3, 4]);
    }

    #[test]
    fn what_it_has_not_is_refused() {
        let mut sensor = sensor();
        assert_eq!(sensor.start(0, 0..2), Err(Fault::Refused.into())); // not set yet
        for wrong in [
            Mode { width: 3, ..MODE },
            Mode { height: 2, ..MODE },
            Mode { format: Format::Rgb565, ..MODE },
            Mode { interval: 0, ..MODE },
        ] {
            assert_eq!(sensor.set(0, wrong), Err(Fault::Refused));
        }
        sensor.set(0, MODE).unwrap();
        assert_eq!(sensor.start(0, 0..3), Err(Fault::Refused.into()));
        let mut none = SoftSensor::new(None);
        assert_eq!(none.set(0, MODE), Err(Fault::Missing));
        assert_eq!(none.start(0, 0..2), Err(Fault::Missing.into()));
        assert_eq!(none.poll(0, &mut []), Err(Fault::Missing.into()));
    }

    #[test]
    fn one_capture_at_a_time() {
        let mut sensor = sensor();
        let mut memory = [0xff; 4];
        sensor.set(0, MODE).unwrap();
        sensor.start(0, 0..2).unwrap();
        assert!(matches!(sensor.start(0, 2..4), Err(Refusal::Mistake(_))));
        sensor.stop();
        assert!(!sensor.has_event(5_000));
        assert!(matches!(sensor.poll(5_000, &mut memory), Err(Refusal::Mistake(_))));
        assert_eq!(memory, [0xff; 4]);
        sensor.start(5_000, 2..4).unwrap();
        assert!(sensor.poll(6_000, &mut memory).is_ok());
    }
}
