//! Video devices as Linux has them (V4L2), through the crate linuxvideo: what a device offers, and a stream of its
//! pictures as the module takes them. Calls in here may take their time; `camera.rs` makes them on a thread of its own.

#![allow(unsafe_code)] // one call into libc

use std::fmt;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;

use board::capture::{Format, Mode};
use linuxvideo::format::{FrameIntervals, FrameSizes, PixFormat, PixelFormat};
use linuxvideo::stream::ReadStream;
use linuxvideo::{BufType, CapabilityFlags, Device, Fract};
use rustix::fs::OFlags;

use crate::controls::{self, Control};

const MICROS: f64 = 1e6;
/// Sizes that are offered where a device has any within bounds.
const USUAL_SIZES: [(u32, u32); 8] =
    [(160, 120), (320, 240), (640, 480), (800, 600), (1024, 768), (1280, 720), (1280, 960), (1920, 1080)];
/// A camera's own choice is the size nearest to this, in the first of FORMATS that it has.
const CHOICE: (u32, u32) = (640, 480);
/// The formats that the module understands, the cheapest first. (BGGR is the one order of a mosaic that it reads.)
const FORMATS: [([u8; 4], Format); 6] = [
    (*b"MJPG", Format::Jpeg),
    (*b"JPEG", Format::Jpeg),
    (*b"YUYV", Format::Yuyv),
    (*b"RGBP", Format::Rgb565),
    (*b"GREY", Format::Gray),
    (*b"BA81", Format::Bayer),
];

/// Why there is no picture, by what would help.
#[derive(Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is not plugged in, or not any more.
    Absent,
    /// Another program uses it.
    Busy,
    /// It has no such size in that format.
    NotOffered,
    /// It answers so for a while after it was plugged in, or will always.
    Failed(String),
    /// Waiting does not help: somebody has to change something.
    Unusable(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Absent => write!(f, "not plugged in"),
            Trouble::Busy => write!(f, "in use by another program"),
            Trouble::NotOffered => write!(f, "has no such size in this format"),
            Trouble::Failed(reason) | Trouble::Unusable(reason) => write!(f, "{reason}"),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => Trouble::Absent,
            Some(libc::EBUSY) => Trouble::Busy,
            Some(libc::EACCES | libc::EPERM) => {
                Trouble::Unusable("this user may not open it; on most systems members of the group video may".into())
            }
            Some(libc::ENOTTY | libc::EISDIR) => Trouble::Unusable("no video device".into()),
            _ => Trouble::Failed(error.to_string()),
        }
    }
}

/// A size in a format, and how fast it comes.
#[derive(Clone, Debug, PartialEq)]
pub struct Offered {
    pub width: u32,
    pub height: u32,
    pub format: Format,
    code: [u8; 4],
    pub rates: Rates,
}

/// Frames a second.
#[derive(Clone, Debug, PartialEq)]
pub enum Rates {
    /// These, the fastest first; none where the device does not tell.
    Some(Vec<f64>),
    Between(f64, f64),
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rates::Some(rates) if rates.is_empty() => write!(f, "its own"),
            Rates::Some(rates) => {
                let texts: Vec<String> = rates.iter().map(|rate| rate_text(*rate)).collect();
                write!(f, "{}", texts.join(" "))
            }
            Rates::Between(least, most) => write!(f, "{} to {}", rate_text(*least), rate_text(*most)),
        }
    }
}

/// At most two places: 29.97.
pub fn rate_text(rate: f64) -> String {
    ((rate * 100.0).round() / 100.0).to_string()
}

fn rate_of(interval: &Fract) -> Option<f64> {
    (interval.numerator() > 0).then(|| f64::from(interval.denominator()) / f64::from(interval.numerator()))
}

/// What a device is and offers.
pub struct Offer {
    /// What it is called.
    pub card: String,
    /// Each size and format once, the device's own choice first.
    pub modes: Vec<Offered>,
    pub controls: Vec<Control>,
}

fn open(path: &Path) -> Result<Device, Trouble> {
    let device = Device::open(path)?;
    let has = device.capabilities()?.device_capabilities();
    if !has.contains(CapabilityFlags::VIDEO_CAPTURE) {
        return Err(Trouble::Unusable("it takes no pictures".into()));
    }
    if !has.contains(CapabilityFlags::STREAMING) {
        return Err(Trouble::Unusable("it has no buffers to stream with".into()));
    }
    Ok(device)
}

