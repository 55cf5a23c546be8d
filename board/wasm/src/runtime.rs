//! The runtime, one module in it at a time, and the way from its imports to a [`Host`].

#![allow(unsafe_code)] // WAMR's C API

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char, c_void};
use core::ptr::{self, NonNull};
use core::slice;

use crate::stop::{self, End};

/// Bytes of the stack that WAMR keeps for its own records of a call (compiled code runs on the processor's stack).
const WASM_STACK_BYTES: u32 = 16 << 10;
/// More parameters or results than any function has that is called or imported here, in 32-bit cells.
const CELLS_MAX: usize = 16;
/// The length of WAMR's own buffers for error texts.
const TEXT_BYTES: usize = 128;

/// An import that the runtime offers to modules. All its parameters are 32-bit integers.
pub struct Native {
    pub name: &'static CStr,
    /// As WAMR writes it: `(iii)i`.
    pub signature: &'static CStr,
}

/// Carries out what a module asks for in a call.
pub trait Host {
    /// `native` is the import's place among those that the runtime was made with, `memory` the module's whole memory.
    /// An error's text becomes the trap's.
    fn call(&mut self, native: usize, memory: &mut [u8], arguments: &[u32]) -> Result<i32, &'static str>;
}

/// A failure's text; after a trap the instance can only be dropped.
pub type Trap = String;

pub(crate) mod ffi {
    use super::*;

    #[repr(C)]
    pub struct NativeSymbol {
        pub symbol: *const c_char,
        pub function: *const c_void,
        pub signature: *const c_char,
        pub attachment: *mut c_void,
    }

    unsafe extern "C" {
        pub fn wasm_runtime_init() -> bool;
        pub fn wasm_runtime_register_natives_raw(module: *const c_char, symbols: *mut NativeSymbol, count: u32)
        -> bool;
        pub fn wasm_runtime_load(bytes: *const u8, length: u32, text: *mut c_char, text_bytes: u32) -> *mut c_void;
        pub fn wasm_runtime_unload(module: *mut c_void);
        pub fn wasm_runtime_instantiate(
            module: *mut c_void,
            stack: u32,
            heap: u32,
            text: *mut c_char,
            text_bytes: u32,
        ) -> *mut c_void;
        pub fn wasm_runtime_deinstantiate(instance: *mut c_void);
        pub fn wasm_runtime_create_exec_env(instance: *mut c_void, stack: u32) -> *mut c_void;
        pub fn wasm_runtime_destroy_exec_env(env: *mut c_void);
        pub fn wasm_runtime_get_module_inst(env: *mut c_void) -> *mut c_void;
        pub fn wasm_runtime_lookup_function(instance: *mut c_void, name: *const c_char) -> *mut c_void;
        #[cfg(target_os = "none")]
        pub fn wasm_runtime_call_wasm(env: *mut c_void, function: *mut c_void, count: u32, cells: *mut u32) -> bool;
        pub fn wasm_runtime_get_exception(instance: *mut c_void) -> *const c_char;
        pub fn wasm_runtime_set_exception(instance: *mut c_void, text: *const c_char);
        pub fn wasm_runtime_set_user_data(env: *mut c_void, data: *mut c_void);
        pub fn wasm_runtime_get_user_data(env: *mut c_void) -> *mut c_void;
        pub fn wasm_runtime_get_function_attachment(env: *mut c_void) -> *mut c_void;
        pub fn wasm_runtime_get_default_memory(instance: *mut c_void) -> *mut c_void;
        pub fn wasm_memory_get_base_address(memory: *mut c_void) -> *mut u8;
        pub fn wasm_memory_get_cur_page_count(memory: *mut c_void) -> u64;
        pub fn wasm_memory_get_bytes_per_page(memory: *mut c_void) -> u64;
    }
}

/// What WAMR keeps beside each native for us: its place, and how many arguments it has.
struct Attachment {
    place: usize,
    parameters: usize,
}

/// WAMR, started once and kept until the board is switched off.
pub struct Runtime(());

