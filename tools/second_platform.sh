#!/usr/bin/env bash
# Runs the Rust tests on a second platform, WebAssembly in Node, to show that every number is the same there to the last bit.
#
# Usage: tools/second_platform.sh [ARGUMENT…]      further arguments for `cargo test`, for example --test same_bits
#
# The platform's standard library is compiled from the sources of the installed Rust, which
# rustup adds if they are missing. A C library for WebAssembly is needed too: Debian's package wasi-libc.
set -euo pipefail
cd "$(dirname "$0")/.."

libc=/usr/lib/wasm32-wasi

die() { echo "zero-init: $*" >&2; exit 1; }

[ -d "$(rustc --print sysroot)/lib/rustlib/src/rust/library" ] || rustup component add rust-src ||
    die "the sources of Rust's standard library are missing: run 'rustup component add rust-src'"
[ -e "$libc/libc.a" ] || die "there is no C library for WebAssembly (Debian: apt install wasi-libc)"
node -e 'require("node:wasi")' 2> /dev/null || die "there is no Node.js 20 or later (Debian: apt install nodejs)"

# Cargo compiles the standard library (-Zbuild-std) only for a nightly compiler, or for one that is told to act like it.
export RUSTC_BOOTSTRAP=1
export CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="-Clinker=rust-lld -Clink-self-contained=no -Clink-arg=$libc/crt1-command.o -Lnative=$libc"
export CARGO_TARGET_WASM32_WASIP1_RUNNER="node --no-warnings $PWD/tools/wasi.mjs"

# A panic ends the whole program here. So its message must not be held back until the test has ended (--nocapture), and
# the other programs are still to be run (--no-fail-fast).
exec cargo test --quiet --locked --target wasm32-wasip1 -Zbuild-std=std,panic_abort --no-fail-fast --tests "$@" -- --nocapture
