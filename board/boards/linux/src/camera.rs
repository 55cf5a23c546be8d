//! A camera of Linux' as the module's soft sensor. Opening a device, changing its mode and ending its stream can take a
//! second, so a thread of its own does them (`video.rs`), and the module's step never waits: it leaves a wish, and
//! finds what became of it.
//!
//! The thread takes each picture as it comes, and only the newest is kept. A camera that is unplugged is missing until
//! its path can be opened again, which the module tries with growing pauses; where nobody wants pictures for a while
//! the device is closed, and free for others.

#![allow(unsafe_code)] // one call into libc

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use board::capture::{Capture, Format, Frame, Mode};
use board::clock::{Clock, Micros, NEVER, SECOND};
use board::fault::{Fault, Mistake, Refusal};
use board::log::Level;
use board::settings::Settings;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};
use rustix::time::Timespec;

use crate::controls::Held;
use crate::system::{SystemClock, calm, signal};
use crate::video::{self, Offer, Stream, Taken, Trouble, rate_text};

/// The device is closed when nobody asked for a picture for so long.
const REST_AFTER: Micros = 5 * SECOND;
/// A stream that brings no picture for so long, and two pictures' time, is begun anew when it is asked for again.
const STALLED_AFTER: Micros = SECOND;

/// What both sides know.
struct Shared {
    path: PathBuf,
    /// Of the camera that was there first. One with other sizes in its place is refused.
    offer: OnceLock<Offer>,
    state: Mutex<State>,
    /// Readable where there is a new wish.
    wishes: OwnedFd,
    /// Readable where there is something new for the module or its log.
    news: Arc<OwnedFd>,
}

#[derive(Default)]
struct State {
    /// What the thread shall do; it counts from 1, 0 being nothing.
    wish: u64,
    mode: Option<Mode>,
    /// What became of the wish.
    outcome: Outcome,
    /// The newest picture, and a buffer for the next.
    newest: Option<Picture>,
    spare: Vec<u8>,
    /// When a picture was last asked for, and when one, or the stream's beginning, last came.
    asked_at: Micros,
    came_at: Micros,
    /// Of the offer's controls.
    controls: Held,
    lines: VecDeque<(Level, String)>,
    /// What was last said about what is taken in place of what was set.
    choice: String,
}

/// What became of a wish.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Outcome {
    /// The thread is at it.
    #[default]
    Pending,
    /// Pictures come.
    Streaming,
    /// Nobody asked for pictures: the device is closed until somebody does.
    Resting,
    /// There is no stream, or no more.
    Ended(Fault),
}

struct Picture {
    /// None: the device says that it is damaged.
    bytes: Option<Vec<u8>>,
    time: Micros,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        signal(&self.news);
    }

    /// Keeps what the camera offers, as it was first seen.
    fn learn(&self, offer: Offer) -> &Offer {
        self.offer.get_or_init(|| {
            self.state().controls = Held::new(&offer.controls);
            offer
        })
    }

    fn say(&self, level: Level, text: String) {
        self.state().lines.push_back((level, format!("camera {}: {text}", self.path.display())));
        self.tell();
    }
}

/// The camera, as the module's calls reach it.
pub struct Camera {
    shared: Arc<Shared>,
    mode: Option<Mode>,
    capture: Under,
}

/// What is under way.
enum Under {
    Nothing,
    /// `set` is to be asked again. `told`: the module knows that it is worth it.
    Setting {
        told: bool,
    },
    /// A picture goes to these bytes of the module's memory.
    Capture {
        to: Range<usize>,
        told: bool,
    },
}

/// What the program keeps of a camera: its log, and its news.
#[derive(Clone)]
pub struct CameraLog(Arc<Shared>);

impl CameraLog {
    /// Readable where `Camera` or `take_lines` has something new.
    pub fn news(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.0.news)
    }

    pub fn take_lines(&self) -> VecDeque<(Level, String)> {
        std::mem::take(&mut self.0.state().lines)
    }
}

