//! What a video device has to set beside size and format: exposure, brightness and so on (V4L2's controls), with the
//! names, kinds and units of the module's controls; and what is held of each, so that a device that comes back is
//! brought to it. When that is done is `camera.rs`' affair: calls into the device may take their time.
//!
//! (The crate linuxvideo lists controls too, but never the first, brightness: it asks for those behind it.)

#![allow(unsafe_code)] // one call into libc

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::video::Trouble;

/// Bytes of a choice in words, and of a whole description (assembly/limits.ts, SETTING_BYTES).
const CHOICE_BYTES_MAX: usize = 24;
const DESCRIPTION_BYTES_MAX: usize = 256;
/// The last place of a menu that is looked at.
const ITEMS_MAX: i32 = 63;
/// `V4L2_EXPOSURE_MANUAL`
const EXPOSURE_MANUAL: i32 = 1;

/// What the module's control shall be; a device's that is something else is left out.
#[derive(Clone, Copy)]
enum Shape {
    /// A number of this unit, so many of which the device counts as one.
    Number(&'static str, i32),
    Switch,
    Choice,
    /// Who chooses the exposure: on where anybody but a person does.
    AutoExposure,
    /// A switch that is the choice between `auto` and `manual`.
    AutoOrManual,
    /// Whatever the device has.
    AsItIs,
}

// linux/v4l2-controls.h: what the names V4L2_CID_… of its controls count from.
const USER: u32 = 0x0098_0900;
const CAMERA: u32 = 0x009a_0900;

/// V4L2's controls that become the module's, in the order in which they are set: what decides whether others count
/// comes first. Of two with the same name the first that the device has. Rotation by a right angle would be another
/// size.
const NAMES: [(u32, &str, Shape); 37] = [
    (CAMERA + 1, "auto_exposure", Shape::AutoExposure), // EXPOSURE_AUTO
    (USER + 18, "auto_gain", Shape::Switch),            // AUTOGAIN
    (USER + 12, "white_balance", Shape::AutoOrManual),  // AUTO_WHITE_BALANCE
    (CAMERA + 20, "white_balance", Shape::Choice),      // AUTO_N_PRESET_WHITE_BALANCE
    (CAMERA + 12, "auto_focus", Shape::Switch),         // FOCUS_AUTO
    (USER + 25, "auto_hue", Shape::Switch),             // HUE_AUTO
    (USER + 32, "auto_brightness", Shape::Switch),      // AUTOBRIGHTNESS
    (CAMERA + 2, "exposure", Shape::Number("us", 100)), // EXPOSURE_ABSOLUTE
    (USER + 19, "gain", Shape::Number("", 1)),          // GAIN
    (USER + 26, "white_balance_temperature", Shape::Number("K", 1)), // WHITE_BALANCE_TEMPERATURE
    (CAMERA + 10, "focus", Shape::Number("", 1)),       // FOCUS_ABSOLUTE
    (USER + 0, "brightness", Shape::Number("", 1)),     // BRIGHTNESS
    (USER + 1, "contrast", Shape::Number("", 1)),       // CONTRAST
    (USER + 2, "saturation", Shape::Number("", 1)),     // SATURATION
    (USER + 3, "hue", Shape::Number("", 1)),            // HUE
    (USER + 16, "gamma", Shape::Number("", 1)),         // GAMMA
    (USER + 27, "sharpness", Shape::Number("", 1)),     // SHARPNESS
    (USER + 14, "red_balance", Shape::Number("", 1)),   // RED_BALANCE
    (USER + 15, "blue_balance", Shape::Number("", 1)),  // BLUE_BALANCE
    (USER + 24, "power_line_frequency", Shape::Choice), // POWER_LINE_FREQUENCY
    (USER + 28, "backlight_compensation", Shape::AsItIs), // BACKLIGHT_COMPENSATION
    (CAMERA + 3, "exposure_dynamic_framerate", Shape::AsItIs), // EXPOSURE_AUTO_PRIORITY
    (USER + 20, "mirror", Shape::Switch),               // HFLIP
    (USER + 21, "flip", Shape::Switch),                 // VFLIP
    (CAMERA + 13, "zoom", Shape::Number("", 1)),        // ZOOM_ABSOLUTE
    (CAMERA + 8, "pan", Shape::Number("", 1)),          // PAN_ABSOLUTE
    (CAMERA + 9, "tilt", Shape::Number("", 1)),         // TILT_ABSOLUTE
    (CAMERA + 17, "iris", Shape::Number("", 1)),        // IRIS_ABSOLUTE
    (CAMERA + 21, "wide_dynamic_range", Shape::Switch), // WIDE_DYNAMIC_RANGE
    (CAMERA + 22, "image_stabilization", Shape::Switch), // IMAGE_STABILIZATION
    (CAMERA + 19, "exposure_bias", Shape::Choice),      // AUTO_EXPOSURE_BIAS
    (CAMERA + 24, "auto_iso", Shape::Choice),           // ISO_SENSITIVITY_AUTO
    (CAMERA + 23, "iso", Shape::Choice),                // ISO_SENSITIVITY
    (CAMERA + 25, "exposure_metering", Shape::Choice),  // EXPOSURE_METERING
    (CAMERA + 26, "scene_mode", Shape::Choice),         // SCENE_MODE
    (USER + 31, "color_effects", Shape::Choice),        // COLORFX
    (USER + 30, "monochrome", Shape::Switch),           // COLOR_KILLER
];

/// How people write the device's values.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Number { least: i32, most: i32, step: i32, unit: &'static str, scale: i32 },
    Switch { on: i32, off: i32 },
    Choice(Vec<(i32, String)>),
}

