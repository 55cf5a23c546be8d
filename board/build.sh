#!/bin/sh
# Builds what the board needs, and only that: aotc once, then build/wasmcam.wasm -> .aot -> firmware.
#
#   board/build.sh aotc                  the AOT compiler, cached outside of the checkout; prints its path
#   board/build.sh aot MODULE.wasm FILE [TARGET]  compiles a module ahead of time, for cortex-m7 (default),
#                                        native or aarch64
#   board/build.sh firmware [BOARD] [PROCESSOR]
#                                        the firmware of a board (default mps2-an500) with build/wasmcam.wasm in it;
#                                        of linux a program, with build/wasmcam-server.wasm as well: for this
#                                        machine, or for another's PROCESSOR (aarch64)
#   board/build.sh sanitized             the board linux, built to find errors of memory while it runs:
#                                        build/wasmcam-linux-sanitized, see docs/testing.md
#   board/build.sh glue [fuzzed]         what tries programs of calls on the board linux, see docs/testing.md:
#                                        build/fuzz/glue; fuzzed: with sanitizers, for libFuzzer,
#                                        build/fuzz/fuzz-glue. Both carry build/fuzz/glue.wasm
#   board/build.sh boards                the boards that exist, a line each
#   board/build.sh cargo [ARGUMENTS]     cargo for the PC in the board's workspace (`cargo test`)
#
# It installs nothing: what is missing it names, and setup.sh installs it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
build=$root/build
target=thumbv7em-none-eabihf
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$build/cargo}"
# Rust of Debian's and rustup's beside one another must not share what they built.
firmware_target_dir=$build/cargo-firmware

fail() {
  echo "board/build.sh: $*" >&2
  exit 1
}

need() { # TOOL PACKAGE [GROUP]
  command -v "$1" >/dev/null 2>&1 || fail "$1 is missing; Debian and Ubuntu have it in $2 (./setup.sh ${3:-board})"
}

# The workspace's minimum: 1.$rust_minor.
rust_minor=$(sed -n 's/^rust-version = "1\.\([0-9]*\)"$/\1/p' "$here/Cargo.toml")

is_new() { # a cargo or a rustc
  minor=$("$1" --version 2>/dev/null | sed -n 's/^[a-z]* 1\.\([0-9]*\)\..*/\1/p')
  [ "${minor:-0}" -ge "$rust_minor" ]
}

# The first cargo that is new enough: the one in PATH, or Debian's beside an older one.
find_cargo() {
  for cargo in cargo /usr/bin/cargo; do
    if is_new "$cargo"; then
      command -v "$cargo"
      return
    fi
  done
  fail "no Rust of 1.$rust_minor or later; Debian and Ubuntu have it in cargo-web and rustc-web (./setup.sh board)"
}

# Cargo for the PC: with Debian's cargo beside an older rustup, Debian's rustc as well. What the firmware gains by being
# optimized as a whole is nothing here, where most code is the module's, and would take half of the time.
host_cargo() {
  cargo=$(find_cargo) || exit 1
  run_cargo "$cargo" "$@"
}

run_cargo() { # CARGO [ARGUMENTS]
  # Tests are always built to unwind: so what is linked into a program and its tests is compiled once.
  export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_PANIC=unwind
  [ "$1" != /usr/bin/cargo ] || export RUSTC=/usr/bin/rustc
  (cd "$here" && "$@")
}

# --- The AOT compiler

locked() { # CRATE... ; what Cargo.lock has of them
  for crate; do
    sed -n "/^name = \"$crate\"\$/,/^\$/p" Cargo.lock
  done
}

