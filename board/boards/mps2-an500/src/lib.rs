//! The board's wiring: Arm MPS2 with FPGA image AN500, a Cortex-M7 that QEMU emulates (`-M mps2-an500`).
//!
//! Addresses and interrupts are those of Arm Application Note 500 and of QEMU's hw/arm/mps2.c. What a person would plug
//! in and switch on (which scene the sensor sees, settings) comes from the PC at start, by semihosting: the command
//! line's words (`-semihosting-config arg=`) are options and settings of the shape `name=value`, and files are read.
//! What a board with flash memory would keep there goes to a file of the PC's.

#![no_std]
#![allow(unsafe_code)] // addresses of devices and memory

extern crate alloc;

use alloc::borrow::ToOwned;
use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write;
use core::mem::MaybeUninit;
use core::panic::PanicInfo;
use core::slice;

use board::clock::{Clock, Micros, SECOND};
use board::settings::{Store, Values};
use cortex_m::peripheral::{MPU, NVIC};
use drivers::cmsdk_timer::{Alarm, Counter};
use drivers::cmsdk_uart::CmsdkUart;
use drivers::cmsdk_watchdog::CmsdkWatchdog;
use drivers::lan9118::Lan9118;
use embedded_alloc::LlffHeap;
use semihosting::io::Read;

mod watch;
pub use watch::Watch;

/// As `make flash BOARD=` names it.
pub const NAME: &str = "mps2-an500";

const CLOCK_HZ: u32 = 25_000_000;
const TICKS_PER_MICRO: u64 = CLOCK_HZ as u64 / SECOND as u64;
const BAUD: u32 = 115_200;

const TIMER0: usize = 0x4000_0000;
const TIMER1: usize = 0x4000_1000;
const UART0: usize = 0x4000_4000;
const WATCHDOG: usize = 0x4000_8000;
const ETHERNET: usize = 0xa000_0000;
const PSRAM: usize = 0x6000_0000;
const RAM: usize = 0x2000_0000;
const RAM_BYTES: usize = 4 << 20;

/// The module's linear memory: 96 pages, and the next such module's few more.
const LINEAR_MEMORY_BYTES: usize = 7 << 20;
/// The rest of PSRAM's 16 MB.
pub const SCENE_BYTES_MAX: usize = 9 << 20;
/// All other memory that is asked for at run time: network buffers, WAMR's structures, the module's machine code.
const HEAP_BYTES: usize = 3 << 20;
/// Bytes of all the command line's words.
const COMMAND_LINE_BYTES_MAX: usize = 1024;

#[derive(Clone, Copy)]
enum Interrupt {
    Timer1 = 9,
    Ethernet = 13,
}

// SAFETY: the numbers are the board's, one for each.
unsafe impl cortex_m::interrupt::InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

#[global_allocator]
static HEAP: LlffHeap = LlffHeap::empty();

/// Everything on the board, each part for one owner.
pub struct Parts {
    pub uart: CmsdkUart,
    pub clock: BoardClock,
    pub sleeper: Sleeper,
    pub watch: Watch,
    pub ethernet: Lan9118,
    pub linear_memory: &'static mut [MaybeUninit<u8>],
    pub scene_memory: &'static mut [u8],
}

/// Takes the board's parts; once.
///
/// # Panics
/// The second time, or where the hardware is not this board's.
pub fn take() -> Parts {
    let mut core = cortex_m::Peripherals::take().expect("the board is taken once");
    // A raised interrupt only ends the sleep, and the main loop looks what there is to do. So nothing in this firmware
    // can be interrupted, and nothing needs guarding against it. The one exception is the watchdog: see watch.rs.
    cortex_m::interrupt::disable();
    protect(&mut core.MPU);
    #[unsafe(link_section = ".uninit.HEAP_MEMORY")] // not to be zeroed at each start
    static mut HEAP_MEMORY: [MaybeUninit<u8>; HEAP_BYTES] = [MaybeUninit::uninit(); HEAP_BYTES];
    // SAFETY: we get here once (`Peripherals::take`), and nothing else names this memory or the heap before.
    unsafe { HEAP.init(&raw mut HEAP_MEMORY as usize, HEAP_BYTES) }
    // SAFETY: these are the board's interrupts, which nothing waits for elsewhere; no handler exists that could run.
    unsafe {
        NVIC::unmask(Interrupt::Timer1);
        NVIC::unmask(Interrupt::Ethernet);
    }
    // SAFETY: AN500's addresses; nobody else uses these devices, since we get here once. PSRAM is ordinary memory,
    // outside of what the linker uses, shared out without overlap; any bytes are valid u8.
    unsafe {
        Parts {
            uart: uart(),
            clock: BoardClock(Counter::new(TIMER0)),
            sleeper: Sleeper(Alarm::new(TIMER1)),
            watch: Watch::new(CmsdkWatchdog::new(WATCHDOG)),
            ethernet: Lan9118::new(ETHERNET).expect("a LAN9118 on the bus"),
            linear_memory: slice::from_raw_parts_mut(PSRAM as *mut MaybeUninit<u8>, LINEAR_MEMORY_BYTES),
            scene_memory: slice::from_raw_parts_mut((PSRAM + LINEAR_MEMORY_BYTES) as *mut u8, SCENE_BYTES_MAX),
        }
    }
}

