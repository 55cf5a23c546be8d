//! Hands the linker the board's memory map, and the firmware the module that it carries.

use std::env;
use std::path::PathBuf;

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("Cargo sets it"));
    println!("cargo:rustc-link-search={}", here.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=memory.x");
    // Where the AOT file of the module is; board/build.sh says.
    println!("cargo:rerun-if-env-changed=WASMCAM_AOT");
    if let Ok(path) = env::var("WASMCAM_AOT") {
        println!("cargo:rerun-if-changed={path}");
    }
}