impl Runtime {
    /// Starts WAMR with the imports of one import module.
    ///
    /// # Panics
    /// Where the natives are not of the shape that [`Native`] says, or without memory for them.
    pub fn new(import_module: &'static CStr, natives: impl IntoIterator<Item = Native>) -> Runtime {
        let symbol = |(place, native): (usize, Native)| {
            let signature = native.signature.to_bytes();
            let parameters = signature.iter().take_while(|&&letter| letter != b')').count() - 1;
            let integers = signature.iter().all(|letter| b"(i)".contains(letter));
            assert!(integers && parameters <= CELLS_MAX, "{:?}: natives take 32-bit integers only", native.name);
            let attachment: &'static mut Attachment = alloc::boxed::Box::leak(Attachment { place, parameters }.into());
            ffi::NativeSymbol {
                symbol: native.name.as_ptr(),
                function: trampoline as *const c_void,
                signature: native.signature.as_ptr(),
                attachment: ptr::from_mut(attachment).cast(),
            }
        };
        // WAMR sorts the table where it lies and keeps it.
        let symbols = natives.into_iter().enumerate().map(symbol).collect::<Vec<_>>().leak();
        // SAFETY: the symbols, and the texts and functions in them, are there for ever; `trampoline` is of the shape
        // that raw natives have.
        let started = unsafe {
            ffi::wasm_runtime_init()
                && ffi::wasm_runtime_register_natives_raw(
                    import_module.as_ptr(),
                    symbols.as_mut_ptr(),
                    symbols.len() as u32,
                )
        };
        assert!(started, "WAMR did not start: out of memory");
        stop::watch();
        Runtime(())
    }

    /// Loads an AOT file and makes an instance of it. There is room for one at a time.
    pub fn instantiate(&mut self, file: &'static [u8]) -> Result<Instance, Trap> {
        if file.as_ptr().align_offset(align_of::<u32>()) != 0 {
            return Err("an AOT file must lie at a multiple of 4".into()); // its loader reads words
        }
        let mut text = [0u8; TEXT_BYTES];
        let text_at = text.as_mut_ptr().cast::<c_char>();
        let failed = |text: [u8; TEXT_BYTES]| {
            CStr::from_bytes_until_nul(&text).unwrap_or(c"unknown error").to_string_lossy().into_owned()
        };
        // SAFETY: WAMR has started (there is a Runtime). The file is aligned, and there for ever as WAMR wants it. Each
        // handle is checked before it is used, and those that were made are released in the order that WAMR asks for.
        unsafe {
            let module = ffi::wasm_runtime_load(file.as_ptr(), file.len() as u32, text_at, TEXT_BYTES as u32);
            let Some(module) = NonNull::new(module) else { return Err(failed(text)) };
            let instance =
                ffi::wasm_runtime_instantiate(module.as_ptr(), WASM_STACK_BYTES, 0, text_at, TEXT_BYTES as u32);
            let Some(instance) = NonNull::new(instance) else {
                ffi::wasm_runtime_unload(module.as_ptr());
                return Err(failed(text));
            };
            let env = ffi::wasm_runtime_create_exec_env(instance.as_ptr(), WASM_STACK_BYTES);
            let Some(env) = NonNull::new(env) else {
                ffi::wasm_runtime_deinstantiate(instance.as_ptr());
                ffi::wasm_runtime_unload(module.as_ptr());
                return Err("out of memory".into());
            };
            Ok(Instance { module, instance, env })
        }
    }
}

/// A loaded module with its memory.
pub struct Instance {
    module: NonNull<c_void>,
    instance: NonNull<c_void>,
    env: NonNull<c_void>,
}

/// A function that an instance exports.
#[derive(Clone, Copy)]
pub struct Function {
    function: NonNull<c_void>,
    /// Whose it is.
    instance: NonNull<c_void>,
}

impl Instance {
    pub fn function(&self, name: &CStr) -> Result<Function, Trap> {
        // SAFETY: the instance is alive, and the name ends with NUL.
        let function = unsafe { ffi::wasm_runtime_lookup_function(self.instance.as_ptr(), name.as_ptr()) };
        match NonNull::new(function) {
            Some(function) => Ok(Function { function, instance: self.instance }),
            None => Err(alloc::format!("the module does not export {}", name.to_string_lossy())),
        }
    }

    /// Calls a function. Arguments and result are cells of 32 bits; a 64-bit value takes two, the low one first.
    ///
    /// # Panics
    /// With another instance's function, or more than 16 cells.
    pub fn call(&mut self, function: Function, arguments: &[u32], mut host: &mut dyn Host) -> Result<u64, Trap> {
        assert!(function.instance == self.instance, "a function of another instance");
        let mut cells = [0; CELLS_MAX];
        cells[..arguments.len()].copy_from_slice(arguments);
        let user_data: *mut &mut dyn Host = &raw mut host;
        // SAFETY: instance and environment are alive, the function is this instance's. WAMR checks the number of
        // arguments, and `cells` is longer than any result. `trampoline` finds `host` under the user data, during
        // this call only: it is taken back before `host` goes.
        let end = unsafe {
            ffi::wasm_runtime_set_user_data(self.env.as_ptr(), user_data.cast());
            let count = arguments.len() as u32;
            let end = stop::call(self.env, function.function, count, cells.as_mut_ptr());
            ffi::wasm_runtime_set_user_data(self.env.as_ptr(), ptr::null_mut());
            end
        };
        match end {
            End::Returned => Ok(u64::from(cells[0]) | u64::from(cells[1]) << 32),
            End::Trapped => Err(self.with_place(self.exception())),
            End::Stopped => Err(self.with_place("the step did not return".into())),
        }
    }

