#!/usr/bin/env bash
# Runs cargo for WebAssembly (wasm32-wasip1), which is the second platform of the tests and the one of the pages' program.
#
# Usage: tools/wasm.sh COMMAND [ARGUMENT…]      for example tools/wasm.sh test --test same_bits
#
# Rust's standard library for it is there already, or rustup adds it. Where neither is so, it is compiled from its sources;
# that needs a C library for WebAssembly, Debian's package wasi-libc.
set -euo pipefail
cd "$(dirname "$0")/.."

target=wasm32-wasip1
libc=/usr/lib/wasm32-wasi
arguments=("$1" --target "$target" --locked)

die() { echo "zero-init: $*" >&2; exit 1; }
has_std() { ls "$(rustc --print target-libdir --target "$target")"/libstd-*.rlib > /dev/null 2>&1; }

if ! has_std && ! { rustup target add "$target" > /dev/null 2>&1 && has_std; }; then
    [ -d "$(rustc --print sysroot)/lib/rustlib/src/rust/library" ] || rustup component add rust-src > /dev/null 2>&1 ||
        die "Rust's standard library for WebAssembly is missing: run 'rustup target add $target'"
    [ -e "$libc/libc.a" ] || die "there is no C library for WebAssembly (Debian: apt install wasi-libc)"
    # Cargo compiles the standard library (-Zbuild-std) only for a nightly compiler, or for one that is told to act like it.
    export RUSTC_BOOTSTRAP=1
    flags="-Clinker=rust-lld -Clink-self-contained=no -Clink-arg=$libc/crt1-command.o -Lnative=$libc"
    export CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="-Ctarget-feature=+simd128 $flags"
    arguments+=("-Zbuild-std=std,panic_abort")
fi
if [ "$1" = test ]; then
    node -e 'require("node:wasi")' 2> /dev/null || die "there is no Node.js 20 or later (Debian: apt install nodejs)"
    # As a list, since a folder's name may have a space in it.
    program="$(printf '%s' "$PWD/tools/wasi.mjs" | sed 's/[\\"]/\\&/g')"
    arguments+=(--config "target.$target.runner = [\"node\", \"--no-warnings\", \"$program\"]")
fi
exec cargo "${arguments[@]}" "${@:2}"