/// Asks a device what it offers.
pub fn offer(path: &Path) -> Result<Offer, Trouble> {
    let device = open(path)?;
    let card = device.capabilities()?.card().to_string();
    let mut codes = Vec::new();
    for format in device.formats(BufType::VIDEO_CAPTURE) {
        codes.push(format?.pixel_format());
    }
    let mut modes: Vec<Offered> = Vec::new();
    for (code, format) in FORMATS {
        let pixel_format = PixelFormat::from_fourcc(code);
        if !codes.contains(&pixel_format) {
            continue;
        }
        let mut sizes = sizes(&device, pixel_format)?;
        sizes.sort_by_key(|(width, height)| width * height);
        for (width, height) in sizes {
            if !modes.iter().any(|known| (known.width, known.height, known.format) == (width, height, format)) {
                let rates = rates(&device, pixel_format, width, height);
                modes.push(Offered { width, height, format, code, rates });
            }
        }
    }
    let Some(first) = modes.first() else {
        let codes: Vec<String> = codes.iter().map(PixelFormat::to_string).collect();
        return Err(Trouble::Unusable(format!("none of its formats is understood: {}", codes.join(" "))));
    };
    let choice = nearest(&modes, Some(CHOICE), Some(first.format));
    modes[..=choice].rotate_right(1);
    Ok(Offer { card, modes, controls: controls::list(device.as_fd()) })
}

fn sizes(device: &Device, format: PixelFormat) -> Result<Vec<(u32, u32)>, Trouble> {
    Ok(match device.frame_sizes(format) {
        Ok(FrameSizes::Discrete(sizes)) => sizes.iter().map(|size| (size.width(), size.height())).collect(),
        Ok(FrameSizes::Stepwise(any) | FrameSizes::Continuous(any)) => {
            let fits = |value: u32, min: u32, max: u32, step: u32| {
                (min..=max).contains(&value) && (value - min).is_multiple_of(step.max(1))
            };
            let has = |(width, height): &(u32, u32)| {
                fits(*width, any.min_width(), any.max_width(), any.step_width())
                    && fits(*height, any.min_height(), any.max_height(), any.step_height())
            };
            let usual: Vec<_> = USUAL_SIZES.into_iter().filter(has).collect();
            if usual.is_empty() { vec![(any.max_width(), any.max_height())] } else { usual }
        }
        // Old drivers do not tell: there is what is set.
        Err(_) => match device.format(BufType::VIDEO_CAPTURE)? {
            linuxvideo::format::Format::VideoCapture(now) if now.pixel_format() == format => {
                vec![(now.width(), now.height())]
            }
            _ => vec![],
        },
    })
}

fn rates(device: &Device, format: PixelFormat, width: u32, height: u32) -> Rates {
    match device.frame_intervals(format, width, height) {
        Ok(FrameIntervals::Discrete(list)) => {
            let mut rates: Vec<f64> = list.iter().filter_map(|interval| rate_of(interval.fract())).collect();
            rates.sort_by(|a, b| b.total_cmp(a));
            Rates::Some(rates)
        }
        Ok(FrameIntervals::Stepwise(any) | FrameIntervals::Continuous(any)) => {
            match (rate_of(any.max()), rate_of(any.min())) {
                (Some(least), Some(most)) => Rates::Between(least, most),
                _ => Rates::Some(vec![]),
            }
        }
        Err(_) => Rates::Some(vec![]),
    }
}

/// Which of `modes`, of which there are some, is nearest to what is wanted; of two that are as near, the first.
pub fn nearest(modes: &[Offered], size: Option<(u32, u32)>, format: Option<Format>) -> usize {
    let has_format = format.is_some_and(|format| modes.iter().any(|mode| mode.format == format));
    let distance = |mode: &Offered| match size {
        Some((width, height)) => mode.width.abs_diff(width) + mode.height.abs_diff(height),
        None => 0,
    };
    let candidates = modes.iter().enumerate().filter(|(_, mode)| !has_format || Some(mode.format) == format);
    candidates.min_by_key(|(_, mode)| distance(mode)).map_or(0, |(index, _)| index)
}

/// What became of a picture.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    Whole,
    /// The device says that it is damaged, or it has too few bytes.
    Torn,
    /// None is there.
    Nothing,
}

/// Pictures as they come.
pub struct Stream {
    pictures: ReadStream,
    layout: Layout,
    /// Frames a second, as the device will deliver them; none where it does not tell.
    pub rate: Option<f64>,
    /// The range of the luma is 16 to 235, and is stretched.
    pub is_stretched: bool,
}

