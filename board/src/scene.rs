//! The scene file: pictures and the path of the sensor's window over them, written by the PC (host/scenes/).
//!
//! ```text
//! offset
//!      0  "WCSC"
//!      4  u8  version, 1            5  u8  format, as Format of assembly/board.ts
//!      6  u16 width                 8  u16 height            of the sensor
//!     10  u16 picture width        12  u16 picture height    each at least the sensor's
//!     14  u16 pictures             16  u32 frames
//!     20  frames x { u16 picture, u16 x, u16 y }: frame n shows the window at path[n % frames]
//!      -  zeros to a multiple of 4
//!      -  the pictures' pixels, one picture after another
//! ```
//! Of JPEG files, which are played untouched, the window is the picture, and behind the zeros come
//! ```text
//!      -  pictures x u32: where each file ends, counted from where the first one begins
//!      -  the files, one after another
//! ```
//! All numbers are little-endian.

use core::fmt;

use crate::capture::Format;

const MAGIC: &[u8; 4] = b"WCSC";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 20;
const STEP_BYTES: usize = 6;
const END_BYTES: usize = 4;

/// A scene in memory, checked as a whole when it is opened, so that no frame of it can fail later.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub format: Format,
    pub width: usize,
    pub height: usize,
    pixel_bytes: usize,
    picture_width: usize,
    picture_bytes: usize,
    path: &'a [u8],
    pixels: &'a [u8],
    /// Of JPEG files: where each ends within `pixels`.
    ends: &'a [u8],
}

/// Why a file is no scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SceneError {
    NotAScene,
    Version(u8),
    Format(u8),
    Empty,
    /// The window is larger than a picture, or half a pair of YUYV pixels wide.
    Window,
    /// The file ends too early.
    Short,
    /// This step of the path names a picture or a place that is not there.
    Step(usize),
}

impl fmt::Display for SceneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SceneError::NotAScene => write!(f, "not a scene file"),
            SceneError::Version(version) => write!(f, "scene file of version {version}, not {VERSION}"),
            SceneError::Format(format) => write!(f, "pixel format {format}, which scenes don't come in"),
            SceneError::Empty => write!(f, "no frame in it"),
            SceneError::Window => write!(f, "the sensor's window does not suit the pictures"),
            SceneError::Short => write!(f, "the file ends too early"),
            SceneError::Step(step) => write!(f, "step {step} of its path leaves the pictures"),
        }
    }
}

