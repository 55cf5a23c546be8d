#!/usr/bin/env bash
# Installs what this machine lacks to build, run and test wasmcam, and nothing that it has.
#
#     ./setup.sh [node] [board] [test] [fuzz] [cross] [arm]      (the first three without a word)
#
#   node   Node 20 and npm 10 or newer: the module, the camera on Node
#   board  what builds the firmware and emulates the board: Rust, Arm GCC with newlib, LLVM 19, QEMU
#   test   Chromium, ffmpeg, gstreamer, curl and OpenCV, which look at the stream as viewers do, cjpeg, which files
#          are compared with, nats-server with openssl, for fleets, and strace
#   cross  C and Rust for 64-bit Arm, for `make build BOARD=linux TARGET=aarch64`, `make arm` and `make test-long`
#   arm    QEMU for single programs, which runs what that builds, for `make arm` and `make test-long`
#   fuzz   wasm2c and clang with libFuzzer and sanitizers, for `make fuzz`, `make sanitize` and `make test-long`
#
# On Debian and Ubuntu it installs packages by itself, as root or through sudo. Elsewhere it says what to install and
# ends with 1. The project's own packages (npm, cargo) are the Makefile's business; how the parts are built is theirs.
set -euo pipefail

readonly NODE_MAJOR_MIN=20
readonly NPM_MAJOR_MIN=10  # the assemblyscript package asks for it
readonly LLVM_MAJOR=19     # the AOT compiler is written against this one
readonly RUST_MINOR_MIN=91 # 1.91, which smoltcp asks for
readonly RUST_TARGET=thumbv7em-none-eabihf
readonly RUST_CROSS_TARGET=aarch64-unknown-linux-gnu

# Where the distribution's are too old, these come from the npm registry into a folder of the user's.
readonly NODE_VERSION=20.20.2
readonly NPM_VERSION=10.9.9
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/wasmcam"
readonly NODE_FOLDER="$CACHE/node"
readonly BROWSER_FOLDER="$CACHE/browser" # and Chromium, where the distribution's package is not one

# From PyPI, since the distribution's package brings 355 MB along: the smallest one that takes NumPy 1 and 2. What is
# fetched must have one of these sums (x86_64, aarch64).
readonly OPENCV_VERSION=4.10.0.84
readonly OPENCV_SUMS="377d08a7e48a1405b5e84afcbe4798464ce7ee17081c1c23619c8b398ff18295
  46071015ff9ab40fccd8a163da0ee14ce9846349f06c6c8c0f2870856ffa45db"
readonly OPENCV_FOLDER="$CACHE/opencv-$OPENCV_VERSION"
readonly PYTHON=/usr/bin/python3 # for which the distribution has NumPy

# The Makefile does the same for what it starts.
export PATH="$NODE_FOLDER/node_modules/.bin:$PATH"