impl Stream {
    /// Opens a device and has it stream. Pictures are where the descriptor is readable.
    pub fn start(path: &Path, mode: Mode, offer: &Offer) -> Result<Stream, Trouble> {
        let is_wanted =
            |known: &&Offered| (known.width, known.height, known.format) == (mode.width, mode.height, mode.format);
        let offered = offer.modes.iter().find(is_wanted).ok_or(Trouble::NotOffered)?;
        let wanted = PixelFormat::from_fourcc(offered.code);
        let capture = open(path)?.video_capture(PixFormat::new(mode.width, mode.height, wanted))?;
        let (width, height, format) =
            (capture.format().width(), capture.format().height(), capture.format().pixel_format());
        if (width, height, format) != (mode.width, mode.height, wanted) {
            return Err(Trouble::NotOffered); // it is another device by now
        }
        // A device without a choice of rates refuses.
        let rate = capture.set_frame_interval(Fract::new(mode.interval, MICROS as u32)).ok();
        let rate = rate.as_ref().and_then(rate_of);
        let is_stretched = mode.format == Format::Yuyv && is_limited(capture.as_raw_fd())?;
        let pixel_bytes = match mode.format {
            Format::Gray | Format::Bayer => 1,
            Format::Rgb565 | Format::Yuyv => 2,
            Format::Jpeg => 0,
        };
        let row = mode.width as usize * pixel_bytes;
        let stride = (capture.format().bytes_per_line() as usize).max(row);
        let pictures = capture.into_stream()?;
        // The crate opens devices to wait; here nobody does.
        let flags = rustix::fs::fcntl_getfl(&pictures).map_err(io::Error::from)?;
        rustix::fs::fcntl_setfl(&pictures, flags | OFlags::NONBLOCK).map_err(io::Error::from)?;
        let levels = is_stretched.then(Levels::new);
        let layout = Layout { row, stride, height: mode.height as usize, levels };
        Ok(Stream { pictures, layout, rate, is_stretched })
    }

    /// Takes the oldest picture, of those that are there, to `to`.
    pub fn take(&mut self, to: &mut Vec<u8>) -> Result<Taken, Trouble> {
        let layout = &self.layout;
        let taken = self.pictures.dequeue(|view| {
            let is_whole = !view.is_error() && layout.unpack(&view, to);
            Ok(if is_whole { Taken::Whole } else { Taken::Torn })
        });
        match taken {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(Taken::Nothing),
            taken => Ok(taken?),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pictures.as_fd()
    }
}

/// How a picture's bytes lie in the device's buffer.
struct Layout {
    /// Bytes of a row; 0: it is a file.
    row: usize,
    /// Bytes from one row to the next.
    stride: usize,
    height: usize,
    levels: Option<Levels>,
}

impl Layout {
    /// Answers whether all of it is there.
    fn unpack(&self, from: &[u8], to: &mut Vec<u8>) -> bool {
        to.clear();
        if self.row == 0 {
            to.extend_from_slice(from);
            return !from.is_empty();
        }
        // What follows the last row may be missing.
        if from.len() < self.stride * (self.height - 1) + self.row {
            return false;
        }
        for row in from.chunks(self.stride).take(self.height) {
            to.extend_from_slice(&row[..self.row]);
        }
        if let Some(levels) = &self.levels {
            levels.stretch(to);
        }
        true
    }
}

/// From the range of video (luma 16 to 235, chroma 16 to 240: ITU-R BT.601) to the full one of JFIF.
struct Levels {
    luma: [u8; 256],
    chroma: [u8; 256],
}

impl Levels {
    fn new() -> Levels {
        let table = |zero: i32, middle: i32, range: i32| {
            std::array::from_fn(|level| {
                let scaled = ((level as i32 - zero) * 255 * 2 + range).div_euclid(range * 2); // rounded
                (scaled + middle).clamp(0, 255) as u8
            })
        };
        Levels { luma: table(16, 0, 219), chroma: table(128, 128, 224) }
    }