/// A control that a device has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    id: u32,
    pub name: &'static str,
    kind: Kind,
    initial: i32,
    /// What it was set to when the device was looked at.
    pub present: i32,
}

impl Control {
    /// As people write one of the device's values.
    pub fn text(&self, value: i32) -> String {
        match &self.kind {
            Kind::Number { scale, .. } => value.saturating_mul(*scale).to_string(),
            Kind::Switch { off, .. } => (if value == *off { "off" } else { "on" }).to_string(),
            Kind::Choice(choices) => choices.iter().find(|(known, _)| *known == value).unwrap_or(&choices[0]).1.clone(),
        }
    }

    /// The device's value that is nearest to what people wrote.
    pub fn value(&self, text: &str) -> Option<i32> {
        match &self.kind {
            Kind::Number { least, most, step, scale, .. } => {
                let rounded = |value: i64, step: i64| (value + step / 2).div_euclid(step);
                let [least, most, step, scale] = [*least, *most, *step, *scale].map(i64::from);
                let value = rounded(text.parse::<i32>().ok()?.into(), scale).clamp(least, most);
                let steps = rounded(value - least, step).min((most - least) / step);
                i32::try_from(least + steps * step).ok()
            }
            Kind::Switch { on, .. } if text == "on" => Some(*on),
            Kind::Switch { off, .. } if text == "off" => Some(*off),
            Kind::Switch { .. } => None,
            Kind::Choice(choices) => choices.iter().find(|(_, known)| known == text).map(|(value, _)| *value),
        }
    }

    /// What the module makes its control of: `readControl` in assembly/settings.ts.
    pub fn description(&self) -> String {
        let (name, initial) = (self.name, self.text(self.initial));
        match &self.kind {
            Kind::Number { least, most, unit, .. } => {
                let text = format!("{name} number {} {} {initial} {unit}", self.text(*least), self.text(*most));
                text.trim_end().to_string()
            }
            Kind::Switch { .. } => format!("{name} switch {initial}"),
            Kind::Choice(choices) => {
                let choices: Vec<&str> = choices.iter().map(|(_, text)| text.as_str()).collect();
                format!("{name} choice {initial} {}", choices.join(" "))
            }
        }
    }

