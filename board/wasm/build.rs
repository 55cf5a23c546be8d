//! Builds WAMR's runtime, for Cortex-M7 or for Linux: the loader and support of ahead-of-time compiled files, no
//! interpreter.

use std::env;
use std::path::PathBuf;
use std::process::Command;

const COMPILER: &str = "arm-none-eabi-gcc";
/// As Rust's target thumbv7em-none-eabihf and aotc's: floats are passed in registers of the double-precision FPU.
const PROCESSOR: [&str; 4] = ["-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16", "-mfloat-abi=hard"];

const STACK_GUARD: &str = "16384";

/// Where the compiler has this library, built for our processor.
fn library_folder(file: &str) -> PathBuf {
    let output = Command::new(COMPILER)
        .args(PROCESSOR)
        .arg(format!("-print-file-name={file}"))
        .output()
        .unwrap_or_else(|error| panic!("{COMPILER}: {error}. Debian and Ubuntu have it in gcc-arm-none-eabi."));
    let path = PathBuf::from(String::from_utf8(output.stdout).expect("a path in UTF-8").trim());
    // What it does not find it answers as given.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or_else(|| panic!("{file} is missing. Debian and Ubuntu have it in libnewlib-arm-none-eabi.")).into()
}

/// How both compile WAMR's files.
fn shared_flags(build: &mut cc::Build) {
    let core = wamr_source::core();
    let (iwasm, shared) = (core.join("iwasm"), core.join("shared"));
    build.warnings(false);
    for flag in ["-std=gnu11", "-O2", "-w", "-ffunction-sections", "-fdata-sections", "-fno-common"] {
        build.flag(flag);
    }
    // WAMR reads memory under several types.
    build.flag("-fno-strict-aliasing");
    for folder in ["include", "common", "aot", "interpreter"] {
        build.include(iwasm.join(folder));
    }
    for folder in ["platform/include", "mem-alloc", "utils"] {
        build.include(shared.join(folder));
    }
    build.include(&core);
    for (name, value) in [
        ("BH_MALLOC", "wasm_runtime_malloc"),
        ("BH_FREE", "wasm_runtime_free"),
        ("BH_DEBUG", "0"),
        // A trap's text comes back from the call; WAMR's own prints would only bring printf along.
        ("WASM_ENABLE_LOG", "0"),
        ("WASM_ENABLE_AOT", "1"),
        // No memory protection to lean on: the compiled code checks bounds and stack itself.
        ("WASM_DISABLE_HW_BOUND_CHECK", "1"),
        ("WASM_DISABLE_STACK_HW_BOUND_CHECK", "1"),
        // What the module's code leaves of the stack for the imports that it calls.
        ("WASM_STACK_GUARD_SIZE", STACK_GUARD),
        // As in aotc.
        ("WASM_ENABLE_BULK_MEMORY", "1"),
        ("WASM_ENABLE_BULK_MEMORY_OPT", "1"),
        ("WASM_ENABLE_REF_TYPES", "0"),
        ("WASM_ENABLE_QUICK_AOT_ENTRY", "1"),
        ("WASM_GLOBAL_HEAP_SIZE", "0"),
    ] {
        build.define(name, value);
    }
}

/// What both have of WAMR.
fn shared_parts(build: &mut cc::Build) {
    let core = wamr_source::core();
    let iwasm = core.join("iwasm");
    shared_flags(build);
    for folder in ["shared/mem-alloc", "shared/mem-alloc/ems", "shared/utils"] {
        build.files(wamr_source::sources(core.join(folder)));
    }
    // Left out: help for programs with a main(), another API over the same, and what needs threads.
    const LEFT_OUT: [&str; 4] = ["wasm_application.c", "wasm_c_api.c", "wasm_blocking_op.c", "wasm_shared_memory.c"];
    let common = wamr_source::sources(iwasm.join("common"));
    build.files(common.iter().filter(|file| !LEFT_OUT.iter().any(|name| file.ends_with(name))));
    for file in ["aot_intrinsic.c", "aot_loader.c", "aot_runtime.c"] {
        build.file(iwasm.join("aot").join(file));
    }
}

/// For the boards: a processor alone.
fn bare() {
    let iwasm = wamr_source::core().join("iwasm");
    let mut build = cc::Build::new();
    build.compiler(COMPILER).archiver("arm-none-eabi-ar").no_default_flags(true);
    for flag in PROCESSOR {
        build.flag(flag);
    }
    build.flag("-ffreestanding").include("c/bare");
    build
        .define("BUILD_TARGET_THUMB_VFP", None)
        .define("BUILD_TARGET", "\"THUMBV7EM\"")
        .define("WASM_HAVE_MREMAP", "0");
    let mut table = build.clone();
    shared_parts(&mut build);
    build.file("c/bare/print.c").file("c/bare/where.c");
    build.file(iwasm.join("common/arch/invokeNative_thumb_vfp.s"));
    build.compile("iwasm");
    // The table of what compiled code may call, in which exceptions go by way of where.c.
    shared_flags(&mut table);
    table.define("aot_set_exception_with_id", "wasmcam_throw");
    table.file(iwasm.join("aot/arch/aot_reloc_thumb.c"));
    table.compile("iwasm_table");

    for (library, file) in [("c_nano", "libc_nano.a"), ("m", "libm.a"), ("gcc", "libgcc.a")] {
        println!("cargo:rustc-link-search={}", library_folder(file).display());
        println!("cargo:rustc-link-lib=static={library}");
    }
}

/// For Linux, with WAMR's own platform layer.
fn linux() {
    let core = wamr_source::core();
    let (iwasm, platform) = (core.join("iwasm"), core.join("shared/platform"));
    let (define, name, reloc, invoke) = match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("x86_64") => ("BUILD_TARGET_X86_64", "X86_64", "x86_64", "em64_simd"),
        Ok("aarch64") => ("BUILD_TARGET_AARCH64", "AARCH64V8", "aarch64", "aarch64_simd"),
        other => panic!("there is no board linux for {other:?}"),
    };
    let mut build = cc::Build::new();
    build.include(platform.join("linux"));
    build.define("BH_PLATFORM_LINUX", None).define("_GNU_SOURCE", None).define("WASM_HAVE_MREMAP", "1");
    // Our compiled code does not address memory by the segment register that WAMR would set at each call.
    build.define("WASM_DISABLE_WRITE_GS_BASE", "1");
    build.define(define, None).define("BUILD_TARGET", format!("\"{name}\"").as_str()).define("WASM_ENABLE_SIMD", "1");
    shared_parts(&mut build);
    build.file("c/linux/watched_call.c").file(platform.join("linux/platform_init.c"));
    for file in ["malloc", "memmap", "sleep", "thread", "time"] {
        build.file(platform.join(format!("common/posix/posix_{file}.c")));
    }
    build.file(iwasm.join(format!("aot/arch/aot_reloc_{reloc}.c")));
    build.file(iwasm.join(format!("common/arch/invokeNative_{invoke}.s")));
    build.compile("iwasm");
    println!("cargo:rustc-link-lib=m");
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=c");
    match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux") => linux(),
        _ => bare(),
    }
}