impl Camera {
    /// Looks at the device, which need not be there yet, and starts the thread. Fails where waiting would not help.
    pub fn start(path: &Path, clock: SystemClock) -> Result<(Camera, CameraLog), String> {
        let event = || eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(|error| error.to_string());
        let shared = Shared {
            path: path.to_path_buf(),
            offer: OnceLock::new(),
            state: Mutex::new(State::default()),
            wishes: event()?,
            news: Arc::new(event()?),
        };
        match video::offer(path) {
            Ok(offer) => {
                shared.say(Level::Info, offer.card.clone());
                shared.learn(offer);
            }
            Err(Trouble::Unusable(reason)) => return Err(format!("camera {}: {reason}", path.display())),
            Err(trouble) => shared.say(Level::Warning, format!("{trouble}; waiting for it")),
        }
        let shared = Arc::new(shared);
        let worker = Worker { shared: Arc::clone(&shared), clock, stream: None, served: 0, complaint: String::new() };
        let spawned = thread::Builder::new().name("camera".into()).spawn(move || worker.run());
        spawned.map_err(|error| error.to_string())?; // it ends with the program
        let log = CameraLog(Arc::clone(&shared));
        Ok((Camera { shared, mode: None, capture: Under::Nothing }, log))
    }

    /// Has the settings `inner` tell the module what this camera offers.
    pub fn settings<S: Settings>(&self, inner: S) -> CameraSettings<S> {
        CameraSettings { inner, shared: Arc::clone(&self.shared), texts: OnceLock::new() }
    }

    fn wish(&self, state: &mut State) {
        state.wish += 1;
        state.mode = self.mode;
        state.outcome = Outcome::Pending;
        state.newest = None;
        signal(&self.shared.wishes);
    }
}

impl Capture for Camera {
    fn set(&mut self, now: Micros, mode: Mode) -> Result<(), Fault> {
        self.capture = Under::Nothing;
        let mut state = self.shared.state();
        let is_new = self.mode != Some(mode);
        let stalls_at = state.came_at + STALLED_AFTER + 2 * Micros::from(mode.interval);
        let is_settled = state.controls.is_settled();
        match state.outcome {
            Outcome::Streaming if !is_new && now < stalls_at && is_settled => return Ok(()),
            Outcome::Streaming if !is_new && now < stalls_at => signal(&self.shared.wishes),
            Outcome::Resting if !is_new && is_settled => return Ok(()),
            Outcome::Ended(fault) if !is_new => {
                self.mode = None; // next time it is tried again
                return Err(fault);
            }
            Outcome::Pending if !is_new => {}
            _ => {
                self.mode = Some(mode);
                state.asked_at = now;
                self.wish(&mut state);
            }
        }
        drop(state);
        self.capture = Under::Setting { told: false };
        Err(Fault::Again)
    }

    fn start(&mut self, now: Micros, to: Range<usize>) -> Result<(), Refusal> {
        if let Under::Capture { .. } = self.capture {
            return Err(Mistake("captureStart while a capture is under way").into());
        }
        let mode = self.mode.ok_or(Fault::Refused)?;
        let mut state = self.shared.state();
        state.asked_at = now;
        match state.outcome {
            Outcome::Ended(_) => {
                self.mode = None;
                return Err(Fault::Missing.into());
            }
            Outcome::Resting => self.wish(&mut state),
            Outcome::Streaming | Outcome::Pending => {}
        }
        // One that came in between is as good as the next, but for one from before a rest.
        if state.newest.as_ref().is_some_and(|picture| now - picture.time > mode.interval.into()) {
            state.newest = None;
        }
        drop(state);
        self.capture = Under::Capture { to, told: false };
        Ok(())
    }

    fn poll(&mut self, _: Micros, memory: &mut [u8]) -> Result<Frame, Refusal> {
        let Under::Capture { to, told } = &mut self.capture else {
            return Err(Mistake("capturePoll without a capture under way").into());
        };
        let mut state = self.shared.state();
        let Some(picture) = state.newest.take() else {
            if let Outcome::Ended(_) = state.outcome {
                self.capture = Under::Nothing;
                self.mode = None;
                return Err(Fault::Missing.into());
            }
            *told = false;
            return Err(Fault::Again.into());
        };
        drop(state); // copying takes a while
        let room = memory.get_mut(to.clone()).ok_or(Mistake("the captured frame's memory is gone"))?;
        self.capture = Under::Nothing;
        let bytes = picture.bytes.ok_or(Fault::Torn)?;
        let length = bytes.len();
        let fits = room.get_mut(..length).map(|room| room.copy_from_slice(&bytes));
        self.shared.state().spare = bytes;
        fits.ok_or(Fault::Torn)?;
        Ok(Frame { length, time: picture.time })
    }

