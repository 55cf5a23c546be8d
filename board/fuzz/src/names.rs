//! What the system's resolver answers here: nothing of a name that a module dials may get to the network.

#![allow(unsafe_code)] // in the place of a function of libc's

use std::ffi::{CStr, c_char, c_int};
use std::ptr;

/// A host of two addresses, of which the second can be reached; every other name that begins with `p` has one.
const TWO: &CStr = c"two";

unsafe extern "C" {
    fn __real_getaddrinfo(
        node: *const c_char,
        service: *const c_char,
        hints: *const libc::addrinfo,
        result: *mut *mut libc::addrinfo,
    ) -> c_int;
}

/// # Safety
/// As getaddrinfo(3), which the linker has it called for.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    result: *mut *mut libc::addrinfo,
) -> c_int {
    // SAFETY: the caller's word; a node ends with NUL.
    let name = if node.is_null() { c"" } else { unsafe { CStr::from_ptr(node) } };
    let resolve = |address: &CStr, result| {
        // SAFETY: the caller's word, and an address as text, for which nobody is asked.
        unsafe { __real_getaddrinfo(address.as_ptr(), service, hints, result) }
    };
    if name == TWO {
        let mut second = ptr::null_mut();
        let answers = (resolve(c"127.0.0.2", result), resolve(c"127.0.0.1", &raw mut second));
        if answers == (0, 0) {
            // SAFETY: both are lists of at least one; freeaddrinfo frees what is linked.
            unsafe {
                let mut last = *result;
                while !(*last).ai_next.is_null() {
                    last = (*last).ai_next;
                }
                (*last).ai_next = second;
            }
        }
        answers.0
    } else if name.to_bytes().first() == Some(&b'p') {
        resolve(c"127.0.0.1", result)
    } else {
        libc::EAI_NONAME
    }
}
