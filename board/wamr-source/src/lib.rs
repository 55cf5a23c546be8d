//! Where Cargo put the C source of WAMR (crate `wamrx-sys`, pinned by checksum in Cargo.lock, used as source only).
//!
//! For build scripts: the compiler (`aotc`) and the runtime (`wasm`) are built from this one source, so the files that
//! one writes always suit the other. Which files each takes is its own business.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use tinyjson::JsonValue;

/// The crate that carries the source, as `wamr-source/Cargo.toml` pins it.
const CRATE: &str = "wamrx-sys";

/// WAMR's `core/` folder, in Cargo's registry or wherever else (a vendored copy) Cargo takes the crate from.
///
/// # Panics
/// With a line that says why, as build scripts do, where Cargo can't tell or the crate looks different.
pub fn core() -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let output = Command::new(&cargo)
        .args(["metadata", "--locked", "--format-version", "1", "--manifest-path"])
        .arg(&manifest)
        // A build script's environment names its own target; the answer must not depend on it.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", cargo.display()));
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo metadata writes UTF-8");
    let metadata: JsonValue = text.parse().expect("cargo metadata writes JSON");
    let manifest = manifest_of(&metadata, CRATE).unwrap_or_else(|| panic!("cargo metadata does not list {CRATE}"));
    let core = Path::new(&manifest).with_file_name("wasm-micro-runtime").join("core");
    assert!(core.join("version.h").is_file(), "{}: WAMR's source is not there", core.display());
    core
}

fn manifest_of(metadata: &JsonValue, name: &str) -> Option<String> {
    let packages: &Vec<JsonValue> = metadata["packages"].get()?;
    let package = packages.iter().find(|package| package["name"].get::<String>().is_some_and(|n| n == name))?;
    package["manifest_path"].get().cloned()
}

/// Every C or C++ file straight inside `folder`, sorted, so that builds repeat.
pub fn sources(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let folder = folder.as_ref();
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c" || extension == "cpp"))
        .collect();
    files.sort();
    files
}
