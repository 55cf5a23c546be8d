//! `aotc MODULE.wasm FILE.aot`: compiles the camera's module ahead of time, for the Cortex-M7 boards, for this
//! machine's own processor, or for any computer of 64-bit Arm.
//!
//! The defaults are the one set of options that the project uses; each says why it is there. The flags are for whoever
//! looks for a better one, with the object file or LLVM's text to look at. `driver.c` holds what never varies.

#![allow(unsafe_code)] // one call into C

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, ptr};

use lexopt::prelude::*;

const HELP: &str = "\
Compiles a WebAssembly module ahead of time, for Cortex-M7 boards unless another target is named.

Usage: aotc [OPTIONS] MODULE.wasm OUTPUT

  --target NAME       cortex-m7 (default), native: this machine's processor, with all that it can do,
                      or aarch64: any of 64-bit Arm
  --emit KIND         aot (default), object, ir, ir-optimised
  --cpu NAME          LLVM's name of the processor to schedule for (cortex-m4, this one's, cortex-a53)
  --features LIST     what it can do beyond that name (+fp-armv8d16; the others: none)
  --passes LIST       LLVM's pass pipeline in place of WAMR's
  --llvm-args LIST    options as for LLVM's own tools, separated by spaces
                      (-misched-topdown; the others: none)
  -h, --help          this text";

/// A wrong command line, against a compilation that failed.
const EXIT_USAGE: u8 = 2;

struct Arguments {
    module: PathBuf,
    output: PathBuf,
    emit: Emit,
    target: Target,
    cpu: Option<CString>,
    features: Option<CString>,
    passes: Option<CString>,
    llvm_args: Vec<CString>,
}

/// What is written; the numbers are WAMR's (`AOT_FORMAT_FILE` and so on).
#[derive(Clone, Copy, PartialEq)]
enum Emit {
    Aot = 0,
    Object = 1,
    Ir = 2,
    IrOptimised = 3,
}

#[derive(Clone, Copy, PartialEq)]
enum Target {
    CortexM7,
    Native,
    Aarch64,
}

enum Command {
    Compile(Arguments),
    Help,
}

fn parse() -> Result<Command, lexopt::Error> {
    let mut emit = Emit::Aot;
    let mut target = Target::CortexM7;
    let (mut cpu, mut features, mut passes, mut llvm_args) = (None, None, None, None);
    let mut files = Vec::new();
    let text =
        |value: std::ffi::OsString| Ok::<_, lexopt::Error>(CString::new(value.string()?).map_err(|e| e.to_string())?);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("emit") => {
                emit = match parser.value()?.string()?.as_str() {
                    "aot" => Emit::Aot,
                    "object" => Emit::Object,
                    "ir" => Emit::Ir,
                    "ir-optimised" => Emit::IrOptimised,
                    other => return Err(format!("--emit knows aot, object, ir and ir-optimised, not '{other}'").into()),
                }
            }
            Long("target") => {
                target = match parser.value()?.string()?.as_str() {
                    "cortex-m7" => Target::CortexM7,
                    "native" => Target::Native,
                    "aarch64" => Target::Aarch64,
                    other => return Err(format!("--target knows cortex-m7, native and aarch64, not '{other}'").into()),
                }
            }
            Long("cpu") => cpu = Some(text(parser.value()?)?),
            Long("features") => features = Some(text(parser.value()?)?),
            Long("passes") => passes = Some(text(parser.value()?)?),
            Long("llvm-args") => llvm_args = Some(parser.value()?.string()?),
            Value(file) => files.push(PathBuf::from(file)),
            _ => return Err(argument.unexpected()),
        }
    }
    let [module, output] = <[PathBuf; 2]>::try_from(files).map_err(|_| "give one module and one output")?;
    if target == Target::CortexM7 {
        // The board is a Cortex-M7, and LLVM knows its two pipelines under that name. For the JPEG encoder, most of
        // what the camera does, the M4's schedule spills fewer registers and takes 9 % fewer instructions (3.15 against
        // 3.47 million a QVGA frame at 4:2:0). The M7's double-precision FPU, which its name would bring, is said on
        // its own.
        cpu.get_or_insert_with(|| c"cortex-m4".to_owned());
        features.get_or_insert_with(|| c"+fp-armv8d16".to_owned());
        // From the top of each block down: again fewer spills, a part of the same 9 %.
        llvm_args.get_or_insert_with(|| "-misched-topdown".to_string());
    }
    if target == Target::Aarch64 {
        // The oldest of those with Linux (the Raspberry Pi 3's), in order: what is scheduled for it suits the others.
        cpu.get_or_insert_with(|| c"cortex-a53".to_owned());
    }
    // LLVM takes the first for the program's name.
    let llvm_args = std::iter::once("aotc")
        .chain(llvm_args.iter().flat_map(|args| args.split_whitespace()))
        .map(|word| CString::new(word).map_err(|error| error.to_string()))
        .collect::<Result<_, _>>()?;
    Ok(Command::Compile(Arguments { module, output, emit, target, cpu, features, passes, llvm_args }))
}