    /// What it can be, for people.
    pub fn range(&self) -> String {
        match &self.kind {
            Kind::Number { least, most, unit, .. } => {
                format!("{} to {} {unit}", self.text(*least), self.text(*most)).trim_end().to_string()
            }
            Kind::Switch { .. } => "on off".to_string(),
            Kind::Choice(choices) => choices.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" "),
        }
    }

    pub fn initial_text(&self) -> String {
        self.text(self.initial)
    }

    fn new(device: BorrowedFd, told: &ToldControl, name: &'static str, shape: Shape) -> Option<Control> {
        let (kind, least, most) = (told.kind, told.least, told.most);
        // Old drivers have a switch as a number.
        let is_switch = kind == TYPE_BOOLEAN || kind == TYPE_INTEGER && (least, most) == (0, 1);
        let is_number = kind == TYPE_INTEGER && least < most;
        let is_menu = kind == TYPE_MENU || kind == TYPE_INTEGER_MENU;
        let kind = match shape {
            Shape::Switch | Shape::AsItIs if is_switch => Kind::Switch { on: 1, off: 0 },
            Shape::AutoOrManual if is_switch => Kind::Choice(vec![(1, "auto".into()), (0, "manual".into())]),
            Shape::Number(unit, scale) if is_number => number(told, unit, scale),
            Shape::AsItIs if is_number => number(told, "", 1),
            Shape::Choice | Shape::AsItIs if is_menu => Kind::Choice(choices(device, told, name)),
            Shape::AutoExposure if is_menu => auto_exposure(device, told)?,
            _ => return None,
        };
        if matches!(&kind, Kind::Choice(choices) if choices.len() < 2) {
            return None;
        }
        let within = |value: i32| match kind {
            Kind::Number { least, most, .. } => value.clamp(least, most), // some drivers' are not
            _ => value,
        };
        let initial = within(told.initial);
        let present = within(read(device, told.id).unwrap_or(initial));
        Some(Control { id: told.id, name, kind, initial, present })
    }
}

fn number(told: &ToldControl, unit: &'static str, scale: i32) -> Kind {
    let (least, most) = (told.least.max(i32::MIN / scale), told.most.min(i32::MAX / scale));
    Kind::Number { least, most, step: told.step.max(1), unit, scale }
}

/// A menu's items in words without blanks, each once, as many as a description has room for.
fn choices(device: BorrowedFd, told: &ToldControl, name: &str) -> Vec<(i32, String)> {
    let mut choices: Vec<(i32, String)> = Vec::new();
    let mut room = DESCRIPTION_BYTES_MAX - name.len() - " choice  ".len() - CHOICE_BYTES_MAX;
    for (value, text) in items(device, told) {
        let is_new = !text.is_empty() && choices.iter().all(|(_, known)| *known != text);
        if is_new && text.len() < room {
            room -= text.len() + 1;
            choices.push((value, text));
        }
    }
    choices
}

/// A menu's items.
fn items(device: BorrowedFd, told: &ToldControl) -> Vec<(i32, String)> {
    let ask = |index: i32| {
        let mut item = ToldItem { id: told.id, index: index as u32, name: [0; 32], reserved: 0 };
        call(device, &mut item).ok()?; // a menu may have gaps
        let text = match told.kind {
            TYPE_INTEGER_MENU => i64::from_ne_bytes(*item.name.first_chunk()?).to_string(),
            _ => word(&String::from_utf8_lossy(item.name.split(|byte| *byte == 0).next().unwrap_or_default())),
        };
        Some((index, text))
    };
    (told.least.max(0)..=told.most.min(ITEMS_MAX)).filter_map(ask).collect()
}

/// In small letters, with `_` between letters and digits: `50 Hz` is `50_hz`.
fn word(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let mut word = parts.collect::<Vec<_>>().join("_").to_ascii_lowercase();
    word.truncate(CHOICE_BYTES_MAX);
    word
}

fn auto_exposure(device: BorrowedFd, told: &ToldControl) -> Option<Kind> {
    let items = items(device, told).into_iter().map(|(value, _)| value);
    let (manual, others): (Vec<i32>, Vec<i32>) = items.partition(|item| *item == EXPOSURE_MANUAL);
    let usual = others.iter().find(|item| **item == told.initial);
    Some(Kind::Switch { on: *usual.or(others.first())?, off: *manual.first()? })
}

/// The controls that a device has, of those that can be read and set.
pub fn list(device: BorrowedFd) -> Vec<Control> {
    let mut controls: Vec<Control> = Vec::new();
    for (id, name, shape) in NAMES {
        if controls.iter().any(|known| known.name == name) {
            continue;
        }
        let told = ask(device, id).filter(|told| told.flags & (DISABLED | READ_ONLY | WRITE_ONLY) == 0);
        controls.extend(told.and_then(|told| Control::new(device, &told, name, shape)));
    }
    controls
}

/// What is held of all controls of a camera, in their order.
#[derive(Default)]
pub struct Held {
    values: Vec<Value>,
    /// Counts what was set, and how much of that the device was brought to.
    set: u64,
    served: u64,
}