say() { printf 'set-up: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# --- What is there

# $1: a program whose --version answers with its version alone, maybe with a v; $2: the least major number
is_new() {
  local version
  has "$1" && version=$("$1" --version 2>/dev/null) && version=${version#v} && [ "${version%%.*}" -ge "$2" ] 2>/dev/null
}

node_is_there() { is_new node "$NODE_MAJOR_MIN" && is_new npm "$NPM_MAJOR_MIN"; }

# $1: a rustc. Whether it is new enough.
rust_is_new() {
  local version
  version=$("$1" --version 2>/dev/null) && version=${version#rustc 1.} &&
    [ "${version%%.*}" -ge "$RUST_MINOR_MIN" ] 2>/dev/null
}

# rustup's way: the target's library comes ready-made.
rustup_is_ready() { # $1: the target
  has rustup && rust_is_new rustc && [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]
}

# The distribution's way: the library is built from its source.
distribution_rust_is_ready() {
  [ -x /usr/bin/cargo ] && rust_is_new /usr/bin/rustc &&
    [ -e "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/core/Cargo.toml" ]
}

rust_is_there() { rustup_is_ready "$1" || distribution_rust_is_ready; } # $1: the target

# GCC answers with the bare name where it has no such file.
newlib_is_there() {
  local file
  file=$(arm-none-eabi-gcc -print-file-name=libc_nano.a 2>/dev/null) && [ "$file" != libc_nano.a ]
}

host_compilers_are_there() { has cc && has c++; }

lld_is_there() { has ld.lld || has "ld.lld-$LLVM_MAJOR"; }

llvm_is_there() { has "llvm-config-$LLVM_MAJOR" && [ -e "$("llvm-config-$LLVM_MAJOR" --includedir)/llvm-c/Core.h" ]; }

# Debian puts it where only root looks for programs.
nats_server_is_there() { has nats-server || [ -x /usr/sbin/nats-server ]; }

chromium_is_there() {
  [ -n "${CHROMIUM:-}" ] || has chromium || has chromium-browser || has google-chrome ||
    [ -x "$BROWSER_FOLDER/chromium" ]
}

# What the tests' pipelines are made of is in both of these.
gstreamer_is_there() {
  has gst-launch-1.0 && gst-inspect-1.0 --exists tcpclientsink && gst-inspect-1.0 --exists souphttpsrc &&
    gst-inspect-1.0 --exists jpegenc && gst-inspect-1.0 --exists videotestsrc
}

# What is for 64-bit Arm needs nothing on a computer that is one itself.
is_arm() { [ "$(uname -m)" = aarch64 ]; }

cross_compiler_is_there() { is_arm || aarch64-linux-gnu-gcc -print-file-name=libc.so 2>/dev/null | grep -q /; }

cross_rust_is_there() { is_arm || rust_is_there "$RUST_CROSS_TARGET"; }

arm_emulator_is_there() { is_arm || has qemu-aarch64 || has qemu-aarch64-static; }

# The Makefile tells the tests of the one in the folder.
opencv_is_there() {
  [ -x "$OPENCV_FOLDER/python" ] || python3 -c "import cv2" >/dev/null 2>&1
}

libfuzzer_is_there() {
  has clang && [ -n "$(find "$(clang -print-resource-dir)/lib" -name 'libclang_rt.fuzzer*' 2>/dev/null)" ]
}

# --- What is wanted: lists of packages and why, filled by the groups below

packages=""
reasons=""
want() { # $1: why; the rest: packages
  local why=$1
  shift
  packages="$packages $*"
  reasons="$reasons
    $why: $*"
}

# --- Debian's and Ubuntu's packages

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi
}

may_be_root() {
  [ "$(id -u)" = 0 ] && return
  has sudo || return
  sudo -n true 2>/dev/null || [ -t 0 ] # with a terminal sudo can ask for the password
}

# Runs apt-get and shows how far it is, a line each tenth; its own words go to a file, shown only if it fails.
# A held lock (unattended upgrades, on a machine just started) is waited for. What is there is never removed.
apt_log=""
apt() { # $1: what it is about, for the lines; the rest: to apt-get
  local what=$1 try
  shift
  [ -n "$apt_log" ] || apt_log=$(mktemp)
  for try in 1 2 3 4 5 6 7 8 9 10; do
    if as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -y --no-remove -o DPkg::Lock::Timeout=600 \
      -o Acquire::Retries=3 -o APT::Status-Fd=1 "$@" 2>&1 </dev/null | show_progress "$what"; then
      return 0
    fi
    grep -qE 'Could not get lock|is another process using it|Unable to lock' "$apt_log" || break
    say "another program is installing packages; trying again in 15 s ($try of 10)"
    sleep 15
  done
  tail -n 20 "$apt_log" >&2
  return 1
}

# Reads what apt-get writes: `dlstatus:` and `pmstatus:` lines carry the percentage in their third field.
show_progress() {
  local line kind percent before="" tenth=0
  : >"$apt_log"
  while IFS= read -r line; do
    case $line in
      dlstatus:* | pmstatus:*)
        IFS=: read -r kind _ percent _ <<<"$line"
        [ "$kind" = "$before" ] || tenth=0
        before=$kind
        percent=${percent%%.*}
        if [ "$((percent / 10))" -gt "$tenth" ]; then
          tenth=$((percent / 10))
          [ "$kind" = dlstatus ] && kind=fetched || kind=installed
          say "$1: $percent % $kind"
        fi
        ;;
      "Need to get "* | "After this operation, "*) say "$1: $line" ;;
      *) printf '%s\n' "$line" >>"$apt_log" ;;
    esac
  done
}

