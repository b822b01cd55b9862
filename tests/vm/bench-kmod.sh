#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Measures the module on a stock kernel: bench-kmod.sh 6.1|6.12|6.12-rt [PART...]. Prints JSON. PARTs are unwatched,
# latency, capture and stream; all by default. The times mean something on an idle machine only; with BOOT_COUNT=1 they are
# instructions, anywhere.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
flavour=${1:?6.1, 6.12 or 6.12-rt}
shift
built=build/bench
tests=tests/kselftest

mkdir -p "$built"
tests/vm/kmod.sh "$flavour" >&2
# The tests' own programs have what it takes to drive the module.
mkdir -p build/kselftest
flock build/kselftest make -s -C "$tests" OUTPUT="$root/build/kselftest" MAKELEVEL=1 \
	"$root/build/kselftest/victim" "$root/build/kselftest/emit.skel.h" >&2
gcc -O2 -std=gnu17 -Wall -Wextra -Wno-unused-parameter -D_GNU_SOURCE -Iinclude/uapi -I"$tests" -Ibuild/kselftest -static \
	-pthread -o "$built/kmod_bench" tests/bench/kmod/*.c \
	"$tests"/{client,event,module,request,stats,watch,victims,emitter}.c -lbpf -lelf -lz
echo "$*" > "$built/parts"
BOOT_LIMIT=${BOOT_LIMIT:-900} tests/vm/boot.sh "$flavour" tests/vm/bench-kmod.init "$built/kmod_bench" "$built/parts" build/kselftest/victim \
	"build/kmod/$flavour/kmod/faultline.ko" | sed '/^=== end/d'
