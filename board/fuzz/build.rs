//! Has the program be built anew where the modules that it carries have changed; and no name that a module dials be
//! asked of the network (see src/names.rs).

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(libfuzzer)");
    println!("cargo:rustc-link-arg-bins=-Wl,--wrap=getaddrinfo");
    for variable in ["WASMCAM_AOT", "WASMCAM_GLUE_AOT"] {
        println!("cargo:rerun-if-env-changed={variable}");
        if let Ok(path) = env::var(variable) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
}
