//! What WAMR asks of an operating system, for a processor alone with one thread.
//!
//! Its own structures and the machine code of AOT files come from the program's heap, whose memory must be executable.
//! The one linear memory has a place of its own, given at start, since it is larger than that heap.

#![allow(unsafe_code)] // called from C, and hands memory to it

use core::alloc::Layout;
use core::cell::Cell;
use core::ffi::{c_char, c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;

use critical_section::Mutex;

/// Each block starts with its own size, which `dealloc` wants back and C does not keep.
const HEADER: usize = 8;

fn block(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.checked_add(HEADER)?, HEADER).ok()
}

#[unsafe(no_mangle)]
extern "C" fn os_malloc(bytes: u32) -> *mut u8 {
    let Some(layout) = block(bytes as usize) else { return ptr::null_mut() };
    // SAFETY: the layout's size is at least HEADER, so not 0.
    let start = unsafe { alloc::alloc::alloc(layout) };
    if start.is_null() {
        return start;
    }
    // SAFETY: the block is aligned for a usize and has room for the header; what follows it is `bytes` long.
    unsafe {
        start.cast::<usize>().write(bytes as usize);
        start.add(HEADER)
    }
}

/// # Safety
/// `pointer` is null or came from `os_malloc` and was not freed.
#[unsafe(no_mangle)]
unsafe extern "C" fn os_free(pointer: *mut u8) {
    if pointer.is_null() {
        return;
    }
    // SAFETY: by the caller's word a header with the block's size lies before it, written by os_malloc, whose layout
    // this makes again.
    unsafe {
        let start = pointer.sub(HEADER);
        let bytes = start.cast::<usize>().read();
        alloc::alloc::dealloc(start, Layout::from_size_align_unchecked(bytes + HEADER, HEADER));
    }
}

/// # Safety
/// As `os_free`.
#[unsafe(no_mangle)]
unsafe extern "C" fn os_realloc(pointer: *mut u8, bytes: u32) -> *mut u8 {
    let new = os_malloc(bytes);
    if !pointer.is_null() && !new.is_null() {
        // SAFETY: both blocks are as long as their headers say, and apart from one another.
        unsafe {
            let old_bytes = pointer.sub(HEADER).cast::<usize>().read();
            ptr::copy_nonoverlapping(pointer, new, old_bytes.min(bytes as usize));
            os_free(pointer);
        }
    }
    new
}

/// The place of the one linear memory.
#[derive(Clone, Copy)]
struct Place {
    start: *mut u8,
    bytes: usize,
    taken: bool,
}

// SAFETY: the memory behind `start` was given away by its owner (`give_linear_memory`), to whoever takes the place.
unsafe impl Send for Place {}

static PLACE: Mutex<Cell<Place>> = Mutex::new(Cell::new(Place { start: ptr::null_mut(), bytes: 0, taken: false }));

/// Says where the module's linear memory shall lie.
pub fn give_linear_memory(memory: &'static mut [MaybeUninit<u8>]) {
    let place = Place { start: memory.as_mut_ptr().cast(), bytes: memory.len(), taken: false };
    critical_section::with(|cs| PLACE.borrow(cs).set(place));
}

/// WAMR maps linear memory without any right at first, and machine code and data with some.
const NO_RIGHTS: c_int = 0;

#[unsafe(no_mangle)]
extern "C" fn os_mmap(_hint: *mut c_void, bytes: usize, rights: c_int, _flags: c_int, _file: c_int) -> *mut u8 {
    let start = if rights == NO_RIGHTS {
        critical_section::with(|cs| {
            let place = PLACE.borrow(cs);
            let Place { start, bytes: room, taken } = place.get();
            if taken || bytes > room {
                return ptr::null_mut();
            }
            place.set(Place { start, bytes: room, taken: true });
            start
        })
    } else {
        u32::try_from(bytes).map_or(ptr::null_mut(), |bytes| os_malloc(bytes))
    };
    if !start.is_null() {
        // A mapping's promise: it is zero.
        // SAFETY: both branches give a block of at least `bytes` that is nobody else's.
        unsafe { ptr::write_bytes(start, 0, bytes) }
    }
    start
}

/// # Safety
/// `start` came from `os_mmap` and was not unmapped.
#[unsafe(no_mangle)]
unsafe extern "C" fn os_munmap(start: *mut u8, _bytes: usize) {
    let was_place = critical_section::with(|cs| {
        let place = PLACE.borrow(cs);
        let was_place = place.get().start == start;
        if was_place {
            place.set(Place { taken: false, ..place.get() });
        }
        was_place
    });
    if !was_place {
        // SAFETY: os_mmap took every other block from os_malloc.
        unsafe { os_free(start) }
    }
}

/// The module's memory never grows (its minimum is its maximum), so there is nothing to move.
#[unsafe(no_mangle)]
extern "C" fn os_mremap(_start: *mut u8, _old: usize, _new: usize) -> *mut u8 {
    ptr::null_mut()
}

#[unsafe(no_mangle)]
extern "C" fn os_mprotect(_start: *mut c_void, _bytes: usize, _rights: c_int) -> c_int {
    0
}

// Called when machine code was written. Without caches (the emulated board) this is ordering only; a board with caches
// on cleans the data cache and invalidates the instruction cache here.

#[unsafe(no_mangle)]
extern "C" fn os_dcache_flush() {
    core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
}

#[unsafe(no_mangle)]
extern "C" fn os_icache_flush(_start: *mut c_void, _bytes: usize) {
    // SAFETY: barriers change nothing but order.
    unsafe { core::arch::asm!("dsb", "isb", options(nostack, preserves_flags)) }
}

unsafe extern "C" {
    /// The stack's end, from the board's linker script.
    static _stack_end: u8;
}

/// Where the compiled code's stack check stops a recursion.
#[unsafe(no_mangle)]
extern "C" fn os_thread_get_stack_boundary() -> *const u8 {
    &raw const _stack_end
}

#[unsafe(no_mangle)]
extern "C" fn bh_platform_init() -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn bh_platform_destroy() {}

#[unsafe(no_mangle)]
extern "C" fn os_mutex_init(_mutex: *mut u32) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn os_mutex_destroy(_mutex: *mut u32) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn os_mutex_lock(_mutex: *mut u32) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn os_mutex_unlock(_mutex: *mut u32) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn os_self_thread() -> u32 {
    1
}

#[unsafe(no_mangle)]
extern "C" fn os_thread_jit_write_protect_np(_enabled: bool) {}

#[unsafe(no_mangle)]
extern "C" fn os_time_get_boot_us() -> u64 {
    0
}

#[unsafe(no_mangle)]
extern "C" fn os_time_thread_cputime_us() -> u64 {
    0
}

// What newlib's snprintf and WAMR's asserts ask for.

/// newlib's own heap: it has none.
#[unsafe(no_mangle)]
extern "C" fn _sbrk(_bytes: c_int) -> *mut c_char {
    usize::MAX as *mut c_char
}

#[unsafe(no_mangle)]
extern "C" fn abort() -> ! {
    panic!("WAMR called abort()")
}

/// Of WAMR's other API, which is left out; natives made with it would call this.
#[unsafe(no_mangle)]
extern "C" fn wasm_trap_delete(_trap: *mut c_void) {}
