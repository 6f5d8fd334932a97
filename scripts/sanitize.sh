#!/usr/bin/env bash
# Runs jest on an addon that is built with AddressSanitizer; arguments are for jest.
#
# Needs Rust nightly with rust-src, and clang's runtime: in Debian that of libclang-rt-dev, or ASAN_RUNTIME names it.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
machine=$(uname -m)
target=$machine-unknown-linux-gnu
runtime=${ASAN_RUNTIME:-$(find /usr/lib/llvm-*/lib/clang -name "libclang_rt.asan-$machine.so" | sort -V | tail -n 1)}
[ -f "$runtime" ] || { echo 'no runtime of AddressSanitizer: ASAN_RUNTIME must name it' >&2; exit 1; }
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/sanitize}
addon=$(echo spillway.linux-*-gnu.node)
[ -f "$addon" ] || { echo 'no addon: npm run build first' >&2; exit 1; }

# rustix by libc, not by system calls of its own: so AddressSanitizer sees what the kernel is given to read.
CARGO_PROFILE_DEV_OPT_LEVEL=1 RUSTFLAGS='-Zsanitizer=address -Cforce-frame-pointers=yes --cfg=rustix_use_libc' \
  cargo +nightly build --lib -Zbuild-std --target "$target"

logs=$(mktemp -d)
mv "$addon" "$logs/addon"
trap 'mv -f "$logs/addon" "$addon"; rm -rf "$logs"' EXIT
cp "$CARGO_TARGET_DIR/$target/debug/libspillway.so" "$addon"

# Not those that measure memory, which AddressSanitizer holds back, or the addon itself; nor those that run dd, which it refuses.
skipped='a loop that never looks|fills the same memory|take no more memory|MiB more than|holds no slab|50 workers|workers that end before|slow reader|Standard output|an addon'
status=0
LD_PRELOAD=$runtime ASAN_OPTIONS=detect_leaks=0:log_path=$logs/report \
  node node_modules/jest/bin/jest.js -i --testTimeout=240000 -t "^(?!.*($skipped))" "$@" || status=$?
# A child's report is not its test's output.
if compgen -G "$logs/report.*" > /dev/null; then
  cat "$logs"/report.*
  status=1
fi
exit "$status"
