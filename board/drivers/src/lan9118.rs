//! SMSC LAN9118 and its relatives (LAN9115 to LAN9221): Ethernet MAC and PHY on a 32-bit bus, driven by programmed I/O.
//!
//! Section numbers are those of the LAN9118 datasheet (SMSC, revision 1.5). It has run on QEMU's model of the chip
//! (hw/net/lan9118.c) only; what the real chip needs beyond that model is done as the datasheet says.
//!
//! As a smoltcp [`Device`]: `receive` answers nothing only when the interrupt is taken back, so that every frame that
//! comes later raises it again. Interrupts are for waking up; there is no handler.

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use smoltcp::wire::EthernetAddress;

use crate::registers::Registers;

/// An Ethernet frame without its checksum, which the chip adds and checks.
const FRAME_BYTES_MAX: usize = 1514;
const CHECKSUM_BYTES: usize = 4;
/// The least that a received frame can have: two addresses, a type and the checksum.
const RECEIVED_BYTES_MIN: usize = 14 + CHECKSUM_BYTES;
const BUFFER_WORDS: usize = (FRAME_BYTES_MAX + CHECKSUM_BYTES).div_ceil(4);

// Directly addressed registers (section 5.3), and the FIFOs' ports.
const RX_DATA_FIFO: usize = 0x00;
const TX_DATA_FIFO: usize = 0x20;
const RX_STATUS_FIFO: usize = 0x40;
const TX_STATUS_FIFO: usize = 0x48;
const ID_REV: usize = 0x50;
const IRQ_CFG: usize = 0x54;
const INT_STS: usize = 0x58;
const INT_EN: usize = 0x5c;
const BYTE_TEST: usize = 0x64;
const FIFO_INT: usize = 0x68;
const RX_CFG: usize = 0x6c;
const TX_CFG: usize = 0x70;
const HW_CFG: usize = 0x74;
const RX_DP_CTRL: usize = 0x78;
const RX_FIFO_INF: usize = 0x7c;
const TX_FIFO_INF: usize = 0x80;
const MAC_CSR_CMD: usize = 0xa4;
const MAC_CSR_DATA: usize = 0xa8;

const BYTE_TEST_VALUE: u32 = 0x8765_4321;
const HW_CFG_SOFT_RESET: u32 = 1 << 0;
/// "Must be one", and 5 KB of the FIFO memory for sending (5.3.9).
const HW_CFG_VALUE: u32 = 1 << 20 | 5 << 16;
/// The interrupt line is enabled, active high, push-pull. Without the last two QEMU's line is asserted while idle.
const IRQ_CFG_VALUE: u32 = 1 << 8 | 1 << 4 | 1 << 0;
/// More frames have been received than FIFO_INT says.
const INT_RX_LEVEL: u32 = 1 << 3;
/// Interrupt with more than 0 received frames; with room for the largest frame to send, of which none is made use.
const FIFO_INT_VALUE: u32 = 0x48 << 24;
const RX_CFG_DUMP: u32 = 1 << 15;
const TX_CFG_DUMP: u32 = 1 << 15 | 1 << 14;
const TX_CFG_ON: u32 = 1 << 1;
const RX_DP_FAST_FORWARD: u32 = 1 << 31;
/// Below so many words the chip can't skip a frame by itself (5.3.10).
const FAST_FORWARD_WORDS_MIN: usize = 4;
const RX_STATUS_ERROR: u32 = 1 << 15;
/// The first and the last buffer of a frame at once (3.12.2).
const TX_WHOLE_FRAME: u32 = 1 << 13 | 1 << 12;
/// Two command words go before each frame.
const TX_COMMAND_BYTES: usize = 8;
/// The status FIFO holds 128 words and stops sending when full: it is emptied after so many frames.
const TX_STATUS_EVERY: u32 = 64;

// MAC registers, behind MAC_CSR_CMD and MAC_CSR_DATA (section 5.4).
const CSR_BUSY: u32 = 1 << 31;
const CSR_READ: u32 = 1 << 30;
const MAC_CR: u32 = 1;
const MAC_ADDRH: u32 = 2;
const MAC_ADDRL: u32 = 3;
const MAC_MII_ACC: u32 = 6;
const MAC_MII_DATA: u32 = 7;
/// Full duplex, sending, receiving; frames to our address and to all.
const MAC_CR_VALUE: u32 = 1 << 20 | 1 << 3 | 1 << 2;

// PHY registers (IEEE 802.3 clause 22), behind MAC_MII_ACC.
const PHY_ADDRESS: u32 = 1 << 11;
const MII_WRITE: u32 = 1 << 1;
const MII_BUSY: u32 = 1 << 0;
const PHY_CONTROL: u32 = 0;
const PHY_STATUS: u32 = 1;
const PHY_ADVERTISE: u32 = 4;
/// 10 and 100 Mbit/s, half and full duplex.
const PHY_ADVERTISE_VALUE: u32 = 0x01e1;
const PHY_STATUS_LINK: u32 = 1 << 2;
const PHY_CONTROL_NEGOTIATE: u32 = 1 << 12 | 1 << 9;