    fn stop(&mut self) {
        self.capture = Under::Nothing;
    }

    fn has_event(&self, _: Micros) -> bool {
        match self.capture {
            Under::Setting { told: false } => {
                let state = self.shared.state();
                match state.outcome {
                    Outcome::Pending => false,
                    Outcome::Streaming => state.controls.is_settled(),
                    Outcome::Resting | Outcome::Ended(_) => true,
                }
            }
            Under::Capture { told: false, .. } => {
                let state = self.shared.state();
                state.newest.is_some() || matches!(state.outcome, Outcome::Ended(_))
            }
            _ => false,
        }
    }

    fn take_event(&mut self, now: Micros) -> bool {
        let ready = self.has_event(now);
        if let Under::Setting { told } | Under::Capture { told, .. } = &mut self.capture {
            *told |= ready;
        }
        ready
    }

    fn event_at(&self) -> Micros {
        NEVER // the news wake the program
    }
}

/// Settings, and what the camera offers: `mode.0`, `mode.1` … And a size and format that somebody wants, but the camera
/// has not, are the nearest that it has. What else it has to set is described in `control.0`, `control.1` …; each one's
/// value is `control.` and its name, which are not kept, but reach the camera before `Camera::set` is done.
pub struct CameraSettings<S> {
    inner: S,
    shared: Arc<Shared>,
    texts: OnceLock<Vec<Texts>>,
}

/// A mode in words.
struct Texts {
    size: String,
    both: String,
}

impl<S: Settings> CameraSettings<S> {
    /// The setting `control.` and `what`.
    fn control(&self, offer: &Offer, what: &str) -> Option<String> {
        if let Ok(number) = what.parse::<usize>() {
            return Some(offer.controls.get(number)?.description());
        }
        let index = offer.controls.iter().position(|control| control.name == what)?;
        Some(offer.controls[index].text(self.shared.state().controls.tell(index)))
    }

    fn texts(&self, offer: &Offer) -> &[Texts] {
        self.texts.get_or_init(|| {
            let size = |mode: &video::Offered| format!("{}x{}", mode.width, mode.height);
            let both = |mode: &video::Offered| format!("{} {}", size(mode), mode.format.name());
            offer.modes.iter().map(|mode| Texts { size: size(mode), both: both(mode) }).collect()
        })
    }

    /// The mode that is nearest to what somebody set, if anybody set something that makes sense.
    fn nearest(&self, offer: &Offer) -> Option<usize> {
        let size = self.inner.get("size").as_deref().and_then(|text| {
            let (width, height) = text.split_once('x')?;
            Some((width.parse().ok()?, height.parse().ok()?))
        });
        let format = self.inner.get("format").and_then(|name| {
            [Format::Jpeg, Format::Yuyv, Format::Rgb565, Format::Gray, Format::Bayer]
                .into_iter()
                .find(|format| format.name() == name.as_ref())
        });
        if size.is_none() && format.is_none() {
            return None;
        }
        let index = video::nearest(&offer.modes, size, format);
        let found = &offer.modes[index];
        let is_met = size.is_none_or(|size| size == (found.width, found.height))
            && format.is_none_or(|format| format == found.format);
        if !is_met {
            let texts = self.texts(offer);
            let wanted = [self.inner.get("size"), self.inner.get("format")].into_iter().flatten();
            let wanted = wanted.collect::<Vec<_>>().join(" ");
            let text = format!("it has no {wanted}; the nearest is {}", texts[index].both);
            let mut state = self.shared.state();
            if state.choice != text {
                state.lines.push_back((Level::Warning, format!("camera {}: {text}", self.shared.path.display())));
                state.choice = text;
            }
        }
        Some(index)
    }
}

