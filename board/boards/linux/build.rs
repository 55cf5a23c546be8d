//! Has the program be built anew where the module that it carries has changed.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Where the AOT files of both profiles are; board/build.sh says.
    for variable in ["WASMCAM_AOT", "WASMCAM_SERVER_AOT"] {
        println!("cargo:rerun-if-env-changed={variable}");
        if let Ok(path) = env::var(variable) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
}