aotc_path() {
  # Everything that it is made of: our driver, the pinned source of WAMR, and the LLVM that it is linked with.
  key=$( (cd "$here" && locked cc lexopt tinyjson wamrx-sys
    cat aotc/Cargo.toml aotc/build.rs aotc/src/* wamr-source/Cargo.toml \
    wamr-source/src/*; "${LLVM_CONFIG:-llvm-config-19}" --version; uname -m) | sha256sum | cut -c 1-16)
  echo "${XDG_CACHE_HOME:-$HOME/.cache}/wasmcam/aotc-$key"
}

build_aotc() {
  need "${LLVM_CONFIG:-llvm-config-19}" llvm-19-dev
  path=$(aotc_path)
  if [ ! -x "$path" ]; then
    need c++ g++
    echo "building the AOT compiler (once, about a minute): $path" >&2
    host_cargo build --release --locked -p aotc >&2
    mkdir -p "$(dirname "$path")"
    # A rename, so that two builds at once do no harm.
    cp "$CARGO_TARGET_DIR/release/aotc" "$path.$$"
    mv "$path.$$" "$path"
  fi
  echo "$path"
}

build_aot() { # MODULE.wasm FILE [TARGET]
  [ -f "$1" ] || fail "$1 is missing; 'npm run build' makes the module"
  aotc=$(build_aotc)
  # An older file is made anew; a file that would be the same keeps its time, and what depends on it.
  if [ ! -f "$2" ] || [ "$1" -nt "$2" ] || [ "$aotc" -nt "$2" ]; then
    "$aotc" --target "${3:-cortex-m7}" "$1" "$2" >/dev/null # WAMR lists its options there
  fi
}

# --- The firmware

# Which Rust can build for a target: `rustup` where it has that, else `debian`, else `rustup` if it can add it.
find_toolchain() { # TARGET GROUP
  if ! command -v rustup >/dev/null 2>&1 || ! is_new rustc; then
    has_rustup=no
  elif rustup target list --installed 2>/dev/null | grep -qx "$1"; then
    has_rustup=target
  else
    has_rustup=yes
  fi
  library=lib/rustlib/src/rust/library/core/Cargo.toml
  if [ "$has_rustup" = target ]; then
    echo rustup
  elif [ -x /usr/bin/cargo ] && is_new /usr/bin/rustc && [ -f "$(/usr/bin/rustc --print sysroot)/$library" ]; then
    echo debian
  elif [ "$has_rustup" = yes ] && rustup target add "$1" >/dev/null 2>&1; then
    echo rustup
  else
    fail "no Rust for $1: neither rustup's nor Debian's rustc-web, cargo-web and rust-web-src (./setup.sh $2)"
  fi
}

find_linker() {
  for linker in ld.lld ld.lld-19; do
    if command -v "$linker" >/dev/null 2>&1; then
      echo "$linker"
      return
    fi
  done
  fail "ld.lld is missing; Debian and Ubuntu have it in lld (./setup.sh board)"
}

boards() {
  for board in "$here"/boards/*/; do
    basename "$board"
  done
}

build_linux() { # [PROCESSOR]
  need cc gcc
  case ${1:-$(uname -m)} in
  "$(uname -m)") processor=native name=wasmcam-linux ;;
  aarch64) processor=aarch64 name=wasmcam-linux-aarch64 ;;
  *) fail "linux can be built for this machine's processor and for aarch64, not for '$1'" ;;
  esac
  build_aot "$build/wasmcam.wasm" "$build/wasmcam-$processor.aot" "$processor"
  build_aot "$build/wasmcam-server.wasm" "$build/wasmcam-server-$processor.aot" "$processor"
  export WASMCAM_AOT="$build/wasmcam-$processor.aot" WASMCAM_SERVER_AOT="$build/wasmcam-server-$processor.aot"
  if [ "$processor" = native ]; then
    echo "building the program with $("$(find_cargo)" --version)" >&2
    host_cargo build --release --locked -p linux >&2
    made=$CARGO_TARGET_DIR/release/wasmcam
  else
    triple=aarch64-unknown-linux-gnu
    need aarch64-linux-gnu-gcc "gcc-aarch64-linux-gnu and libc6-dev-arm64-cross" cross
    toolchain=$(find_toolchain "$triple" cross)
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    echo "building the program for $triple with the Rust of $toolchain" >&2
    case $toolchain in
    rustup) host_cargo build --release --locked --target "$triple" -p linux >&2 ;;
    debian)
      # As for the firmware: there is the library's source alone.
      export CARGO_TARGET_DIR="$build/cargo-$processor" RUSTC_BOOTSTRAP=1
      run_cargo /usr/bin/cargo build --release --locked -Zbuild-std=std,panic_unwind --target "$triple" -p linux >&2
      ;;
    esac
    made=$CARGO_TARGET_DIR/$triple/release/wasmcam
  fi
  # A rename, since one that runs can't be written to.
  cp "$made" "$build/$name.$$"
  mv "$build/$name.$$" "$build/$name"
}