# A package's newest version that could be installed, or nothing.
candidate() {
  LC_ALL=C apt-cache policy "$1" 2>/dev/null |
    awk '/Candidate:/ && $2 != "(none)" { sub(/^[0-9]+:/, "", $2); print $2; exit }'
}

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

lists_are_fresh=""
refresh_lists() {
  [ -z "$lists_are_fresh" ] && may_be_root || return 0
  lists_are_fresh=yes
  say "reading the lists of packages (apt-get update)"
  apt "lists" update || say "some lists could not be read; going on with what there is"
}

# Installs what is wanted. Where that is not allowed it goes on being wanted, and this answers 1.
install_wanted() {
  [ -n "$packages" ] || return 0
  may_be_root || return 1
  refresh_lists
  say "this machine lacks packages, which apt-get installs now$([ "$(id -u)" = 0 ] || printf ' through sudo'):$reasons"
  # shellcheck disable=SC2086 # a list of words
  apt "packages" install --no-install-recommends $packages || fail "apt-get could not install them (see above)"
  packages=""
  reasons=""
}

# --- The groups

# Debian 12's Node and Debian 13's npm are too old, but good enough to fetch newer ones with.
debian_node() {
  has node || want "the module and the camera on Node" nodejs
  install_wanted || true
  has npm || want "the project's packages" npm # some distributors' nodejs brings it along
  install_wanted || return 0
  node_is_there || node_from_registry
}

node_from_registry() {
  local machine wanted="npm@$NPM_VERSION"
  if ! is_new node "$NODE_MAJOR_MIN"; then
    case $(uname -s)-$(uname -m) in
      Linux-x86_64) machine=linux-x64 ;;
      Linux-aarch64) machine=linux-arm64 ;;
      *) fail "install Node $NODE_MAJOR_MIN or newer with npm; there is none to fetch for $(uname -s) on $(uname -m)" ;;
    esac
    wanted="node-$machine@$NODE_VERSION $wanted"
  fi
  say "the distribution's Node or npm is too old: fetching $wanted with npm, into $NODE_FOLDER"
  rm -rf "$NODE_FOLDER.new"
  mkdir -p "$NODE_FOLDER.new"
  # shellcheck disable=SC2086 # a list of words
  npm install --prefix "$NODE_FOLDER.new" --no-audit --no-fund --loglevel=error $wanted >&2 ||
    fail "npm could not fetch them (see above)"
  rm -rf "$NODE_FOLDER"
  mv "$NODE_FOLDER.new" "$NODE_FOLDER"
  hash -r
}