#[derive(Clone)]
struct Value {
    /// What the module is to be told, and what it knows. It repeats what it knows with each change of anything.
    shown: i32,
    known: i32,
    /// What somebody set: else the device is left as it is.
    wanted: Option<i32>,
    /// It was set since the device was brought to anything.
    is_new: bool,
    /// That the device refused was said.
    is_refused: bool,
}

impl Held {
    pub fn new(controls: &[Control]) -> Held {
        let value = |control: &Control| {
            let present = control.present;
            Value { shown: present, known: present, wanted: None, is_new: false, is_refused: false }
        };
        Held { values: controls.iter().map(value).collect(), set: 0, served: 0 }
    }

    /// Tells the module what a control is at.
    pub fn tell(&mut self, index: usize) -> i32 {
        self.values[index].known = self.values[index].shown;
        self.values[index].shown
    }

    /// The module says what a control shall be at. Answers false where that makes no sense.
    pub fn set(&mut self, index: usize, control: &Control, text: &str) -> bool {
        let value = &mut self.values[index];
        // In words, since not all that a device can be at can be said.
        if control.text(value.known) == text {
            return true;
        }
        let Some(to) = control.value(text) else { return false };
        *value = Value { shown: to, known: to, wanted: Some(to), is_new: true, is_refused: false };
        self.set += 1;
        true
    }

    /// Whether the device has been brought to all that was set, as far as it could.
    pub fn is_settled(&self) -> bool {
        self.set == self.served
    }

    /// What to bring the device to.
    pub fn task(&self) -> Task {
        Task { set: self.set, wanted: self.values.iter().map(|value| value.wanted).collect() }
    }

    /// Takes what became of a task. Answers what is to be said of it.
    pub fn settle(&mut self, controls: &[Control], task: &Task, results: &[Became]) -> Vec<String> {
        self.served = task.set;
        let mut lines = Vec::new();
        for (index, became) in results.iter().enumerate() {
            let value = &mut self.values[index];
            if value.wanted != task.wanted[index] {
                continue; // it was set to something else meanwhile
            }
            match became {
                Became::Waiting => {}
                Became::At(at) => {
                    (value.shown, value.wanted) = (*at, Some(*at));
                    (value.is_new, value.is_refused) = (false, false);
                }
                Became::Refused { at, reason } => {
                    let Control { name, .. } = controls[index];
                    let wanted = controls[index].text(value.wanted.unwrap_or(*at));
                    let at_text = controls[index].text(*at);
                    if !value.is_refused {
                        lines.push(format!("{name} can't be {wanted} now, and stays {at_text}: {reason}"));
                    }
                    // What was set before, and is refused by a device that came back, is tried again next time.
                    if value.is_new {
                        (value.shown, value.wanted, value.is_new) = (*at, Some(*at), false);
                    } else {
                        value.is_refused = true;
                    }
                }
            }
        }
        lines
    }
}

/// What to bring a device to: a value for each control that somebody set.
pub struct Task {
    set: u64,
    wanted: Vec<Option<i32>>,
}

/// What became of a control.
pub enum Became {
    /// Nobody set it, or it does not count now: what chooses it by itself has to be switched off first.
    Waiting,
    At(i32),
    Refused {
        at: i32,
        reason: String,
    },
}

impl Task {
    /// Brings the device to it.
    pub fn run(&self, device: BorrowedFd, controls: &[Control]) -> Result<Vec<Became>, Trouble> {
        controls
            .iter()
            .zip(&self.wanted)
            .map(|(control, wanted)| match wanted {
                Some(wanted) => control.bring(device, *wanted),
                None => Ok(Became::Waiting),
            })
            .collect()
    }
}

impl Control {
    /// Brings a device to a value.
    fn bring(&self, device: BorrowedFd, wanted: i32) -> Result<Became, Trouble> {
        if ask(device, self.id).is_some_and(|told| told.flags & INACTIVE != 0) {
            return Ok(Became::Waiting);
        }
        let present = read(device, self.id);
        if present.as_ref().is_ok_and(|present| *present == wanted) {
            return Ok(Became::At(wanted));
        }
        match call(device, &mut Set { id: self.id, value: wanted }) {
            Ok(()) => Ok(Became::At(read(device, self.id).unwrap_or(wanted))),
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Err(Trouble::Absent),
            Err(error) => Ok(Became::Refused { at: present.unwrap_or(self.present), reason: reason(&error) }),
        }
    }
}

fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EBUSY) => "the camera is busy".to_string(),
        Some(libc::EACCES | libc::EINVAL | libc::EIO | libc::ERANGE) => format!("the camera refuses it ({error})"),
        _ => error.to_string(),
    }
}

// linux/videodev2.h
const TYPE_INTEGER: u32 = 1;
const TYPE_BOOLEAN: u32 = 2;
const TYPE_MENU: u32 = 3;
const TYPE_INTEGER_MENU: u32 = 9;
const DISABLED: u32 = 0x01;
const READ_ONLY: u32 = 0x04;
const INACTIVE: u32 = 0x10;
const WRITE_ONLY: u32 = 0x40;

/// `struct v4l2_queryctrl`
#[derive(Default)]
#[repr(C)]
struct ToldControl {
    id: u32,
    kind: u32,
    name: [u8; 32],
    least: i32,
    most: i32,
    step: i32,
    initial: i32,
    flags: u32,
    reserved: [u32; 2],
}

/// `struct v4l2_querymenu`; of an integer menu the name begins with the number.
#[repr(C)]
struct ToldItem {
    id: u32,
    index: u32,
    name: [u8; 32],
    reserved: u32,
}

/// `struct v4l2_control`, to be read.
#[repr(C)]
struct Get {
    id: u32,
    value: i32,
}

/// `struct v4l2_control`, to be set.
#[repr(C)]
struct Set {
    id: u32,
    value: i32,
}

/// What a call about a device reads and writes.
///
/// # Safety
/// It is laid out as the kernel's struct of the call `_IOWR('V', NUMBER, …)`, and any bytes are valid in it.
unsafe trait Argument {
    const NUMBER: u32;
}

// SAFETY: these have the members of the kernel's structs, all of them integers, and their tests the sizes.
unsafe impl Argument for ToldControl {
    const NUMBER: u32 = 36; // VIDIOC_QUERYCTRL
}
// SAFETY: as above.
unsafe impl Argument for ToldItem {
    const NUMBER: u32 = 37; // VIDIOC_QUERYMENU
}
// SAFETY: as above.
unsafe impl Argument for Get {
    const NUMBER: u32 = 27; // VIDIOC_G_CTRL
}
// SAFETY: as above.
unsafe impl Argument for Set {
    const NUMBER: u32 = 28; // VIDIOC_S_CTRL
}

