#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Measures the module on a stock kernel: bench-kmod.sh 6.1|6.12|6.12-rt. Prints JSON. The times mean something on an idle
# machine only; with BOOT_COUNT=1 they are instructions, anywhere.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
flavour=${1:?6.1, 6.12 or 6.12-rt}
built=build/bench
tests=tests/kselftest

mkdir -p "$built"
tests/vm/kmod.sh "$flavour" >&2
gcc -O2 -std=gnu17 -Wall -Wextra -Wno-unused-parameter -D_GNU_SOURCE -Iinclude/uapi -I"$tests" -static -pthread \
	-o "$built/kmod_bench" tests/bench/kmod_bench.c "$tests/client.c" "$tests/victims.c"
gcc -O2 -D_GNU_SOURCE -static -o "$built/victim" "$tests/victim.c"
tests/vm/boot.sh "$flavour" tests/vm/bench-kmod.init "$built/kmod_bench" "$built/victim" \
	"build/kmod/$flavour/kmod/faultline.ko" | sed '/^=== end/d'