    fn with_place(&self, reason: Trap) -> Trap {
        // SAFETY: the instance is alive, and only its functions were called.
        match unsafe { stop::place(self.instance) } {
            Some(function) => alloc::format!("{reason}, in function {function}"),
            None => reason,
        }
    }

    fn exception(&self) -> Trap {
        // SAFETY: the instance is alive; the text, if there is one, lies in it and ends with NUL.
        let text = unsafe {
            let text = ffi::wasm_runtime_get_exception(self.instance.as_ptr());
            if text.is_null() { c"no reason given".to_owned() } else { CStr::from_ptr(text).to_owned() }
        };
        let text = text.to_string_lossy();
        text.strip_prefix("Exception: ").unwrap_or(&text).into()
    }

    /// The module's whole memory.
    pub fn memory(&mut self) -> &mut [u8] {
        // SAFETY: the instance is alive; nothing of it runs while we are here, nor while the slice is borrowed.
        unsafe { memory_of(self.instance.as_ptr()) }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: all three are alive and ours, and go in the order that WAMR asks for.
        unsafe {
            ffi::wasm_runtime_destroy_exec_env(self.env.as_ptr());
            ffi::wasm_runtime_deinstantiate(self.instance.as_ptr());
            ffi::wasm_runtime_unload(self.module.as_ptr());
        }
    }
}

/// # Safety
/// The instance is alive; its code does not run, and nobody else refers to its memory, as long as the slice is used.
unsafe fn memory_of<'a>(instance: *mut c_void) -> &'a mut [u8] {
    // SAFETY: by the caller's word; WAMR says where the memory lies and how long it is, and both stay (it can't grow).
    unsafe {
        let memory = ffi::wasm_runtime_get_default_memory(instance);
        if memory.is_null() {
            return &mut [];
        }
        let pages = ffi::wasm_memory_get_cur_page_count(memory) * ffi::wasm_memory_get_bytes_per_page(memory);
        match NonNull::new(ffi::wasm_memory_get_base_address(memory)) {
            Some(base) => slice::from_raw_parts_mut(base.as_ptr(), pages as usize),
            None => &mut [],
        }
    }
}

/// Every import's native: finds which one it is, and asks the host of the call that is under way.
///
/// # Safety
/// For WAMR to call, as a native registered with `wasm_runtime_register_natives_raw` and an [`Attachment`].
unsafe extern "C" fn trampoline(env: *mut c_void, cells: *mut u64) {
    // SAFETY: WAMR gives the environment of the call under way, which is alive with its instance.
    let (instance, host, attachment) = unsafe {
        (
            ffi::wasm_runtime_get_module_inst(env),
            ffi::wasm_runtime_get_user_data(env).cast::<&mut dyn Host>(),
            ffi::wasm_runtime_get_function_attachment(env).cast::<Attachment>(),
        )
    };
    // SAFETY: every native was registered with an attachment that is there for ever.
    let attachment = unsafe { &*attachment };
    // SAFETY: the user data is null or, while `Instance::call` waits for us, its host, which nobody else uses.
    let result = match unsafe { host.as_mut() } {
        None => Err("an import was called before the module's start"),
        Some(host) => {
            let mut arguments = [0; CELLS_MAX];
            for (at, argument) in arguments[..attachment.parameters].iter_mut().enumerate() {
                // SAFETY: WAMR gives 64 bits for each parameter of the signature; a 32-bit integer is the low half.
                *argument = unsafe { cells.add(at).cast::<u32>().read() };
            }
            // SAFETY: the module's code waits for this call, and `Instance::memory` can't be borrowed during it.
            let memory = unsafe { memory_of(instance) };
            host.call(attachment.place, memory, &arguments[..attachment.parameters])
        }
    };
    match result {
        // SAFETY: WAMR has room for a result here in any case, and reads it where the signature has one.
        Ok(value) => unsafe { cells.cast::<i32>().write(value) },
        Err(text) => {
            let mut ended = [0u8; TEXT_BYTES];
            let length = text.len().min(TEXT_BYTES - 1);
            ended[..length].copy_from_slice(&text.as_bytes()[..length]);
            // SAFETY: the instance is alive; WAMR copies the text, which ends with NUL.
            unsafe { ffi::wasm_runtime_set_exception(instance, ended.as_ptr().cast()) }
        }
    }
}