/// The same as `struct options` in driver.c.
#[repr(C)]
struct Options {
    arch: *const c_char,
    abi: *const c_char,
    cpu: *const c_char,
    features: *const c_char,
    passes: *const c_char,
    llvm_args: *const *const c_char,
    llvm_arg_count: c_int,
    cold_prefix: *const c_char,
    format: u32,
    out_name: *const c_char,
}

unsafe extern "C" {
    fn aotc_compile(
        wasm: *const u8,
        length: u32,
        options: *const Options,
        out: *mut *mut u8,
        out_length: *mut u32,
        error: *mut c_char,
        error_size: u32,
    ) -> c_int;
    fn free(pointer: *mut c_void);
}

fn compile(arguments: &Arguments) -> Result<(), String> {
    let at = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let wasm = fs::read(&arguments.module).map_err(|error| at(&arguments.module, error))?;
    let length = u32::try_from(wasm.len()).map_err(|_| format!("{}: too long", arguments.module.display()))?;
    let out_name = CString::new(arguments.output.as_os_str().as_encoded_bytes()).map_err(|error| error.to_string())?;
    let llvm_args: Vec<*const c_char> = arguments.llvm_args.iter().map(|word| word.as_ptr()).collect();
    let or_null = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
    let (arch, abi) = match arguments.target {
        // What QEMU's and the STM32H7's Cortex-M7 run: Thumb-2 with the DSP instructions. And floats in FPU registers,
        // as the firmware is built; with `gnu` they come back as garbage.
        Target::CortexM7 => (Some(c"thumbv7em"), Some(c"eabihf")),
        // LLVM finds out what this machine is, and its processor and features where nobody names them.
        Target::Native => (None, None),
        // As WAMR calls it.
        Target::Aarch64 => (Some(c"aarch64v8"), Some(c"gnu")),
    };
    let options = Options {
        arch: or_null(arch),
        abi: or_null(abi),
        cpu: or_null(arguments.cpu.as_deref()),
        features: or_null(arguments.features.as_deref()),
        passes: or_null(arguments.passes.as_deref()),
        llvm_args: llvm_args.as_ptr(),
        llvm_arg_count: llvm_args.len() as c_int,
        cold_prefix: c"cold".as_ptr(),
        format: arguments.emit as u32,
        out_name: out_name.as_ptr(),
    };
    let (mut out, mut out_length, mut error) = (ptr::null_mut(), 0, [0u8; 256]);
    // SAFETY: every pointer in `options` and `wasm` lives past the call, which keeps none; `error` is as long as said.
    let result = unsafe {
        aotc_compile(
            wasm.as_ptr(),
            length,
            &options,
            &mut out,
            &mut out_length,
            error.as_mut_ptr().cast(),
            error.len() as u32,
        )
    };
    if result != 0 {
        let text = CStr::from_bytes_until_nul(&error).unwrap_or(c"unknown error").to_string_lossy();
        return Err(format!("{}: {text}", arguments.module.display()));
    }
    if arguments.emit != Emit::Aot {
        return Ok(()); // WAMR wrote the file itself
    }
    // SAFETY: on success `out` is a malloc'd block of `out_length` bytes that is ours to free.
    let file = unsafe { std::slice::from_raw_parts(out, out_length as usize).to_vec() };
    // SAFETY: as above; nothing refers to the block any more.
    unsafe { free(out.cast()) };
    fs::write(&arguments.output, file).map_err(|error| at(&arguments.output, error))
}

fn main() -> ExitCode {
    match parse() {
        Ok(Command::Help) => println!("{HELP}"),
        Err(error) => {
            eprintln!("aotc: {error} (see aotc --help)");
            return ExitCode::from(EXIT_USAGE);
        }
        Ok(Command::Compile(arguments)) => {
            if let Err(error) = compile(&arguments) {
                eprintln!("aotc: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