# Debian has a new Rust under the name of the browsers that need it; Ubuntu has rustup as a package.
debian_rust() { # $1: the target; $2: what for
  local version
  version=$(candidate rustc)
  version=${version#1.}
  if has rustup && add_rustup_target "$1"; then
    return
  elif [ -x /usr/bin/rustc ] && rust_is_new /usr/bin/rustc && ! is_installed rustc-web; then
    want "Rust's library source, for $2" cargo rust-src
  elif [ -n "$(candidate rustc-web)" ]; then
    ! is_installed rustc || fail "Debian's rustc is too old and stands in the way of rustc-web: apt-get remove rustc"
    want "Rust, for $2" rustc-web cargo-web rust-web-src
  elif [ "${version%%.*}" -ge "$RUST_MINOR_MIN" ] 2>/dev/null; then
    want "Rust, for $2" rustc cargo rust-src
  elif ! has rustup && [ -n "$(candidate rustup)" ]; then
    want "Rust, for $2" rustup
    install_wanted || return 0
    add_rustup_target "$1" || fail "rustup could not install a toolchain for $1 (see above)"
  else
    fail "there is no Rust 1.$RUST_MINOR_MIN or newer here. Install rustup, then: rustup target add $1"
  fi
}

add_rustup_target() { # $1: the target
  say "adding $1 to rustup's toolchain"
  if ! rust_is_new rustc; then
    rustup toolchain install stable --profile minimal >&2 && rustup default stable >&2 || return 1
  fi
  # A network that swallows the request must not hold things up for ever.
  timeout 300 rustup target add "$1" >&2 && rustup_is_ready "$1" && return
  say "rustup could not; looking for the distribution's own Rust"
  return 1
}

debian_board() {
  refresh_lists
  has qemu-system-arm || want "the emulated board" qemu-system-arm
  newlib_is_there || want "C of the WebAssembly runtime, for the board" gcc-arm-none-eabi libnewlib-arm-none-eabi
  host_compilers_are_there || want "the ahead-of-time compiler and what runs on this machine" gcc g++ libc6-dev
  llvm_is_there || want "the ahead-of-time compiler" "llvm-$LLVM_MAJOR-dev"
  lld_is_there || want "the firmware's linker" "lld-$LLVM_MAJOR"
  rust_is_there "$RUST_TARGET" || debian_rust "$RUST_TARGET" "the firmware"
  install_wanted || true
}

debian_test() {
  refresh_lists
  has ffmpeg || want "tests of the stream" ffmpeg
  gstreamer_is_there ||
    want "tests of the relay" gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good
  has curl || want "tests of the relay" curl
  has cjpeg || want "tests of the encoder" libjpeg-turbo-progs
  nats_server_is_there || want "tests of fleets" nats-server
  has openssl || want "tests of fleets over TLS" openssl
  has strace || want "counts of system calls" strace
  if ! chromium_is_there && [ -n "$(candidate chromium)" ]; then
    want "tests of the page" chromium
  fi
  if ! opencv_is_there; then
    "$PYTHON" -c "import numpy" >/dev/null 2>&1 || want "tests of the stream with OpenCV" python3-numpy
    "$PYTHON" -m pip --version >/dev/null 2>&1 || want "to fetch OpenCV" python3-pip
  fi
  install_wanted || return 0
  chromium_is_there || chromium_of_playwright
  opencv_is_there || opencv_from_registry
}

debian_fuzz() {
  local clang
  refresh_lists
  has wasm2c || want "the module as C, for the fuzzer" wabt
  # The compiler's runtime libraries are a package of its version.
  clang=$(candidate clang)
  libfuzzer_is_there || want "the fuzzer and sanitizers" clang "libclang-rt-${clang%%.*}-dev"
  install_wanted || true
}

debian_cross() {
  refresh_lists
  cross_compiler_is_there || want "C for 64-bit Arm" gcc-aarch64-linux-gnu libc6-dev-arm64-cross
  cross_rust_is_there || debian_rust "$RUST_CROSS_TARGET" "64-bit Arm"
  install_wanted || true
}

debian_arm() {
  refresh_lists
  arm_emulator_is_there || want "to run programs for 64-bit Arm" qemu-user
  install_wanted || true
}

opencv_from_registry() {
  local sum new="$OPENCV_FOLDER.new" wanted="opencv-python-headless==$OPENCV_VERSION"
  for sum in $OPENCV_SUMS; do wanted="$wanted --hash=sha256:$sum"; done
  say "fetching OpenCV $OPENCV_VERSION with pip: 50 MB, 141 MB in $OPENCV_FOLDER"
  rm -rf "$new"
  mkdir -p "$new"
  printf '%s\n' "$wanted" >"$new/wanted.txt"
  PIP_ROOT_USER_ACTION=ignore "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps \
    --only-binary :all: --require-hashes --requirement "$new/wanted.txt" --target "$new/packages" >&2 ||
    fail "pip could not fetch it (see above)"
  printf '#!/bin/sh\nPYTHONPATH=%q exec %s "$@"\n' "$OPENCV_FOLDER/packages" "$PYTHON" >"$new/python"
  chmod +x "$new/python"
  rm -rf "$OPENCV_FOLDER"
  mv "$new" "$OPENCV_FOLDER"
}

# Ubuntu's package only leads to a snap, which sees no files of the tests. Their driver can fetch a browser itself.
chromium_of_playwright() {
  local version executable
  version=$(sed -n 's/.*"playwright-core": "\(.*\)".*/\1/p' "$(dirname "$0")/package.json")
  say "fetching Chromium with playwright-core $version, into $BROWSER_FOLDER"
  PLAYWRIGHT_BROWSERS_PATH=$BROWSER_FOLDER \
    npx --yes "playwright-core@$version" install --with-deps --no-shell chromium >&2 ||
    fail "it could not be fetched (see above). Install Chromium or Google Chrome, or name one in CHROMIUM"
  executable=$(find "$BROWSER_FOLDER" -type f -path '*/chrome-linux*/chrome' | head -n 1)
  [ -n "$executable" ] || fail "there is no Chromium in what was fetched. Install one, or name it in CHROMIUM"
  ln -sf "$executable" "$BROWSER_FOLDER/chromium"
}

# --- The order of things

node_lacks() {
  node_is_there || printf '\n    Node %s or newer, with npm %s or newer' "$NODE_MAJOR_MIN" "$NPM_MAJOR_MIN"
}
board_lacks() {
  has qemu-system-arm || printf '\n    qemu-system-arm (QEMU 7.2 or newer)'
  newlib_is_there || printf '\n    arm-none-eabi-gcc with newlib (libc_nano.a)'
  host_compilers_are_there || printf '\n    a C and C++ compiler'
  llvm_is_there || printf '\n    LLVM %s with its headers, as llvm-config-%s' "$LLVM_MAJOR" "$LLVM_MAJOR"
  lld_is_there || printf '\n    the linker lld, as ld.lld'
  rust_is_there "$RUST_TARGET" ||
    printf '\n    Rust 1.%s or newer by rustup, then: rustup target add %s' "$RUST_MINOR_MIN" "$RUST_TARGET"
}
test_lacks() {
  has ffmpeg || printf '\n    ffmpeg'
  gstreamer_is_there || printf '\n    gstreamer 1.0 with its plug-ins of the sets base and good'
  has curl || printf '\n    curl'
  has cjpeg || printf '\n    cjpeg of libjpeg-turbo'
  nats_server_is_there || printf '\n    nats-server'
  has openssl || printf '\n    openssl'
  has strace || printf '\n    strace'
  chromium_is_there || printf '\n    Chromium or Google Chrome, as chromium or google-chrome, or named in CHROMIUM'
  opencv_is_there || printf '\n    OpenCV for Python, as cv2'
}

cross_lacks() {
  cross_compiler_is_there || printf '\n    aarch64-linux-gnu-gcc with its C library'
  cross_rust_is_there ||
    printf '\n    Rust 1.%s or newer by rustup, then: rustup target add %s' "$RUST_MINOR_MIN" "$RUST_CROSS_TARGET"
}

arm_lacks() {
  arm_emulator_is_there || printf '\n    qemu-aarch64 (QEMU 7.2 or newer)'
}

fuzz_lacks() {
  has wasm2c || printf '\n    wasm2c of wabt 1.0.32'
  libfuzzer_is_there || printf '\n    clang with libFuzzer'
}

main() {
  local group lacking=""
  [ $# -gt 0 ] || set -- node board test
  for group in "$@"; do
    case $group in
      node | board | test | fuzz | cross | arm) ;;
      *) fail "no such group: $group. There are node, board, test, fuzz, cross and arm." ;;
    esac
  done

  for group in "$@"; do lacking="$lacking$("${group}_lacks")"; done
  [ -n "$lacking" ] || return 0

  if ! has apt-get; then
    fail "this is neither Debian nor Ubuntu: please install, and have in PATH,$lacking"
  fi
  for group in "$@"; do
    [ -z "$("${group}_lacks")" ] || "debian_$group"
  done
  [ -z "$packages" ] ||
    fail "installing packages takes root or sudo, and there is neither here. Please have someone run:
    apt-get update && apt-get install --no-install-recommends$packages"

  lacking=""
  for group in "$@"; do lacking="$lacking$("${group}_lacks")"; done
  [ -z "$lacking" ] || fail "still not there after installing:$lacking"
  [ -z "$apt_log" ] || rm -f "$apt_log"
  say "done"
}

main "$@"