/// Has the memory protection unit find out whoever writes to "flash" or below the stack, as on a board where these are
/// not memory: ARMv7-M Architecture Reference Manual, section B3.5.
fn protect(mpu: &mut MPU) {
    const READ_ONLY: u32 = 0b110 << 24;
    const NO_ACCESS: u32 = 0b000 << 24;
    const NORMAL_MEMORY: u32 = 1 << 17;
    const ENABLE: u32 = 1 << 0;
    let size = |log2_bytes: u32| (log2_bytes - 1) << 1;
    const { assert!(RAM_BYTES == 1 << 22 && watch::RAM_REGION == 1) };
    let regions = [
        (0, READ_ONLY | NORMAL_MEMORY | size(22) | ENABLE),
        (RAM as u32, watch::DATA_ONLY), // where two regions lie over one another the later one counts
        (stack_end() - STACK_GUARD_BYTES, NO_ACCESS | NORMAL_MEMORY | size(STACK_GUARD_BYTES.ilog2()) | ENABLE),
    ];
    for (number, (base, attributes)) in regions.into_iter().enumerate() {
        // SAFETY: the regions take rights away that nothing makes use of.
        unsafe {
            mpu.rnr.write(number as u32);
            mpu.rbar.write(base);
            mpu.rasr.write(attributes);
        }
    }
    const REST_AS_WITHOUT_MPU: u32 = 1 << 2;
    // SAFETY: as above.
    unsafe { mpu.ctrl.write(REST_AS_WITHOUT_MPU | ENABLE) }
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
}

/// Between heap and stack. The module's own recursion is stopped before (WAMR checks it); this catches everything else.
const STACK_GUARD_BYTES: u32 = 1 << 10;

fn stack_end() -> u32 {
    unsafe extern "C" {
        static _stack_end: u8;
    }
    (&raw const _stack_end) as u32
}

/// # Safety
/// Nobody else writes to the UART meanwhile.
unsafe fn uart() -> CmsdkUart {
    // SAFETY: AN500's address, and the caller's word.
    unsafe { CmsdkUart::new(UART0, CLOCK_HZ, BAUD) }
}

/// Timer 0, counting. It is asked several times a second, since the watchdog ends every sleep.
pub struct BoardClock(Counter);

impl BoardClock {
    /// Ticks of 40 ns since the start; 40 instructions each where QEMU counts them (`-icount shift=0`).
    pub fn ticks(&mut self) -> u64 {
        self.0.ticks()
    }
}

impl Clock for BoardClock {
    fn now(&mut self) -> Micros {
        (self.ticks() / TICKS_PER_MICRO) as Micros
    }
}

/// Timer 1, which ends a sleep.
pub struct Sleeper(Alarm);

impl Sleeper {
    const SLEEP_MAX: Micros = 60 * SECOND;

    /// Sleeps for that long at most: until an interrupt, which may already have been raised.
    pub fn sleep(&mut self, span: Micros) {
        if span <= 0 {
            return;
        }
        self.0.set((span.min(Self::SLEEP_MAX) as u64 * TICKS_PER_MICRO) as u32);
        // Both lines stay up as long as there is cause, and then the interrupt stays pending in spite of this.
        NVIC::unpend(Interrupt::Timer1);
        NVIC::unpend(Interrupt::Ethernet);
        cortex_m::asm::wfi();
    }
}

/// The words that the PC gave at start.
///
/// # Panics
/// Where they are too long or not UTF-8.
pub fn command_line() -> Vec<String> {
    let words = semihosting::experimental::env::args::<COMMAND_LINE_BYTES_MAX>().expect("semihosting is enabled");
    (&words).into_iter().map(|word| word.expect("words in UTF-8").to_owned()).collect()
}

