#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the module's tests on a stock kernel: one boot with all of them, TAP on standard output.
#
#   run-kselftest.sh 6.1|6.12|6.12-rt [PROGRAM...]	all programs by default
#
# It takes the debug kernels of tests/debug-kernel as well. What the tests can be told, with what they do by default:
# UNLOAD_ROUNDS loads in a storm of crashes, FUZZ_SECONDS and FUZZ_SEED of the fuzzer.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
flavour=${1:?6.1, 6.12 or 6.12-rt}
shift
programs=("$@")
# The one that lets allocations fail needs a debug kernel.
((${#programs[@]})) || mapfile -t programs < <(make -s -C tests/kselftest MAKELEVEL=1 list | grep -vx failnth_test)
built=$root/build/kselftest

tests/vm/kmod.sh "$flavour" | sed 's/^/# /'
# OUTPUT keeps the tree clean; lib.mk wants to be called as a sub-make then.
mkdir -p "$built/$flavour"
flock "$built" make -s -C tests/kselftest OUTPUT="$built" MAKELEVEL=1 | sed 's/^/# /'
echo "${programs[*]}" > "$built/$flavour/programs"
for name in UNLOAD_ROUNDS FUZZ_SECONDS FUZZ_SEED; do
	[[ ! ${!name:-} ]] || echo "export $name=${!name}"
done > "$built/$flavour/environment"
# Where FUSE is a module, it is one of these.
mapfile -t modules < <(find -L ".cache/kernels/$flavour/lib/modules" -path '*/fs/fuse/fuse.ko' 2>/dev/null)
BOOT_LIMIT=${BOOT_LIMIT:-1400} exec tests/vm/boot.sh "$flavour" tests/vm/kselftest.init "$built/$flavour/programs" \
	"$built/$flavour/environment" "build/kmod/$flavour/kmod/faultline.ko" "$built/victim" "$built/faulter" "${modules[@]}" "${programs[@]/#/$built/}"
