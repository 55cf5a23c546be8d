//! The other machines that a board sends its frames to and hears cameras from, as the module's calls reach them. A
//! board that stands alone has [`Alone`].

use crate::fault::Fault;

/// Bytes of a camera's name at most; `CAMERA_NAME_MAX` in assembly/board.ts.
pub const NAME_MAX: usize = 32;

/// A frame as the module offers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutFrame<'a> {
    /// The JPEG file.
    pub file: &'a [u8],
    pub sequence: u32,
    /// µs since it was captured.
    pub age: u32,
    /// `width << 16 | height`; 0 where they are not known.
    pub size: u32,
}

/// A camera that is heard, as `Heard` in assembly/board.ts lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeardCamera {
    /// Number, bytes and size of its newest frame, as it says.
    pub sequence: u32,
    pub bytes: u32,
    pub size: u32,
    /// ms since it was heard.
    pub silence: u32,
    /// When that frame was captured, µs since 1970.
    pub time: i64,
    /// At most [`NAME_MAX`] bytes.
    pub name: [u8; NAME_MAX],
    pub name_length: usize,
}

impl HeardCamera {
    /// Bytes without the name.
    const FIXED: usize = 24;
    pub const BYTES_MAX: usize = Self::FIXED + NAME_MAX;

    /// Writes it as the module reads it; answers how long that is.
    pub fn write(&self, to: &mut [u8; Self::BYTES_MAX]) -> usize {
        let words = [self.sequence, self.bytes, self.size, self.silence];
        for (room, word) in to.chunks_exact_mut(4).zip(words) {
            room.copy_from_slice(&word.to_le_bytes());
        }
        to[16..Self::FIXED].copy_from_slice(&self.time.to_le_bytes());
        to[Self::FIXED..].copy_from_slice(&self.name);
        Self::FIXED + self.name_length
    }
}

pub trait Fleet {
    /// Takes a frame, or drops it; without one only says whether frames are wanted.
    fn out(&mut self, frame: Option<OutFrame<'_>>) -> Result<(), Fault>;

    /// A camera that is heard; Again where there are not so many, Missing where none ever is.
    fn camera(&mut self, index: usize) -> Result<HeardCamera, Fault>;

    /// Copies the last file of a camera to the front of `to`, and has a newer one fetched. Answers the file's length.
    fn file(&mut self, name: &str, to: &mut [u8]) -> Result<usize, Fault>;
}

/// Nobody is there.
pub struct Alone;

impl Fleet for Alone {
    fn out(&mut self, _: Option<OutFrame<'_>>) -> Result<(), Fault> {
        Err(Fault::Missing)
    }

    fn camera(&mut self, _: usize) -> Result<HeardCamera, Fault> {
        Err(Fault::Missing)
    }

    fn file(&mut self, _: &str, _: &mut [u8]) -> Result<usize, Fault> {
        Err(Fault::Missing)
    }
}

/// A double: hears one camera, and says what it was given in what comes back.
#[cfg(test)]
#[derive(Default)]
pub struct EchoFleet {
    last: Option<(alloc::vec::Vec<u8>, u32, u32, u32)>,
}

#[cfg(test)]
impl Fleet for EchoFleet {
    fn out(&mut self, frame: Option<OutFrame<'_>>) -> Result<(), Fault> {
        if let Some(frame) = frame {
            self.last = Some((frame.file.to_vec(), frame.sequence, frame.age, frame.size));
        }
        Ok(())
    }

    fn camera(&mut self, index: usize) -> Result<HeardCamera, Fault> {
        let (file, sequence, age, size) = self.last.as_ref().filter(|_| index == 0).ok_or(Fault::Again)?;
        let mut name = [0; NAME_MAX];
        name[..4].copy_from_slice(b"echo");
        let bytes = file.len() as u32;
        Ok(HeardCamera { sequence: *sequence, bytes, size: *size, silence: *age, time: -2, name, name_length: 4 })
    }

    fn file(&mut self, name: &str, to: &mut [u8]) -> Result<usize, Fault> {
        let (file, ..) = self.last.as_ref().filter(|_| name == "echo").ok_or(Fault::Missing)?;
        to.get_mut(..file.len()).ok_or(Fault::Refused)?.copy_from_slice(file);
        Ok(file.len())
    }
}