# Has what is built from here on, for $triple, be built with sanitizers.
sanitize() { # FURTHER FLAGS OF RUST
  # WAMR writes addresses into machine code wherever they stand there, which x86-64 and aarch64 allow, and calls
  # functions of several types by one type of pointer (newer clangs look at that in C as well).
  flags="-g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize=alignment,function"
  flags="$flags -fno-sanitize-recover=all"
  suffix=$(echo "$triple" | tr - _)
  export "CC_$suffix=clang" "CFLAGS_$suffix=$flags"
  # clang's own runtime library serves C and Rust, and clang links it in.
  export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address -Zexternal-clangrt -Clinker=clang ${1:-}"
  export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1
  # Deliberate mistakes, for the tests, to be linked in. A name of its own for each state, so that cargo sees a change.
  source=$root/tests/sanitizers/mistakes.c
  object=$build/mistakes-$(cksum "$source" | cut -d " " -f 1).o
  clang -g -fsanitize=address,undefined -fno-sanitize-recover=all -c -o "$object" "$source"
  mistakes="-Clink-arg=$object -Clink-arg=-Wl,--wrap=wasmcam_call"
}

# The board linux with clang's sanitizers of addresses and of undefined behaviour in all C (WAMR above all), and that of
# addresses in Rust, but for its standard library. Cargo has that as an unstable option, and takes it from any Rust when
# told that it may. The module's own machine code stays as it is: it checks its bounds itself.
build_sanitized() {
  need clang clang
  triple=$(uname -m)-unknown-linux-gnu
  build_aot "$build/wasmcam.wasm" "$build/wasmcam-native.aot" native
  build_aot "$build/wasmcam-server.wasm" "$build/wasmcam-server-native.aot" native
  export WASMCAM_AOT="$build/wasmcam-native.aot" WASMCAM_SERVER_AOT="$build/wasmcam-server-native.aot"
  export CARGO_TARGET_DIR="$build/cargo-sanitized"
  sanitize
  echo "building the program with sanitizers, with $(clang --version | head -n 1)" >&2
  # With a target said, what runs while it is built is built without all this.
  # shellcheck disable=SC2086 # a list of words
  host_cargo rustc --release --locked --target "$triple" -p linux --bin wasmcam -- \
    -Clink-arg=-fsanitize=address,undefined $mistakes >&2
  cp "$CARGO_TARGET_DIR/$triple/release/wasmcam" "$build/wasmcam-linux-sanitized.$$"
  mv "$build/wasmcam-linux-sanitized.$$" "$build/wasmcam-linux-sanitized"
}