impl<S: Settings> Settings for CameraSettings<S> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let Some(offer) = self.shared.offer.get() else { return self.inner.get(name) };
        let texts = self.texts(offer);
        if let Some(number) = name.strip_prefix("mode.") {
            return Some(texts.get(number.parse::<usize>().ok()?)?.both.as_str().into());
        }
        if let Some(what) = name.strip_prefix("control.") {
            return self.control(offer, what).map(Cow::from);
        }
        match name {
            "size" => Some(texts[self.nearest(offer)?].size.as_str().into()),
            "format" => Some(offer.modes[self.nearest(offer)?].format.name().into()),
            _ => self.inner.get(name),
        }
    }

    fn put(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        let Some(control) = name.strip_prefix("control.") else { return self.inner.put(name, value) };
        let controls = self.shared.offer.get().map_or(&[][..], |offer| &offer.controls);
        let index = controls.iter().position(|known| known.name == control).ok_or(Fault::Refused)?;
        let is_understood = self.shared.state().controls.set(index, &controls[index], value);
        is_understood.then_some(()).ok_or(Fault::Refused)
    }
}

/// The thread that has the device.
struct Worker {
    shared: Arc<Shared>,
    clock: SystemClock,
    stream: Option<Stream>,
    /// The wish that the stream is for.
    served: u64,
    /// What was last said to be wrong, that it be said once.
    complaint: String,
}

impl Worker {
    fn run(mut self) {
        leave_signals();
        let mut bytes = Vec::new();
        loop {
            self.wait();
            calm(&self.shared.wishes);
            let (wish, mode) = {
                let state = self.shared.state();
                (state.wish, state.mode)
            };
            if wish != self.served {
                self.served = wish;
                self.stream = None; // closes the device
                self.begin(mode);
            }
            let is_settled = self.shared.state().controls.is_settled();
            if let (Some(stream), false) = (&self.stream, is_settled) {
                match self.adjust(stream) {
                    Ok(()) => self.shared.tell(),
                    Err(trouble) => self.end(trouble),
                }
            }
            self.take(&mut bytes);
            self.rest();
        }
    }

    /// Waits for a picture, a wish, or that it is time to rest.
    fn wait(&mut self) {
        let now = self.clock.now();
        let span = match &self.stream {
            Some(_) => (self.shared.state().asked_at + REST_AFTER - now).max(0),
            None => REST_AFTER,
        };
        let timeout = Timespec { tv_sec: span / SECOND, tv_nsec: span % SECOND * 1_000 };
        let mut watched = vec![PollFd::new(&self.shared.wishes, PollFlags::IN)];
        watched.extend(self.stream.as_ref().map(|stream| PollFd::from_borrowed_fd(stream.as_fd(), PollFlags::IN)));
        // It fails where a signal comes in between; then nothing is there, and it waits again.
        let _ = rustix::event::poll(&mut watched, Some(&timeout));
        let lost = watched.get(1).is_some_and(|device| device.revents().intersects(PollFlags::ERR | PollFlags::HUP));
        if lost {
            self.end(Trouble::Absent);
        }
    }

    /// Opens the device in that mode.
    fn begin(&mut self, mode: Option<Mode>) {
        let Some(mode) = mode else { return };
        match self.open(mode).and_then(|stream| self.adjust(&stream).map(|()| stream)) {
            Ok(stream) => {
                let wanted = 1e6 / f64::from(mode.interval);
                let mut text = format!("{}x{} {}", mode.width, mode.height, mode.format.name());
                if let Some(rate) = stream.rate {
                    text += &format!(", {} frames a second", rate_text(rate));
                    if (rate - wanted).abs() > 0.01 * wanted {
                        text += &format!(", the nearest to {}", rate_text(wanted));
                    }
                }
                if stream.is_stretched {
                    text += ", levels of video";
                }
                self.stream = Some(stream);
                self.complaint.clear();
                self.shared.say(Level::Info, text);
                let now = self.clock.now();
                self.settle(Outcome::Streaming, |state| state.came_at = now);
            }
            Err(trouble) => self.end(trouble),
        }
    }

    fn open(&self, mode: Mode) -> Result<Stream, Trouble> {
        let offer = match self.shared.offer.get() {
            Some(offer) => offer,
            None => {
                let offer = video::offer(&self.shared.path)?;
                self.shared.say(Level::Info, offer.card.clone());
                self.shared.learn(offer)
            }
        };
        Stream::start(&self.shared.path, mode, offer)
    }

    /// Brings the device's controls to what was set. What it refuses is said; the pictures go on.
    fn adjust(&self, stream: &Stream) -> Result<(), Trouble> {
        let Some(offer) = self.shared.offer.get() else { return Ok(()) };
        let task = self.shared.state().controls.task();
        let results = task.run(stream.as_fd(), &offer.controls)?;
        let lines = self.shared.state().controls.settle(&offer.controls, &task, &results);
        for line in lines {
            self.shared.say(Level::Warning, line);
        }
        Ok(())
    }

