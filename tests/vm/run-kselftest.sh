#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the module's tests on a stock kernel: one boot with all of them, TAP on standard output.
#
#   run-kselftest.sh 6.1|6.12|6.12-rt [PROGRAM...]	all programs by default
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
flavour=${1:?6.1, 6.12 or 6.12-rt}
shift
programs=("$@")
((${#programs[@]})) || programs=(watch_test fault_table fatal_test capture_test hold_test stream_test kfunc_test unload_test)
built=$root/build/kselftest

tests/vm/kmod.sh "$flavour" | sed 's/^/# /'
# OUTPUT keeps the tree clean; lib.mk wants to be called as a sub-make then.
mkdir -p "$built/$flavour"
flock "$built" make -s -C tests/kselftest OUTPUT="$built" MAKELEVEL=1 | sed 's/^/# /'
echo "${programs[*]}" > "$built/$flavour/programs"
BOOT_LIMIT=${BOOT_LIMIT:-400} exec tests/vm/boot.sh "$flavour" tests/vm/kselftest.init "$built/$flavour/programs" \
	"build/kmod/$flavour/kmod/faultline.ko" "$built/victim" "$built/faulter" "${programs[@]/#/$built/}"