/// Reads a file of the PC's into the beginning of `memory`.
pub fn read_file_into<'m>(path: &str, memory: &'m mut [u8]) -> Result<&'m mut [u8], String> {
    let failed = |error: &dyn core::fmt::Display| format!("{path}: {error}");
    let name = CString::new(path).map_err(|error| failed(&error))?;
    let mut file = semihosting::fs::File::open(&name).map_err(|error| failed(&error))?;
    let length = file.metadata().map_err(|error| failed(&error))?.len() as usize;
    let room = memory.len();
    let to =
        memory.get_mut(..length).ok_or_else(|| failed(&format!("{length} bytes, and there is room for {room}")))?;
    file.read_exact(to).map_err(|error| failed(&error))?;
    Ok(to)
}

/// Reads a file of the PC's, to stay for ever, at a multiple of 4.
pub fn read_file(path: &str) -> Result<&'static [u8], String> {
    let name = CString::new(path).map_err(|error| format!("{path}: {error}"))?;
    let file = semihosting::fs::File::open(&name).map_err(|error| format!("{path}: {error}"))?;
    let length = file.metadata().map_err(|error| format!("{path}: {error}"))?.len() as usize;
    let words = vec![0u32; length.div_ceil(4)].leak();
    // SAFETY: four bytes a word, nobody else has them, and any bytes are valid as both.
    let bytes = unsafe { slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u8>(), words.len() * 4) };
    Ok(&*read_file_into(path, bytes)?)
}

/// Writes a file of the PC's.
pub fn write_file(path: &str, bytes: &[u8]) -> Result<(), String> {
    let name = CString::new(path).map_err(|error| format!("{path}: {error}"))?;
    semihosting::fs::write(&name, bytes).map_err(|error| format!("{path}: {error}"))
}

/// Where the PC has the board keep its settings.
pub struct SettingsFile {
    path: CString,
    /// The next one, until it is whole.
    new: CString,
    /// What the PC wrote at start, which is read again when the board is reset.
    given: CString,
}

impl Store for SettingsFile {
    fn replace(&mut self, values: &Values) -> bool {
        let written = semihosting::fs::write(&self.new, values.to_json());
        // A rename is all or nothing.
        let kept = written.and_then(|()| semihosting::fs::rename(&self.new, &self.path)).is_ok();
        if kept {
            let texts = values.iter().flat_map(|(name, value)| [name, value]);
            let given: String = texts.fold(format!("{}\0", self.path.to_string_lossy()), |all, text| all + text + "\0");
            // After a reset the board would have what it has now; without this, what it had at its start.
            let _ = semihosting::fs::write(&self.given, given);
        }
        kept
    }
}

/// Reads what the board keeps, from a file that the PC wrote at start (host/emulator/): the settings file's path and
/// then names and values.
pub fn open_settings(path: &str) -> Result<(Values, SettingsFile), String> {
    let given = CString::new(path).map_err(|error| format!("{path}: {error}"))?;
    let mut texts = read_texts(path)?;
    let path = texts.next().unwrap_or_default();
    let c_string = |text: String| CString::new(text).map_err(|error| format!("{path}: {error}"));
    let file = SettingsFile { path: c_string(path.to_owned())?, new: c_string(format!("{path}.new"))?, given };
    Ok((values_of(texts), file))
}

/// Reads the settings that were said for this start, from such a file of names and values.
pub fn read_settings(path: &str) -> Result<Values, String> {
    Ok(values_of(read_texts(path)?))
}

/// The texts of a file, which has a NUL behind each.
fn read_texts(path: &str) -> Result<impl Iterator<Item = &'static str>, String> {
    let texts = core::str::from_utf8(read_file(path)?).map_err(|error| format!("{path}: {error}"))?;
    Ok(texts.split_terminator('\0'))
}

/// Names and values in turns.
fn values_of(mut texts: impl Iterator<Item = &'static str>) -> Values {
    let mut values = Values::default();
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        values.set(name, value);
    }
    values
}

/// Bytes of the heap in use, and in all.
pub fn heap() -> (usize, usize) {
    (HEAP.used(), HEAP_BYTES)
}

/// Ends the emulation; QEMU's exit code says whether all was well.
pub fn exit(well: bool) -> ! {
    let code = if well { semihosting::process::ExitCode::SUCCESS } else { semihosting::process::ExitCode::FAILURE };
    code.exit_process()
}

/// The last words of a firmware that can't go on.
fn fail(reason: core::fmt::Arguments<'_>) -> ! {
    // SAFETY: whoever used the UART does not come back.
    let mut uart = unsafe { uart() };
    let _ = writeln!(uart, "the firmware failed: {reason}");
    exit(false)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    match info.location() {
        Some(location) => fail(format_args!("{} ({location})", info.message())),
        None => fail(format_args!("{}", info.message())),
    }
}