    fn stretch(&self, yuyv: &mut [u8]) {
        for pair in yuyv.as_chunks_mut::<2>().0 {
            *pair = [self.luma[usize::from(pair[0])], self.chroma[usize::from(pair[1])]];
        }
    }
}

// linux/videodev2.h
const BUF_TYPE_VIDEO_CAPTURE: u32 = 1;
const COLORSPACE_JPEG: u32 = 7;
const QUANTIZATION_DEFAULT: u32 = 0;
const QUANTIZATION_FULL_RANGE: u32 = 1;

/// `struct v4l2_format` with its member `pix`; the union is as large, and lies, as its largest member needs it.
#[repr(C)]
struct RawFormat {
    buffer_type: u32,
    union: RawUnion,
}

#[repr(C)]
union RawUnion {
    pix: RawPixFormat,
    bytes: [u8; 200],
    /// `struct v4l2_window` has some.
    pointer: *const u8,
}

/// `struct v4l2_pix_format`.
#[repr(C)]
#[derive(Clone, Copy)]
struct RawPixFormat {
    size_format_field_lines_bytes: [u32; 6],
    colorspace: u32,
    private_flags_encoding: [u32; 3],
    quantization: u32,
    transfer: u32,
}

/// `_IOWR('V', 4, struct v4l2_format)`
const VIDIOC_G_FMT: u32 = 3 << 30 | (size_of::<RawFormat>() as u32) << 16 | (b'V' as u32) << 8 | 4;

/// Whether the levels of what the device delivers in YCbCr are those of video. The crate knows it, but does not tell.
fn is_limited(device: RawFd) -> Result<bool, Trouble> {
    let mut format = RawFormat { buffer_type: BUF_TYPE_VIDEO_CAPTURE, union: RawUnion { bytes: [0; 200] } };
    // SAFETY: the descriptor is open, and the kernel reads and writes a `v4l2_format`, which this is as large as.
    if unsafe { libc::ioctl(device, VIDIOC_G_FMT.into(), &raw mut format) } != 0 {
        return Err(io::Error::last_os_error().into());
    }
    // SAFETY: all of it is integers, for which any bytes are valid.
    let RawPixFormat { colorspace, quantization, .. } = unsafe { format.union.pix };
    Ok(match quantization {
        QUANTIZATION_DEFAULT => colorspace != COLORSPACE_JPEG,
        quantization => quantization != QUANTIZATION_FULL_RANGE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(width: u32, height: u32, format: Format) -> Offered {
        Offered { width, height, format, code: *b"YUYV", rates: Rates::Some(vec![]) }
    }

    #[test]
    fn the_nearest_is_chosen() {
        let modes = [
            offered(640, 480, Format::Jpeg),
            offered(1280, 720, Format::Jpeg),
            offered(320, 240, Format::Yuyv),
            offered(640, 480, Format::Yuyv),
        ];
        assert_eq!(nearest(&modes, None, None), 0);
        assert_eq!(nearest(&modes, Some((640, 480)), None), 0);
        assert_eq!(nearest(&modes, Some((1000, 700)), None), 1);
        assert_eq!(nearest(&modes, Some((1, 1)), Some(Format::Jpeg)), 0);
        assert_eq!(nearest(&modes, Some((320, 200)), None), 2);
        assert_eq!(nearest(&modes, None, Some(Format::Yuyv)), 2);
        assert_eq!(nearest(&modes, Some((4000, 3000)), Some(Format::Yuyv)), 3);
        assert_eq!(nearest(&modes, Some((320, 240)), Some(Format::Gray)), 2); // it has none
    }

    #[test]
    fn rows_are_put_together() {
        let mut picture = vec![9; 3];
        let layout = Layout { row: 4, stride: 6, height: 2, levels: None };
        assert!(layout.unpack(&[1, 2, 3, 4, 0, 0, 5, 6, 7, 8], &mut picture));
        assert_eq!(picture, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert!(!layout.unpack(&[0; 9], &mut picture));
        let file = Layout { row: 0, stride: 0, height: 2, levels: None };
        assert!(file.unpack(&[1, 2, 3], &mut picture));
        assert_eq!(picture, [1, 2, 3]);
        assert!(!file.unpack(&[], &mut picture));
    }

    #[test]
    fn levels_of_video_are_stretched() {
        let mut yuyv = vec![16, 128, 235, 240, 0, 16, 255, 255, 125, 72, 126, 184];
        Levels::new().stretch(&mut yuyv);
        // (125 - 16) * 255 / 219 = 126.9; (72 - 128) * 255 / 224 = -63.75
        assert_eq!(yuyv, [0, 128, 255, 255, 0, 1, 255, 255, 127, 64, 128, 192]);
    }

    #[test]
    fn what_the_kernel_takes_is_as_large_as_its_own() {
        // On machines of 64 bits; of 32 the union lies 4 bytes after the beginning.
        assert_eq!(size_of::<RawFormat>(), if size_of::<usize>() == 8 { 208 } else { 204 });
        assert_eq!(size_of::<RawPixFormat>(), 48);
    }

    #[test]
    fn what_is_no_camera_is_told_apart() {
        let trouble = |path: &str| offer(Path::new(path)).err();
        assert_eq!(trouble("/dev/nothing-of-this-name"), Some(Trouble::Absent));
        assert_eq!(trouble("/dev/null"), Some(Trouble::Unusable("no video device".into())));
        assert_eq!(trouble("/dev"), Some(Trouble::Unusable("no video device".into())));
    }
}