# What is said of both profiles is for the board's library, which would be built anew for whatever differs.
build_glue() { # [fuzzed]
  build_aot "$build/wasmcam.wasm" "$build/wasmcam-native.aot" native
  build_aot "$build/wasmcam-server.wasm" "$build/wasmcam-server-native.aot" native
  build_aot "$build/fuzz/glue.wasm" "$build/fuzz/glue.aot" native
  export WASMCAM_AOT="$build/wasmcam-native.aot" WASMCAM_GLUE_AOT="$build/fuzz/glue.aot"
  export WASMCAM_SERVER_AOT="$build/wasmcam-server-native.aot"
  if [ "${1:-}" = fuzzed ]; then
    need clang clang
    triple=$(uname -m)-unknown-linux-gnu
    export CARGO_TARGET_DIR="$build/cargo-fuzz"
    # As cargo-fuzz has branches and comparisons of Rust counted; libFuzzer itself is clang's.
    counted="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
    counted="$counted -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
    counted="$counted -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
    sanitize "$counted --cfg libfuzzer"
    echo "building the fuzzer of the board linux, with $(clang --version | head -n 1)" >&2
    # shellcheck disable=SC2086 # a list of words
    host_cargo rustc --release --locked --target "$triple" -p fuzz --bin fuzz-glue -- \
      -Clink-arg=-fsanitize=fuzzer,address,undefined $mistakes >&2
    made=$CARGO_TARGET_DIR/$triple/release/fuzz-glue name=fuzz-glue
  else
    need cc gcc
    host_cargo build --release --locked -p fuzz >&2
    made=$CARGO_TARGET_DIR/release/fuzz-glue name=glue
  fi
  cp "$made" "$build/fuzz/$name.$$"
  mv "$build/fuzz/$name.$$" "$build/fuzz/$name"
}

build_firmware() { # BOARD [PROCESSOR]
  boards | grep -qx "$1" || fail "there is no board '$1'; there are: $(boards | tr '\n' ' ')"
  if [ "$1" = linux ]; then
    build_linux "${2:-}"
    return
  fi
  [ -z "${2:-}" ] || fail "a processor can be chosen for the board linux alone"
  need arm-none-eabi-gcc gcc-arm-none-eabi
  build_aot "$build/wasmcam.wasm" "$build/wasmcam.aot"
  toolchain=$(find_toolchain "$target" board)
  export CARGO_TARGET_DIR="$firmware_target_dir"
  export WASMCAM_AOT="$build/wasmcam.aot"
  export CARGO_TARGET_THUMBV7EM_NONE_EABIHF_RUSTFLAGS="-Ctarget-cpu=cortex-m7"
  case $toolchain in
  rustup)
    echo "building the firmware with rustup's $(rustc --version)" >&2
    (cd "$here" && cargo build --release --locked --target "$target" -p "$1" >&2)
    ;;
  debian)
    # Debian has no library for the board's processor, but its source: it is built with the firmware.
    linker=$(find_linker)
    echo "building the firmware with Debian's $(/usr/bin/rustc --version)" >&2
    export CARGO_TARGET_THUMBV7EM_NONE_EABIHF_LINKER="$linker"
    CARGO_TARGET_THUMBV7EM_NONE_EABIHF_RUSTFLAGS="$CARGO_TARGET_THUMBV7EM_NONE_EABIHF_RUSTFLAGS -Clinker-flavor=ld.lld"
    (cd "$here" && RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 /usr/bin/cargo build --release --locked \
      -Zbuild-std=core,alloc --target "$target" -p "$1" >&2)
    ;;
  esac
  cp "$CARGO_TARGET_DIR/$target/release/firmware" "$build/firmware-$1.elf"
  cp "$CARGO_TARGET_DIR/$target/release/bench" "$build/bench-$1.elf"
}

case ${1:-} in
aotc) build_aotc ;;
aot)
  [ $# -eq 3 ] || [ $# -eq 4 ] || fail "usage: board/build.sh aot MODULE.wasm FILE [TARGET]"
  build_aot "$2" "$3" "${4:-cortex-m7}"
  ;;
firmware) build_firmware "${2:-mps2-an500}" "${3:-}" ;;
sanitized) build_sanitized ;;
glue) build_glue "${2:-}" ;;
boards) boards ;;
cargo)
  shift
  host_cargo "$@"
  ;;
*)
  fail "usage: board/build.sh aotc | aot MODULE.wasm FILE [TARGET] | firmware [BOARD] [PROCESSOR] | sanitized |" \
    "glue [fuzzed] | boards | cargo [ARGUMENTS]"
  ;;
esac