/// Sending waits while so much is received and not taken yet. A peer that answers within the very write that sends
/// (QEMU's network does) would otherwise overflow the receive FIFO during a long burst.
const RX_BACKLOG_FRAMES: u32 = 128;
const RX_BACKLOG_BYTES: u32 = 7_500;

/// Rounds of waiting for the reset, which takes microseconds.
const RESET_ROUNDS_MAX: u32 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// What stands at this address is not such a chip, or its bus is wired another way.
    NoAnswer(u32),
    UnknownChip(u32),
    ResetTimeout,
}

/// The chip with a frame's room for each direction.
pub struct Lan9118 {
    chip: Chip,
    received: [u32; BUFFER_WORDS],
    sending: [u32; BUFFER_WORDS],
}

struct Chip {
    registers: Registers,
    /// Frames sent, to know when the status FIFO is due.
    sent: u32,
}

impl Lan9118 {
    /// Resets the chip and starts it, its interrupt line included.
    ///
    /// # Safety
    /// `base` is the address of such a chip, and nobody else uses it.
    pub unsafe fn new(base: usize) -> Result<Self, Error> {
        // SAFETY: by the caller's word; all offsets are of the datasheet's register map.
        let registers = unsafe { Registers::new(base) };
        let mut chip = Chip { registers, sent: 0 };
        chip.start()?;
        Ok(Lan9118 { chip, received: [0; BUFFER_WORDS], sending: [0; BUFFER_WORDS] })
    }

    /// The chip has read it from its EEPROM (QEMU: from `-nic mac=`).
    pub fn address(&mut self) -> EthernetAddress {
        let low = self.chip.mac_read(MAC_ADDRL).to_le_bytes();
        let high = self.chip.mac_read(MAC_ADDRH).to_le_bytes();
        EthernetAddress([low[0], low[1], low[2], low[3], high[0], high[1]])
    }

    /// Whether the cable is in, and something at its other end.
    pub fn link_is_up(&mut self) -> bool {
        // The bit stays down until it was read where the link was down for a moment: what counts is now.
        self.chip.phy_read(PHY_STATUS);
        self.chip.phy_read(PHY_STATUS) & PHY_STATUS_LINK != 0
    }
}

impl Chip {
    fn start(&mut self) -> Result<(), Error> {
        let test = self.registers.read(BYTE_TEST);
        if test != BYTE_TEST_VALUE {
            return Err(Error::NoAnswer(test));
        }
        let id = self.registers.read(ID_REV);
        if !matches!(id >> 16, 0x0115..=0x0118 | 0x9220 | 0x9221) {
            return Err(Error::UnknownChip(id));
        }
        self.registers.write(HW_CFG, HW_CFG_SOFT_RESET);
        let mut rounds = 0..RESET_ROUNDS_MAX;
        while self.registers.read(HW_CFG) & HW_CFG_SOFT_RESET != 0 {
            rounds.next().ok_or(Error::ResetTimeout)?;
        }
        self.registers.write(HW_CFG, HW_CFG_VALUE);
        self.phy_write(PHY_ADVERTISE, PHY_ADVERTISE_VALUE);
        self.phy_write(PHY_CONTROL, PHY_CONTROL_NEGOTIATE);
        self.registers.write(FIFO_INT, FIFO_INT_VALUE);
        self.registers.write(RX_CFG, RX_CFG_DUMP);
        self.registers.write(RX_CFG, 0);
        self.registers.write(TX_CFG, TX_CFG_DUMP);
        self.registers.write(TX_CFG, TX_CFG_ON);
        self.mac_write(MAC_CR, MAC_CR_VALUE);
        self.registers.write(INT_STS, u32::MAX);
        self.registers.write(IRQ_CFG, IRQ_CFG_VALUE);
        self.registers.write(INT_EN, INT_RX_LEVEL);
        Ok(())
    }

    fn mac_wait(&self) {
        while self.registers.read(MAC_CSR_CMD) & CSR_BUSY != 0 {}
    }

    fn mac_read(&mut self, register: u32) -> u32 {
        self.mac_wait();
        self.registers.write(MAC_CSR_CMD, CSR_BUSY | CSR_READ | register);
        self.mac_wait();
        self.registers.read(MAC_CSR_DATA)
    }

    fn mac_write(&mut self, register: u32, value: u32) {
        self.mac_wait();
        self.registers.write(MAC_CSR_DATA, value);
        self.registers.write(MAC_CSR_CMD, CSR_BUSY | register);
        self.mac_wait();
    }

    fn phy_write(&mut self, register: u32, value: u32) {
        self.mac_write(MAC_MII_DATA, value);
        self.mac_write(MAC_MII_ACC, PHY_ADDRESS | register << 6 | MII_WRITE | MII_BUSY);
        while self.mac_read(MAC_MII_ACC) & MII_BUSY != 0 {}
    }