impl<'a> Scene<'a> {
    pub fn open(file: &'a [u8]) -> Result<Scene<'a>, SceneError> {
        if file.len() < HEADER_BYTES || !file.starts_with(MAGIC) {
            return Err(SceneError::NotAScene);
        }
        if file[4] != VERSION {
            return Err(SceneError::Version(file[4]));
        }
        let format = Format::from_number(file[5].into()).ok_or(SceneError::Format(file[5]))?;
        let pixel_bytes = match format {
            Format::Gray | Format::Bayer => 1,
            Format::Rgb565 | Format::Yuyv => 2,
            Format::Jpeg => 0,
        };
        let number = |at: usize| usize::from(u16::from_le_bytes([file[at], file[at + 1]]));
        let [width, height, picture_width, picture_height, pictures] = [6, 8, 10, 12, 14].map(number);
        let frames = number(16) | number(18) << 16;
        if width == 0 || height == 0 || pictures == 0 || frames == 0 {
            return Err(SceneError::Empty);
        }
        let pair = if format == Format::Yuyv { 2 } else { 1 };
        if width > picture_width || height > picture_height || width % pair != 0 || picture_width % pair != 0 {
            return Err(SceneError::Window);
        }
        let picture_bytes = picture_width
            .checked_mul(picture_height)
            .and_then(|pixels| pixels.checked_mul(pixel_bytes))
            .ok_or(SceneError::Short)?;
        let path_end =
            frames.checked_mul(STEP_BYTES).and_then(|path| path.checked_add(HEADER_BYTES)).ok_or(SceneError::Short)?;
        let path = file.get(HEADER_BYTES..path_end).ok_or(SceneError::Short)?;
        let rest = file.get(path_end.next_multiple_of(4)..).ok_or(SceneError::Short)?;
        let (ends, pixels) = if format == Format::Jpeg {
            if (width, height) != (picture_width, picture_height) {
                return Err(SceneError::Window);
            }
            let (ends, files) = rest.split_at_checked(pictures * END_BYTES).ok_or(SceneError::Short)?;
            let each = || (0..pictures).map(|picture| end_of(ends, picture));
            if !each().is_sorted() || each().next_back().is_none_or(|end| end > files.len()) {
                return Err(SceneError::Short);
            }
            (ends, files)
        } else {
            let bytes = pictures.checked_mul(picture_bytes).ok_or(SceneError::Short)?;
            (&[][..], rest.get(..bytes).ok_or(SceneError::Short)?)
        };
        let scene = Scene { format, width, height, pixel_bytes, picture_width, picture_bytes, path, pixels, ends };
        let fits = |(picture, x, y): (usize, usize, usize)| {
            let is_whole = x % pair == 0 && (format != Format::Bayer || (x % 2 == 0 && y % 2 == 0));
            picture < pictures && x + width <= picture_width && y + height <= picture_height && is_whole
        };
        match (0..frames).find(|&step| !fits(scene.step(step))) {
            Some(step) => Err(SceneError::Step(step)),
            None => Ok(scene),
        }
    }

    /// Whether frames go into so much room: pixels as many as there are, JPEG files as far as each fits.
    pub fn suits(&self, room: usize) -> bool {
        self.format == Format::Jpeg || room == self.width * self.height * self.pixel_bytes
    }

    /// The picture, column and row at which the window stands in this step of the path.
    fn step(&self, step: usize) -> (usize, usize, usize) {
        let bytes = &self.path[step * STEP_BYTES..][..STEP_BYTES];
        let number = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        (number(0), number(2), number(4))
    }

    /// Copies the frame with this number to the beginning of `to`, which suits it. Answers its bytes, or none where a
    /// JPEG file is longer.
    pub fn copy_frame(&self, number: u64, to: &mut [u8]) -> Option<usize> {
        let frames = self.path.len() / STEP_BYTES;
        let (picture, x, y) = self.step((number % frames as u64) as usize);
        if self.format == Format::Jpeg {
            let start = picture.checked_sub(1).map_or(0, |before| end_of(self.ends, before));
            let file = &self.pixels[start..end_of(self.ends, picture)];
            to.get_mut(..file.len())?.copy_from_slice(file);
            return Some(file.len());
        }
        let size = self.pixel_bytes;
        let picture = &self.pixels[picture * self.picture_bytes..][..self.picture_bytes];
        let rows = picture.chunks_exact(self.picture_width * size).skip(y);
        for (row, to) in rows.zip(to.chunks_exact_mut(self.width * size)) {
            to.copy_from_slice(&row[x * size..][..self.width * size]);
        }
        Some(to.len())
    }
}

/// Where the JPEG file with this number ends.
fn end_of(ends: &[u8], picture: usize) -> usize {
    let bytes = &ends[picture * END_BYTES..][..END_BYTES];
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize
}

/// A small scene for tests: grey, each pixel telling its picture, column and row.
#[cfg(test)]
pub fn grey_scene(width: u16, height: u16, picture: (u16, u16), pictures: u16, path: &[(u16, u16, u16)]) -> Vec<u8> {
    let mut file = Vec::from(MAGIC);
    file.extend([VERSION, Format::Gray as u8]);
    for number in [width, height, picture.0, picture.1, pictures] {
        file.extend(number.to_le_bytes());
    }
    file.extend((path.len() as u32).to_le_bytes());
    for &(picture, x, y) in path {
        file.extend([picture, x, y].map(u16::to_le_bytes).concat());
    }
    file.resize(file.len().next_multiple_of(4), 0);
    for n in 0..pictures {
        for y in 0..picture.1 {
            file.extend((0..picture.0).map(|x| (n * 100 + y * 10 + x) as u8));
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_windows_along_the_path() {
        let file = grey_scene(3, 2, (5, 4), 2, &[(0, 0, 0), (1, 2, 1), (0, 1, 2)]);
        let scene = Scene::open(&file).unwrap();
        assert_eq!((scene.width, scene.height, scene.format, scene.suits(6)), (3, 2, Format::Gray, true));
        let mut frame = [0; 6];
        scene.copy_frame(0, &mut frame);
        assert_eq!(frame, [0, 1, 2, 10, 11, 12]);
        scene.copy_frame(1, &mut frame);
        assert_eq!(frame, [112, 113, 114, 122, 123, 124]);
        scene.copy_frame(2, &mut frame);
        assert_eq!(frame, [21, 22, 23, 31, 32, 33]);
        scene.copy_frame(4, &mut frame); // the path begins anew
        assert_eq!(frame, [112, 113, 114, 122, 123, 124]);
    }

    #[test]
    fn what_is_no_scene_is_refused() {
        let good = grey_scene(3, 2, (5, 4), 1, &[(0, 2, 2)]);
        let with = |at: usize, value: u8| {
            let mut file = good.clone();
            file[at] = value;
            Scene::open(&file).err()
        };
        assert_eq!(Scene::open(&good).err(), None);
        assert_eq!(Scene::open(b"").err(), Some(SceneError::NotAScene));
        assert_eq!(with(0, b'X'), Some(SceneError::NotAScene));
        assert_eq!(with(4, 2), Some(SceneError::Version(2)));
        assert_eq!(with(5, 7), Some(SceneError::Format(7)));
        assert_eq!(with(5, Format::Jpeg as u8), Some(SceneError::Window)); // it shows the whole picture
        assert_eq!(with(6, 0), Some(SceneError::Empty));
        assert_eq!(with(6, 6), Some(SceneError::Window));
        assert_eq!(with(5, Format::Yuyv as u8), Some(SceneError::Window)); // 3 pixels are no pairs
        assert_eq!(with(14, 2), Some(SceneError::Short)); // a second picture
        assert_eq!(with(17, 0xff), Some(SceneError::Short)); // a longer path
        assert_eq!(with(20, 1), Some(SceneError::Step(0)));
        assert_eq!(with(22, 3), Some(SceneError::Step(0)));
        assert_eq!(with(24, 3), Some(SceneError::Step(0)));
        assert_eq!(Scene::open(&good[..good.len() - 1]).err(), Some(SceneError::Short));
    }

    /// Files of two bytes and of three.
    fn files() -> Vec<u8> {
        let mut file = grey_scene(5, 4, (5, 4), 2, &[(0, 0, 0), (1, 0, 0)]);
        file[5] = Format::Jpeg as u8;
        file.truncate(20 + 2 * STEP_BYTES);
        file.extend([2u32, 5].map(u32::to_le_bytes).concat());
        file.extend([1, 2, 3, 4, 5]);
        file
    }

    #[test]
    fn jpeg_files_are_played_as_they_are() {
        let file = files();
        let scene = Scene::open(&file).unwrap();
        assert!(scene.suits(2) && scene.suits(100));
        let mut frame = [0; 4];
        assert_eq!(scene.copy_frame(1, &mut frame), Some(3));
        assert_eq!(frame, [3, 4, 5, 0]);
        assert_eq!(scene.copy_frame(2, &mut frame), Some(2));
        assert_eq!(frame, [1, 2, 5, 0]);
        assert_eq!(scene.copy_frame(3, &mut frame[..2]), None);
    }

    #[test]
    fn jpeg_files_that_are_not_all_there_are_refused() {
        let short = files();
        assert_eq!(Scene::open(&short[..short.len() - 1]).err(), Some(SceneError::Short));
        assert_eq!(Scene::open(&short[..20 + 2 * STEP_BYTES + 7]).err(), Some(SceneError::Short));
        let mut backwards = files();
        backwards[20 + 2 * STEP_BYTES] = 6;
        assert_eq!(Scene::open(&backwards).err(), Some(SceneError::Short));
    }
}
