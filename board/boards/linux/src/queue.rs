//! What rustix has no call for: how much the kernel keeps of what a connection was given.
//!
//! Left to itself Linux takes megabytes for a peer that reads slowly, which then sees what was seconds ago.

#![allow(unsafe_code)] // calls into libc

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Bytes that a connection may hold unsent before it takes no more.
const UNSENT_BYTES: libc::c_int = 16 << 10;
/// So little may always be under way when something new begins: answers that are a few lines never wait.
const LITTLE_BYTES: u64 = 2 << 10;

/// Bounds what the connections of this listener, which inherit it, hold unsent.
pub fn bound_unsent(listener: BorrowedFd<'_>) -> io::Result<()> {
    let bytes = UNSENT_BYTES;
    // SAFETY: the descriptor is open, and the option's value is an int, of which the kernel reads the bytes said.
    let result = unsafe {
        let (value, length) = ((&raw const bytes).cast(), size_of::<libc::c_int>() as libc::socklen_t);
        libc::setsockopt(listener.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, value, length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Bytes a second: more than the camera ever has for one viewer. Within a machine, or to a peer that reads by fits and
/// starts, the kernel measures far more, and it would say nothing of what the peer takes.
const RATE_MAX: u64 = 16 << 20;

/// What is under way on a connection, against what its path carries.
#[derive(Default)]
pub struct UnderWay {
    /// Bytes that the peer's machine has not acknowledged, sent or not.
    pub bytes: u64,
    /// Bytes a second that it took lately, and the shortest round trip, µs; both 0 while that is not known.
    pub rate: u64,
    pub round_trip: u64,
    /// Bytes that the peer's machine has room for, if that was asked for and is known.
    pub window: Option<u64>,
}

impl UnderWay {
    /// Bytes that may be under way when something new begins: as much as keeps the path full, and half as much again.
    /// With less a long path would not carry the full rate; what is more would only wait in front of a slow one, and
    /// age.
    fn limit(&self) -> u64 {
        let path = self.rate.min(RATE_MAX) * self.round_trip / 1_000_000;
        LITTLE_BYTES.max(path + path / 2)
    }

    pub fn is_little(&self) -> bool {
        self.bytes <= self.limit()
    }

    /// After how many µs that will be so, if the peer goes on as it did.
    pub fn little_after(&self) -> i64 {
        let surplus = self.bytes.saturating_sub(self.limit());
        i64::try_from(u128::from(surplus) * 1_000_000 / u128::from(self.rate.max(1))).unwrap_or(i64::MAX)
    }
}

/// Asks the kernel; none where the connection is gone. What is known of the path, and of the peer's room, is asked for
/// where much is under way, and else `closely` only: it costs twice as much. Where nothing is under way, one question
/// is enough either way.
pub fn under_way(socket: BorrowedFd<'_>, closely: bool) -> Option<UnderWay> {
    if closely {
        let (path, is_idle) = path(socket)?;
        return if is_idle { Some(path) } else { Some(UnderWay { bytes: queued(socket)?, ..path }) };
    }
    let bytes = queued(socket)?;
    if bytes <= LITTLE_BYTES {
        return Some(UnderWay { bytes, ..Default::default() });
    }
    Some(UnderWay { bytes, ..path(socket)?.0 })
}

/// Bytes that the peer's machine has not acknowledged, sent or not.
fn queued(socket: BorrowedFd<'_>) -> Option<u64> {
    let mut queued: libc::c_int = 0;
    // SAFETY: the descriptor is open, and TIOCOUTQ (SIOCOUTQ, for sockets) writes an int.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut queued) } != 0 {
        return None;
    }
    Some(u64::try_from(queued).unwrap_or(0))
}

/// What is known of the path, without `bytes`; and whether nothing at all is under way, as far as is known.
fn path(socket: BorrowedFd<'_>) -> Option<(UnderWay, bool)> {
    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut length = mem::size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the descriptor is open, and the kernel writes at most `length` bytes. All of `tcp_info` is integers, for
    // which zeros (an older kernel knows fewer of them) are valid.
    let info = unsafe {
        let to = info.as_mut_ptr().cast();
        if libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, to, &raw mut length) != 0 {
            return None;
        }
        info.assume_init()
    };
    let knows = |field: usize| length as usize >= field + size_of::<u32>();
    // The kernel's "unknown yet" is the largest number.
    let round_trip = if info.tcpi_min_rtt == u32::MAX { 0 } else { info.tcpi_min_rtt.into() };
    let window = knows(mem::offset_of!(libc::tcp_info, tcpi_snd_wnd)).then_some(info.tcpi_snd_wnd.into());
    let knows_unsent = knows(mem::offset_of!(libc::tcp_info, tcpi_notsent_bytes));
    let is_idle = knows_unsent && info.tcpi_unacked == 0 && info.tcpi_notsent_bytes == 0;
    Some((UnderWay { bytes: 0, rate: info.tcpi_delivery_rate, round_trip, window }, is_idle))
}

/// The peer's room: how much it is at most, and whether the peer's program is far behind its machine.
///
/// What the peer's machine has acknowledged and its program has not read is past as well. It is told by the room that
/// the machine offers less than it did. Linux tells of room that became free when it has doubled, so that below the
/// half of it we are certain to be told, and above may not be.
#[derive(Default)]
pub struct Room {
    most: u64,
}

impl Room {
    pub fn is_short(&mut self, window: u64) -> bool {
        self.most = self.most.max(window);
        window < self.most / 2
    }

    /// It is not told of: what there is now may be all that there will be.
    pub fn settle_for(&mut self, window: u64) {
        self.most = window;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under_way(bytes: u64, rate: u64, round_trip: u64) -> UnderWay {
        UnderWay { bytes, rate, round_trip, window: None }
    }

    #[test]
    fn a_path_is_kept_full_and_no_more() {
        // 2.25 MB/s over 40 ms are 90 KB.
        assert!(under_way(135_000, 2_250_000, 40_000).is_little());
        assert!(!under_way(135_001, 2_250_000, 40_000).is_little());
        // A slow reader on the same machine: nothing but a little.
        assert!(under_way(2_048, 100_000, 50).is_little());
        assert!(!under_way(2_049, 100_000, 50).is_little());
        // Nothing known yet.
        assert!(under_way(0, 0, 0).is_little());
        assert!(!under_way(25_000, 0, 0).is_little());
        // Within the machine the kernel measures bursts: 9 GB/s over 4 us.
        assert!(!under_way(2_049, 9 << 30, 4).is_little());
    }

    #[test]
    fn when_it_will_be_little_is_an_estimate() {
        assert_eq!(under_way(12_048, 100_000, 50).little_after(), 100_000);
        assert_eq!(under_way(1_000, 100_000, 50).little_after(), 0);
        assert_eq!(under_way(u64::MAX, 1, 1).little_after(), i64::MAX);
        assert!(under_way(3_048, 0, 0).little_after() >= 1_000_000_000);
    }

    #[test]
    fn room_is_short_below_the_half_of_what_it_was() {
        let mut room = Room::default();
        assert!(!room.is_short(0)); // not known yet
        assert!(!room.is_short(65_536));
        assert!(!room.is_short(32_768));
        assert!(room.is_short(32_767));
        assert!(room.is_short(0));
        assert!(!room.is_short(131_072));
        assert!(room.is_short(65_535));
        room.settle_for(65_535);
        assert!(!room.is_short(65_535));
    }
}