    fn phy_read(&mut self, register: u32) -> u32 {
        self.mac_write(MAC_MII_ACC, PHY_ADDRESS | register << 6 | MII_BUSY);
        while self.mac_read(MAC_MII_ACC) & MII_BUSY != 0 {}
        self.mac_read(MAC_MII_DATA)
    }

    /// Frames received and not taken yet.
    fn pending(&self) -> u32 {
        self.registers.read(RX_FIFO_INF) >> 16 & 0xff
    }

    /// Takes the next good frame; answers its length without the checksum.
    fn take_frame(&mut self, to: &mut [u32; BUFFER_WORDS]) -> Option<usize> {
        loop {
            if self.pending() == 0 {
                // Take the interrupt back, then look again: a frame between the two would not raise it any more.
                self.registers.write(INT_STS, INT_RX_LEVEL);
                if self.pending() == 0 {
                    return None;
                }
            }
            let status = self.registers.read(RX_STATUS_FIFO);
            let length = (status >> 16 & 0x3fff) as usize;
            let words = length.div_ceil(4);
            if status & RX_STATUS_ERROR != 0 || length < RECEIVED_BYTES_MIN || words > BUFFER_WORDS {
                self.skip(words);
                continue;
            }
            for word in &mut to[..words] {
                *word = self.registers.read(RX_DATA_FIFO);
            }
            return Some(length - CHECKSUM_BYTES);
        }
    }

    fn skip(&mut self, words: usize) {
        if words < FAST_FORWARD_WORDS_MIN {
            for _ in 0..words {
                self.registers.read(RX_DATA_FIFO);
            }
            return;
        }
        self.registers.write(RX_DP_CTRL, RX_DP_FAST_FORWARD);
        while self.registers.read(RX_DP_CTRL) & RX_DP_FAST_FORWARD != 0 {}
    }

    /// Whether much is received that is to be taken before more is sent.
    fn is_behind(&self) -> bool {
        let received = self.registers.read(RX_FIFO_INF);
        received >> 16 & 0xff >= RX_BACKLOG_FRAMES || received & 0xffff >= RX_BACKLOG_BYTES
    }

    /// Whether the FIFO has room for the largest frame.
    fn has_room(&self) -> bool {
        let room = (self.registers.read(TX_FIFO_INF) & 0xffff) as usize;
        room >= FRAME_BYTES_MAX.next_multiple_of(4) + TX_COMMAND_BYTES
    }

    /// Sends the first `length` bytes of `frame`.
    fn send(&mut self, frame: &[u32; BUFFER_WORDS], length: usize) {
        self.registers.write(TX_DATA_FIFO, TX_WHOLE_FRAME | length as u32);
        self.registers.write(TX_DATA_FIFO, length as u32);
        for &word in &frame[..length.div_ceil(4)] {
            self.registers.write(TX_DATA_FIFO, word);
        }
        self.sent = self.sent.wrapping_add(1);
        if self.sent.is_multiple_of(TX_STATUS_EVERY) {
            for _ in 0..self.registers.read(TX_FIFO_INF) >> 16 & 0xff {
                self.registers.read(TX_STATUS_FIFO);
            }
        }
    }
}

/// The bytes of a buffer that is made of words for the FIFO's sake.
fn bytes(words: &[u32]) -> &[u8] {
    // SAFETY: four bytes a word, any of which is a valid byte; a word's address is a byte's.
    unsafe { core::slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words)) }
}

fn bytes_mut(words: &mut [u32]) -> &mut [u8] {
    // SAFETY: as in `bytes`, and any four bytes are a valid word.
    unsafe { core::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), size_of_val(words)) }
}

/// A frame that was received.
pub struct Received<'a>(&'a [u8]);

impl phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

/// The chip, which has room for a frame to send, and a buffer to write it in.
pub struct Sender<'a> {
    chip: &'a mut Chip,
    buffer: &'a mut [u32; BUFFER_WORDS],
}

impl phy::TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let result = fill(&mut bytes_mut(self.buffer)[..length]);
        self.chip.send(self.buffer, length);
        result
    }
}

impl Device for Lan9118 {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Received<'_>, Sender<'_>)> {
        // A received frame may want an answer. Left in the FIFO, it keeps the interrupt raised.
        if !self.chip.has_room() {
            return None;
        }
        let length = self.chip.take_frame(&mut self.received)?;
        let received = Received(&bytes(&self.received)[..length]);
        Some((received, Sender { chip: &mut self.chip, buffer: &mut self.sending }))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Sender<'_>> {
        let can_send = !self.chip.is_behind() && self.chip.has_room();
        can_send.then_some(Sender { chip: &mut self.chip, buffer: &mut self.sending })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES_MAX;
        capabilities
    }
}
