//! Builds WAMR's runtime for Cortex-M7: the loader and support of ahead-of-time compiled files, no interpreter.

use std::path::PathBuf;
use std::process::Command;

const COMPILER: &str = "arm-none-eabi-gcc";
/// As Rust's target thumbv7em-none-eabihf and aotc's: floats are passed in registers of the double-precision FPU.
const PROCESSOR: [&str; 4] = ["-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16", "-mfloat-abi=hard"];

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

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=c");
    let core = wamr_source::core();
    let (iwasm, shared) = (core.join("iwasm"), core.join("shared"));
    let mut build = cc::Build::new();
    build.compiler(COMPILER).archiver("arm-none-eabi-ar").no_default_flags(true).warnings(false);
    for flag in PROCESSOR {
        build.flag(flag);
    }
    for flag in ["-std=gnu11", "-O2", "-w", "-ffunction-sections", "-fdata-sections", "-ffreestanding", "-fno-common"] {
        build.flag(flag);
    }
    // WAMR reads memory under several types.
    build.flag("-fno-strict-aliasing");
    build.include("c");
    for folder in ["include", "common", "aot", "interpreter"] {
        build.include(iwasm.join(folder));
    }
    for folder in ["platform/include", "mem-alloc", "utils"] {
        build.include(shared.join(folder));
    }
    build.include(&core);
    for (name, value) in [
        ("BUILD_TARGET_THUMB_VFP", None),
        ("BUILD_TARGET", Some("\"THUMBV7EM\"")),
        ("BH_MALLOC", Some("wasm_runtime_malloc")),
        ("BH_FREE", Some("wasm_runtime_free")),
        ("BH_DEBUG", Some("0")),
        // A trap's text comes back from the call; WAMR's own prints would only bring printf along.
        ("WASM_ENABLE_LOG", Some("0")),
        ("WASM_ENABLE_AOT", Some("1")),
        // No memory protection to lean on: the compiled code checks bounds and stack itself.
        ("WASM_DISABLE_HW_BOUND_CHECK", Some("1")),
        ("WASM_DISABLE_STACK_HW_BOUND_CHECK", Some("1")),
        // What the module's code leaves of the stack for the imports that it calls.
        ("WASM_STACK_GUARD_SIZE", Some("16384")),
        // As in aotc.
        ("WASM_ENABLE_BULK_MEMORY", Some("1")),
        ("WASM_ENABLE_BULK_MEMORY_OPT", Some("1")),
        ("WASM_ENABLE_REF_TYPES", Some("0")),
        ("WASM_ENABLE_QUICK_AOT_ENTRY", Some("1")),
        ("WASM_HAVE_MREMAP", Some("0")),
        ("WASM_GLOBAL_HEAP_SIZE", Some("0")),
    ] {
        build.define(name, value);
    }
    build.file("c/print.c");
    for folder in ["shared/mem-alloc", "shared/mem-alloc/ems", "shared/utils"] {
        build.files(wamr_source::sources(core.join(folder)));
    }
    // Left out: help for programs with a main(), another API over the same, and what needs an operating system.
    const LEFT_OUT: [&str; 4] = ["wasm_application.c", "wasm_c_api.c", "wasm_blocking_op.c", "wasm_shared_memory.c"];
    let common = wamr_source::sources(iwasm.join("common"));
    build.files(common.iter().filter(|file| !LEFT_OUT.iter().any(|name| file.ends_with(name))));
    for file in ["aot_intrinsic.c", "aot_loader.c", "aot_runtime.c", "arch/aot_reloc_thumb.c"] {
        build.file(iwasm.join("aot").join(file));
    }
    build.file(iwasm.join("common/arch/invokeNative_thumb_vfp.s"));
    build.compile("iwasm");

    for (library, file) in [("c_nano", "libc_nano.a"), ("m", "libm.a"), ("gcc", "libgcc.a")] {
        println!("cargo:rustc-link-search={}", library_folder(file).display());
        println!("cargo:rustc-link-lib=static={library}");
    }
}
