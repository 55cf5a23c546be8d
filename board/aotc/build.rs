//! Builds WAMR's ahead-of-time compiler as a C library, over the distribution's LLVM (a shared library, so that
//! this takes half a minute and not the hour that building LLVM takes).

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// The LLVM that WAMR 2.4 is used with; another can be named in LLVM_CONFIG.
const LLVM_CONFIG: &str = "llvm-config-19";

fn llvm_config(argument: &str) -> String {
    let tool = env::var("LLVM_CONFIG").unwrap_or_else(|_| LLVM_CONFIG.into());
    let output = Command::new(&tool)
        .arg(argument)
        .output()
        .unwrap_or_else(|error| panic!("{tool}: {error}. Debian and Ubuntu have it in the package llvm-19-dev."));
    assert!(output.status.success(), "{tool} {argument} failed");
    String::from_utf8(output.stdout).expect("llvm-config writes UTF-8").trim().to_string()
}

fn main() {
    let core = wamr_source::core();
    let (iwasm, shared) = (core.join("iwasm"), core.join("shared"));
    let includes: [PathBuf; 13] = [
        core.clone(),
        iwasm.join("include"),
        iwasm.join("common"),
        iwasm.join("common/gc"),
        iwasm.join("aot"),
        iwasm.join("interpreter"),
        iwasm.join("compilation"),
        shared.join("include"),
        shared.join("platform/include"),
        shared.join("platform/linux"),
        shared.join("mem-alloc"),
        shared.join("utils"),
        llvm_config("--includedir").into(),
    ];
    // The machine that compiles, which it can do for all others.
    let (machine, invoke) = match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("aarch64") => ("BUILD_TARGET_AARCH64", "common/arch/invokeNative_aarch64.s"),
        _ => ("BUILD_TARGET_X86_64", "common/arch/invokeNative_em64.s"),
    };
    // WAMR's own CMake files say the same for its `wamrc` on Linux, less what our options below switch off.
    let defines = [
        ("BH_PLATFORM_LINUX", None),
        ("_GNU_SOURCE", None),
        ("WASM_HAVE_MREMAP", Some("1")),
        (machine, None),
        ("BH_MALLOC", Some("wasm_runtime_malloc")),
        ("BH_FREE", Some("wasm_runtime_free")),
        ("WASM_ENABLE_AOT", Some("1")),
        ("WASM_ENABLE_INTERP", Some("1")),
        ("WASM_ENABLE_WAMR_COMPILER", Some("1")),
        // Both, and the same two in the runtime's build, or memory.copy and memory.fill fail to load there.
        ("WASM_ENABLE_BULK_MEMORY", Some("1")),
        ("WASM_ENABLE_BULK_MEMORY_OPT", Some("1")),
        ("WASM_ENABLE_REF_TYPES", Some("1")),
        ("WASM_DISABLE_HW_BOUND_CHECK", Some("1")),
        ("WASM_ENABLE_CUSTOM_NAME_SECTION", Some("1")),
        ("WASM_ENABLE_DUMP_CALL_STACK", Some("1")),
        // The compiler's sources do not build without it where DUMP_CALL_STACK is on.
        ("WASM_ENABLE_AOT_STACK_FRAME", Some("1")),
        ("WASM_ENABLE_LOAD_CUSTOM_SECTION", Some("1")),
        ("__STDC_CONSTANT_MACROS", None),
        ("__STDC_FORMAT_MACROS", None),
        ("__STDC_LIMIT_MACROS", None),
    ];
    let prepare = |build: &mut cc::Build| {
        build.includes(&includes).warnings(false).opt_level(2).pic(true);
        build.flag("-ffunction-sections").flag("-fdata-sections").flag("-w");
        for (name, value) in defines {
            build.define(name, value);
        }
    };

    let mut c = cc::Build::new();
    prepare(&mut c);
    c.std("gnu11").file("src/driver.c");
    for folder in ["shared/platform/linux", "shared/mem-alloc", "shared/mem-alloc/ems", "shared/utils", "iwasm/common"]
    {
        c.files(wamr_source::sources(core.join(folder)));
    }
    for file in ["malloc", "memmap", "sleep", "thread", "time", "blocking_op"] {
        c.file(shared.join(format!("platform/common/posix/posix_{file}.c")));
    }
    for file in [
        "interpreter/wasm_loader.c",
        "interpreter/wasm_runtime.c",
        "interpreter/wasm_interp_classic.c",
        "aot/aot_intrinsic.c",
        "aot/aot_loader.c",
        "aot/aot_runtime.c",
        "aot/arch/aot_reloc_dummy.c",
        invoke,
    ] {
        c.file(iwasm.join(file));
    }
    let (c_files, cxx_files): (Vec<_>, Vec<_>) = ["compilation", "compilation/simd"]
        .into_iter()
        .flat_map(|folder| wamr_source::sources(iwasm.join(folder)))
        .partition(|path| path.extension().is_some_and(|extension| extension == "c"));
    c.files(c_files);
    let mut cxx = cc::Build::new();
    prepare(&mut cxx);
    cxx.cpp(true).std("c++17").flag("-fno-rtti").flag("-fno-exceptions").files(cxx_files);
    // One archive: C calls C++ calls C, and GNU ld reads each archive only once.
    c.objects(cxx.compile_intermediates()).compile("wamrc");

    println!("cargo:rustc-link-search={}", llvm_config("--libdir"));
    println!("cargo:rustc-link-lib=dylib=LLVM-19");
    println!("cargo:rustc-link-lib=dylib=stdc++");
    println!("cargo:rustc-link-lib=m");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/driver.c");
    println!("cargo:rerun-if-env-changed=LLVM_CONFIG");
}