fn call<T: Argument>(device: BorrowedFd, argument: &mut T) -> io::Result<()> {
    let request = 3 << 30 | (size_of::<T>() as u32) << 16 | (b'V' as u32) << 8 | T::NUMBER;
    // SAFETY: the descriptor is open, and the kernel reads and writes the struct that this is, as `Argument` promises.
    match unsafe { libc::ioctl(device.as_raw_fd(), request.into(), argument as *mut T) } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn ask(device: BorrowedFd, id: u32) -> Option<ToldControl> {
    let mut told = ToldControl { id, ..Default::default() };
    call(device, &mut told).ok().map(|()| told)
}

fn read(device: BorrowedFd, id: u32) -> io::Result<i32> {
    let mut control = Get { id, value: 0 };
    call(device, &mut control).map(|()| control.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(name: &'static str, kind: Kind, initial: i32) -> Control {
        Control { id: USER, name, kind, initial, present: initial }
    }

    fn exposure() -> Control {
        control("exposure", Kind::Number { least: 3, most: 2047, step: 1, unit: "us", scale: 100 }, 250)
    }

    #[test]
    fn descriptions_are_what_the_module_reads() {
        assert_eq!(exposure().description(), "exposure number 300 204700 25000 us");
        let plain = Kind::Number { least: -64, most: 64, step: 1, unit: "", scale: 1 };
        assert_eq!(control("brightness", plain, 0).description(), "brightness number -64 64 0");
        let switch = Kind::Switch { on: 3, off: 1 };
        assert_eq!(control("auto_exposure", switch, 0).description(), "auto_exposure switch on");
        let choice = Kind::Choice(vec![(1, "auto".into()), (0, "manual".into())]);
        assert_eq!(control("white_balance", choice, 1).description(), "white_balance choice auto auto manual");
    }

    #[test]
    fn numbers_become_the_nearest_that_the_device_has() {
        let of = |text| exposure().value(text);
        assert_eq!([of("300"), of("349"), of("350"), of("204700")], [3, 3, 4, 2047].map(Some));
        assert_eq!([of("0"), of("2147483647")], [3, 2047].map(Some));
        assert_eq!([of(""), of("fast"), of("1.5")], [None; 3]);
        let stepped = control("gain", Kind::Number { least: -7, most: 10, step: 5, unit: "", scale: 1 }, 0);
        let of = |text| stepped.value(text);
        assert_eq!([of("-7"), of("-5"), of("-4"), of("10")], [-7, -7, -2, 8].map(Some));
        let widest = Kind::Number { least: i32::MIN, most: i32::MAX, step: 1, unit: "", scale: 1 };
        assert_eq!(control("pan", widest, 0).value("-2147483648"), Some(i32::MIN));
    }

    #[test]
    fn what_the_kernel_takes_is_as_large_as_its_own() {
        assert_eq!((size_of::<ToldControl>(), size_of::<ToldItem>()), (68, 44));
        assert_eq!((size_of::<Get>(), size_of::<Set>()), (8, 8));
    }

    #[test]
    fn switches_and_choices_are_words() {
        let switch = control("auto_exposure", Kind::Switch { on: 3, off: 1 }, 3);
        assert_eq!([switch.value("on"), switch.value("off"), switch.value("1")], [Some(3), Some(1), None]);
        assert_eq!([switch.text(0), switch.text(1), switch.text(3)], ["on", "off", "on"]);
        let choice = control("scene_mode", Kind::Choice(vec![(0, "none".into()), (8, "night".into())]), 0);
        assert_eq!([choice.value("night"), choice.value("Night")], [Some(8), None]);
        assert_eq!([choice.text(8), choice.text(3)], ["night", "none"]);
        assert_eq!(
            [word("50 Hz"), word(" Aperture-Priority (Mode) "), word("…")],
            ["50_hz", "aperture_priority_mode", ""]
        );
    }

    #[test]
    fn only_what_somebody_set_is_wanted() {
        let stepped = Kind::Number { least: 0, most: 100, step: 5, unit: "", scale: 1 };
        let switch = Kind::Switch { on: 3, off: 1 };
        let controls = [exposure(), control("gain", stepped, 52), control("auto_exposure", switch, 0)];
        let mut held = Held::new(&controls);
        for (index, control) in controls.iter().enumerate() {
            let known = control.text(held.tell(index));
            assert!(held.set(index, control, &known)); // which it is not at a step, and not the usual `on`
        }
        assert!(held.is_settled() && held.task().wanted == [None; 3]);
        assert!(!held.set(0, &controls[0], "bright"));
        assert!(held.set(0, &controls[0], "30000"));
        assert!(!held.is_settled());
        let task = held.task();
        assert_eq!(task.wanted, [Some(300), None, None]);
        assert!(held.settle(&controls, &task, &[Became::At(299), Became::Waiting, Became::Waiting]).is_empty());
        assert!(held.is_settled());
        assert_eq!(held.tell(0), 299);
        held.set(0, &controls[0], "29900");
        assert!(held.is_settled());
    }

    #[test]
    fn what_was_set_meanwhile_is_not_forgotten() {
        let controls = [exposure()];
        let mut held = Held::new(&controls);
        held.set(0, &controls[0], "30000");
        let task = held.task();
        held.set(0, &controls[0], "40000");
        held.settle(&controls, &task, &[Became::At(300)]);
        assert!(!held.is_settled());
        assert_eq!((held.tell(0), held.task().wanted), (400, vec![Some(400)]));
    }

    #[test]
    fn a_refusal_is_said_once_and_undone_where_it_is_new() {
        let controls = [exposure()];
        let refused = || [Became::Refused { at: 250, reason: "busy".into() }];
        let mut held = Held::new(&controls);
        held.set(0, &controls[0], "30000");
        let lines = held.settle(&controls, &held.task(), &refused());
        assert_eq!(lines, ["exposure can't be 30000 now, and stays 25000: busy"]);
        assert_eq!(held.tell(0), 250);
        held.set(0, &controls[0], "30000");
        held.settle(&controls, &held.task(), &[Became::At(300)]);
        // The device comes back as it was before.
        assert_eq!(held.settle(&controls, &held.task(), &refused()).len(), 1);
        assert!(held.settle(&controls, &held.task(), &refused()).is_empty());
        assert_eq!((held.tell(0), held.task().wanted), (300, vec![Some(300)]));
    }
}