    /// There is no stream.
    fn end(&mut self, trouble: Trouble) {
        self.stream = None;
        let complaint = trouble.to_string();
        if self.complaint != complaint {
            self.shared.say(Level::Warning, complaint.clone());
            self.complaint = complaint;
        }
        let fault = if trouble == Trouble::NotOffered { Fault::Refused } else { Fault::Missing };
        self.settle(Outcome::Ended(fault), |_| {});
    }

    /// Tells what became of the wish, unless there is another by now.
    fn settle(&self, outcome: Outcome, also: impl FnOnce(&mut State)) {
        let mut state = self.shared.state();
        if state.wish == self.served {
            state.outcome = outcome;
            also(&mut state);
        }
        drop(state);
        self.shared.tell();
    }

    /// Takes the pictures that are there; the newest stays.
    fn take(&mut self, bytes: &mut Vec<u8>) {
        while let Some(stream) = &mut self.stream {
            let taken = match stream.take(bytes) {
                Ok(Taken::Nothing) => return,
                Ok(taken) => taken,
                Err(trouble) => return self.end(trouble),
            };
            let now = self.clock.now();
            let mut state = self.shared.state();
            if state.wish != self.served {
                return;
            }
            state.came_at = now;
            let spare = std::mem::take(&mut state.spare);
            let whole = (taken == Taken::Whole).then(|| std::mem::replace(bytes, spare));
            let old = state.newest.replace(Picture { bytes: whole, time: now });
            if let Some(Picture { bytes: Some(old), .. }) = old {
                state.spare = old;
            }
            drop(state);
            self.shared.tell();
        }
    }

    /// Closes the device where nobody asks for pictures.
    fn rest(&mut self) {
        let mut state = self.shared.state();
        let is_idle = self.clock.now() - state.asked_at >= REST_AFTER;
        if is_idle && self.stream.is_some() && state.wish == self.served {
            state.outcome = Outcome::Resting;
            drop(state);
            self.stream = None;
        }
    }
}

/// Signals are the main thread's: what they end (a call of the module's) is there.
fn leave_signals() {
    // SAFETY: both are called with a set that the first has filled, and change this thread alone.
    unsafe {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), ptr::null_mut());
    }
}

/// What `--list-cameras` shows: a row for each size and format of each device, with all rates, and for each control.
pub fn list(only: Option<&Path>) -> io::Result<String> {
    let mut paths = Vec::new();
    match only {
        Some(path) => paths.push(path.to_path_buf()),
        None => {
            for entry in std::fs::read_dir("/dev")? {
                let path = entry?.path();
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let number = name.strip_prefix("video").and_then(|number| number.parse::<u32>().ok());
                paths.extend(number.map(|_| path.clone()));
            }
            paths.sort_by_key(|path| (path.as_os_str().len(), path.clone())); // by their numbers
        }
    }
    if paths.is_empty() {
        return Ok("no camera: there is no /dev/video0, nor any other\n".into());
    }
    let mut modes = vec![["device", "camera", "size", "format", "frames a second"].map(String::from)];
    let mut controls = vec![["device", "control", "can be", "default", "now"].map(String::from)];
    for path in paths {
        let device = path.display().to_string();
        match video::offer(&path) {
            Ok(offer) => {
                modes.extend(offer.modes.iter().map(|mode| {
                    let size = format!("{}x{}", mode.width, mode.height);
                    [device.clone(), offer.card.clone(), size, mode.format.name().into(), mode.rates.to_string()]
                }));
                controls.extend(offer.controls.iter().map(|control| {
                    let now = control.text(control.present);
                    [device.clone(), control.name.into(), control.range(), control.initial_text(), now]
                }));
            }
            Err(trouble) => modes.push([device, format!("({trouble})"), String::new(), String::new(), String::new()]),
        }
    }
    let has_controls = controls.len() > 1;
    Ok(table(&modes) + &if has_controls { format!("\n{}", table(&controls)) } else { String::new() })
}

/// Rows as text, with each column as wide as it needs to be.
fn table(rows: &[[String; 5]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string() + "\n"
    };
    rows.iter().map(line).collect()
}
